use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{StreamExt, TryStreamExt};
use tokio_util::io::ReaderStream;
use wacore::{
    download::{DownloadWriter, MediaType},
    upload::{EncryptedMediaInfo, UploadSource, encrypt_media_streaming},
};
use wharf_domain::{Error, media::MediaBody};
use whatsapp_rust::anyhow;

/// How much of a file is in memory at a time.
const PIECE: usize = 64 << 10;

/// A file without a name that takes so many bytes and no more. It is gone with the last that holds it.
pub(crate) struct Spool {
    file: File,
    state: Arc<State>,
}

struct State {
    limit: u64,
    is_full: AtomicBool,
    is_unwanted: AtomicBool,
}

/// Keeps an eye on a file that somebody else writes. Once this is dropped, no more is written.
pub(crate) struct Watch(Arc<State>);

impl Spool {
    pub(crate) fn new(limit: u64) -> io::Result<(Self, Watch)> {
        let (is_full, is_unwanted) = (AtomicBool::new(false), AtomicBool::new(false));
        let state = Arc::new(State { limit, is_full, is_unwanted });
        let spool = Self { file: tempfile::tempfile()?, state: state.clone() };
        Ok((spool, Watch(state)))
    }

    /// Gives out what was written.
    pub(crate) fn into_body(mut self) -> io::Result<MediaBody> {
        self.file.rewind()?;
        let size = self.file.metadata()?.len();
        let file = tokio::fs::File::from_std(self.file);
        let bytes = ReaderStream::with_capacity(file, PIECE)
            .map_err(|e| Error::unavailable("the temporary file", e));
        Ok(MediaBody { size, bytes: bytes.boxed() })
    }
}

impl Watch {
    /// How many bytes the file takes.
    pub(crate) fn limit(&self) -> u64 {
        self.0.limit
    }

    /// Whether more was to be written than the file takes.
    pub(crate) fn is_full(&self) -> bool {
        self.0.is_full.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.is_unwanted.store(true, Ordering::Release);
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.state.is_unwanted.load(Ordering::Acquire) {
            return Err(io::Error::other("nobody waits for this file any more"));
        }
        let end = self.file.stream_position()?.saturating_add(bytes.len() as u64);
        if end > self.state.limit {
            self.state.is_full.store(true, Ordering::Release);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Spool {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl DownloadWriter for Spool {
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
}

/// Encrypted media in a file without a name.
pub(crate) struct Sealed {
    file: File,
    length: u64,
}

impl Sealed {
    /// Encrypts media, and says what opens it again.
    pub(crate) fn of(media: &[u8], kind: MediaType) -> anyhow::Result<(Self, EncryptedMediaInfo)> {
        let mut file = BufWriter::new(tempfile::tempfile()?);
        let info = encrypt_media_streaming(media, &mut file, kind)?;
        let file = file.into_inner()?;
        let length = file.metadata()?.len();
        Ok((Self { file, length }, info))
    }
}

impl UploadSource for Sealed {
    fn len(&self) -> u64 {
        self.length
    }

    // One attempt is over before the next begins, so they may share the place in the file.
    fn reader_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_from_its_beginning() {
        let (mut spool, _watch) = Spool::new(10).unwrap();
        spool.write_all(b"wrong and long"[..10].as_ref()).unwrap();
        spool.truncate(0).unwrap();
        spool.rewind().unwrap();
        spool.write_all(b"right").unwrap();
        let body = spool.into_body().unwrap();
        assert_eq!(body.size, 5);
        assert_eq!(&body.read().await.unwrap()[..], b"right");
    }

    #[test]
    fn it_takes_no_more_than_its_limit() {
        let (mut spool, watch) = Spool::new(4).unwrap();
        spool.write_all(b"abcd").unwrap();
        assert!(!watch.is_full());
        spool.write_all(b"e").unwrap_err();
        assert!(watch.is_full());
    }

    #[test]
    fn sealed_media_is_read_from_wherever_an_upload_goes_on() {
        let (sealed, info) = Sealed::of(&[7; 1000], MediaType::Image).unwrap();
        assert_eq!(info.file_length, 1000);
        let mut all = Vec::new();
        sealed.reader_from(0).unwrap().read_to_end(&mut all).unwrap();
        assert_eq!(all.len() as u64, sealed.len());
        assert!(!all.windows(100).any(|window| window == [7; 100]), "not encrypted");
        let mut rest = Vec::new();
        sealed.reader_from(500).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, all[500..]);
    }

    #[test]
    fn nothing_is_written_for_nobody() {
        let (mut spool, watch) = Spool::new(4).unwrap();
        drop(watch);
        spool.write_all(b"abcd").unwrap_err();
    }
}
