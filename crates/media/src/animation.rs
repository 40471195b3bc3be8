//! Pictures that move.

use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage, Frame, Frames, ImageDecoder, ImageFormat, RgbaImage};
use webp::{AnimEncoder, AnimFrame, PixelLayout, WebPMemory};

use crate::picture::limits;
use crate::sticker::{SIDE, centred, fit, lossy};

/// What WhatsApp takes for a sticker that moves.
pub(crate) const MOST_BYTES: usize = 500 * 1024;

/// What WhatsApp plays of a sticker.
const LONGEST: Duration = Duration::from_secs(10);

/// The shortest time a frame is shown, which bounds how many there are: a hundred.
const SHORTEST_FRAME: Duration = Duration::from_millis(100);

/// What browsers show a frame for that names no time, or next to none.
const DEFAULT_FRAME: Duration = Duration::from_millis(100);

/// How many pixels are decoded at most, however they come in frames: some seconds of work.
const MOST_PIXELS: u64 = 400_000_000;

/// Pixels of a whole frame at most: decoders hold a few of them.
const LARGEST_FRAME: u64 = 2048 * 2048;

/// What is tried in turn until it is small enough: quality, and one frame of how many.
const ATTEMPTS: [(f32, usize); 4] = [(60.0, 1), (30.0, 1), (10.0, 1), (10.0, 2)];

/// A frame the size of a sticker, and when it is shown.
pub(crate) struct Moment {
    picture: RgbaImage,
    at: Duration,
}

/// Whether a WebP says that it moves.
pub(crate) fn is_moving_webp(bytes: &[u8]) -> bool {
    WebPDecoder::new(Cursor::new(bytes)).is_ok_and(|decoder| decoder.has_animation())
}

/// The frames of a picture that moves; `None` when it does not, or is too large.
pub(crate) fn read(bytes: &[u8], format: ImageFormat) -> Option<Vec<Moment>> {
    let (frames, (width, height)) = open(bytes, format)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > LARGEST_FRAME {
        return None;
    }
    let most = usize::try_from(MOST_PIXELS / pixels).unwrap_or(usize::MAX);
    let mut moments: Vec<Moment> = Vec::new();
    let mut at = Duration::ZERO;
    // What is damaged ends where the damage begins.
    for frame in frames.take(most).map_while(Result::ok) {
        if at >= LONGEST {
            break;
        }
        let shown = shown_for(&frame);
        if moments.last().is_none_or(|last| at >= last.at + SHORTEST_FRAME) {
            let picture = fit(DynamicImage::ImageRgba8(frame.into_buffer()));
            moments.push(Moment { picture: centred(&picture.into_rgba8()), at });
        }
        at += shown;
    }
    (moments.len() > 1).then_some(moments)
}

fn open(bytes: &[u8], format: ImageFormat) -> Option<(Frames<'_>, (u32, u32))> {
    let reader = Cursor::new(bytes);
    match format {
        ImageFormat::Gif => {
            let mut decoder = GifDecoder::new(reader).ok()?;
            decoder.set_limits(limits()).ok()?;
            let dimensions = decoder.dimensions();
            Some((decoder.into_frames(), dimensions))
        }
        ImageFormat::WebP => {
            let mut decoder = WebPDecoder::new(reader).ok().filter(WebPDecoder::has_animation)?;
            decoder.set_limits(limits()).ok()?;
            let dimensions = decoder.dimensions();
            Some((decoder.into_frames(), dimensions))
        }
        _ => None,
    }
}

fn shown_for(frame: &Frame) -> Duration {
    let shown = Duration::from(frame.delay());
    if shown <= Duration::from_millis(10) { DEFAULT_FRAME } else { shown }
}

/// A WebP of those frames, repeated for ever; `None` when it cannot be made small enough.
pub(crate) fn encode(moments: &[Moment]) -> Option<Bytes> {
    for (quality, step) in ATTEMPTS {
        let webp = attempt(moments.iter().step_by(step), quality)?;
        match webp.len() {
            size if size <= MOST_BYTES => return Some(Bytes::copy_from_slice(&webp)),
            // The last attempt makes about a fourth of what the first one does.
            size if size > 8 * MOST_BYTES => return None,
            _ => {}
        }
    }
    None
}

fn attempt<'a>(moments: impl Iterator<Item = &'a Moment>, quality: f32) -> Option<WebPMemory> {
    let mut config = lossy(quality)?;
    // A frame is one of a hundred: a little larger matters less than being done.
    config.method = 2;
    let mut encoder = AnimEncoder::new(SIDE, SIDE, &config);
    for Moment { picture, at } in moments {
        let at = i32::try_from(at.as_millis()).ok()?;
        encoder.add_frame(AnimFrame::new(picture, PixelLayout::Rgba, SIDE, SIDE, at, None));
    }
    encoder.try_encode().ok()
}
