//! The headers of MP4 and its kin (ISO/IEC 14496-12): just the boxes that tell length and size.
//!
//! Parsers that read whole files build tables of every sample, as large as a hostile header says. Here nothing is
//! allocated, and each box is looked at once.

use std::time::Duration;

/// What the headers tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Film {
    pub(crate) duration: Option<Duration>,
    /// As shown, rotation included.
    pub(crate) dimensions: Option<(u32, u32)>,
    pub(crate) has_picture: bool,
}

/// `None` for what has no movie header: it is no MP4, or a damaged one.
pub(crate) fn read(bytes: &[u8]) -> Option<Film> {
    let movie = find(bytes, *b"moov")?;
    let mut film = Film { duration: find(movie, *b"mvhd").and_then(duration), ..Film::default() };
    for (_, track) in boxes(movie).filter(|(name, _)| name == b"trak") {
        let handler = find(track, *b"mdia").and_then(|media| find(media, *b"hdlr"));
        if handler.and_then(|handler| handler.get(8..12)) == Some(b"vide") {
            film.has_picture = true;
            film.dimensions =
                film.dimensions.or_else(|| find(track, *b"tkhd").and_then(dimensions));
        }
    }
    Some(film)
}

/// The boxes of a container, by name, as far as they are whole.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let name: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
        let (head, size) = match u32_at(rest, 0)? {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(u64_at(rest, 8)?).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        // A size below that of the head would stop us here for ever.
        let content = rest.get(head..size)?;
        rest = rest.get(size..)?;
        Some((name, content))
    })
}

fn find(container: &[u8], wanted: [u8; 4]) -> Option<&[u8]> {
    boxes(container).find(|(name, _)| *name == wanted).map(|(_, content)| content)
}

/// The length by a movie header. Of films that are written as they are recorded it is zero or all ones.
fn duration(header: &[u8]) -> Option<Duration> {
    let (scale, length) = match header.first()? {
        0 => (u32_at(header, 12)?, u64::from(known(u32_at(header, 16)?, u32::MAX)?)),
        1 => (u32_at(header, 20)?, known(u64_at(header, 24)?, u64::MAX)?),
        _ => return None,
    };
    let scale = u64::from(scale);
    let whole = length.checked_div(scale)?;
    let millis = (length % scale) * 1000 / scale;
    Some(Duration::from_secs(whole) + Duration::from_millis(millis)).filter(|d| !d.is_zero())
}

fn known<T: Copy + PartialEq>(value: T, unknown: T) -> Option<T> {
    (value != unknown).then_some(value)
}

/// Width and height by a track header, which keeps them as numbers with 16 bits after the point, at its end.
fn dimensions(header: &[u8]) -> Option<(u32, u32)> {
    let matrix = match header.first()? {
        0 => 40,
        1 => 52,
        _ => return None,
    };
    let (width, height) = (u32_at(header, matrix + 36)? >> 16, u32_at(header, matrix + 40)? >> 16);
    // Zero where a picture keeps its direction: turned by a quarter it is as high as it was wide.
    let is_turned = u32_at(header, matrix)? == 0 && u32_at(header, matrix + 4)? != 0;
    match (width, height) {
        (0, _) | (_, 0) => None,
        _ if is_turned => Some((height, width)),
        _ => Some((width, height)),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(name: &str, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes(), name.as_bytes(), content].concat()
    }

    fn mvhd(scale: u32, length: u32) -> Vec<u8> {
        let mut header = vec![0; 100];
        header[12..16].copy_from_slice(&scale.to_be_bytes());
        header[16..20].copy_from_slice(&length.to_be_bytes());
        atom("mvhd", &header)
    }

    fn track(kind: &str, width: u32, height: u32, turned: bool) -> Vec<u8> {
        let mut header = vec![0; 84];
        header[if turned { 44 } else { 40 }] = 1;
        header[76..80].copy_from_slice(&(width << 16).to_be_bytes());
        header[80..84].copy_from_slice(&(height << 16).to_be_bytes());
        let handler = atom("hdlr", &[&[0; 8], kind.as_bytes(), &[0; 12]].concat());
        atom("trak", &[atom("tkhd", &header), atom("mdia", &handler)].concat())
    }

    fn film(boxes: &[Vec<u8>]) -> Vec<u8> {
        let mut all = atom("ftyp", b"isom\0\0\0\0isommp41");
        all.extend(atom("mdat", &[9; 50]));
        all.extend(atom("moov", &boxes.concat()));
        all
    }

    #[test]
    fn length_and_size_are_read_from_the_headers() {
        let sound = track("soun", 0, 0, false);
        let boxes = [mvhd(600, 750), sound.clone(), track("vide", 640, 360, false)];
        let seen = read(&film(&boxes)).unwrap();
        assert_eq!(seen.duration, Some(Duration::from_millis(1250)));
        assert_eq!(seen.dimensions, Some((640, 360)));
        assert!(seen.has_picture);

        let turned = read(&film(&[mvhd(1, 3), track("vide", 640, 360, true)])).unwrap();
        assert_eq!(turned.dimensions, Some((360, 640)));

        let heard = read(&film(&[mvhd(44_100, 88_200), sound])).unwrap();
        assert_eq!(heard.duration, Some(Duration::from_secs(2)));
        assert!(!heard.has_picture && heard.dimensions.is_none());
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        for (scale, length) in [(0, 5), (1000, 0), (1000, u32::MAX)] {
            assert_eq!(read(&film(&[mvhd(scale, length)])).unwrap().duration, None);
        }
        assert_eq!(read(b"no film"), None);
        assert_eq!(read(&atom("moov", b"")), Some(Film::default()));
    }

    #[test]
    fn a_damaged_file_ends_the_search() {
        let whole = film(&[mvhd(600, 750), track("vide", 640, 360, false)]);
        for end in 0..whole.len() {
            read(&whole[..end]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 7, 255] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                read(&damaged);
            }
        }
    }
}
