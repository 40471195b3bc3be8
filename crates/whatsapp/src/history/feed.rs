use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use chrono::TimeDelta;
use tokio::sync::Notify;
use wacore::types::events::LazyHistorySync;
use wharf_domain::{Timestamp, ports::History};

/// How many bytes may wait in memory. The library goes on fetching, however slow the observer is, so the rest is put
/// aside into files without names.
const ROOM: usize = 16 << 20;

/// The line of pieces of history that the phone has offered, still compressed.
pub(crate) struct Feed {
    history: History,
    waiting: Mutex<Waiting>,
    offered: Notify,
}

#[derive(Default)]
struct Waiting {
    pieces: VecDeque<Piece>,
    in_memory: usize,
}

/// A piece of history.
pub(super) struct Piece {
    compressed: Compressed,
    size: usize,
    progress: Option<u32>,
}

enum Compressed {
    Here(Bytes),
    Aside(File),
}

impl Feed {
    pub(crate) fn new(history: History) -> Self {
        Self { history, waiting: Mutex::default(), offered: Notify::new() }
    }

    /// Adds a piece at the end, unless nothing is wanted.
    pub(crate) fn offer(&self, piece: &LazyHistorySync) {
        if self.history == History::Skip {
            return;
        }
        let mut waiting = self.lock();
        let bytes = piece.compressed_bytes().clone();
        let compressed = if waiting.in_memory + bytes.len() > ROOM {
            aside(&bytes).map_or_else(
                |e| {
                    tracing::warn!(error = %e, "history could not be put aside");
                    Compressed::Here(bytes.clone())
                },
                Compressed::Aside,
            )
        } else {
            Compressed::Here(bytes)
        };
        waiting.in_memory += compressed.in_memory();
        let (size, progress) = (piece.decompressed_size(), piece.progress());
        waiting.pieces.push_back(Piece { compressed, size, progress });
        drop(waiting);
        self.offered.notify_one();
    }

    /// The next piece, once there is one.
    pub(super) async fn next(&self) -> Piece {
        loop {
            let next = {
                let mut waiting = self.lock();
                let next = waiting.pieces.pop_front();
                if let Some(piece) = &next {
                    waiting.in_memory -= piece.compressed.in_memory();
                }
                next
            };
            match next {
                Some(piece) => return piece,
                None => self.offered.notified().await,
            }
        }
    }

    /// The oldest message that is wanted.
    pub(super) fn since(&self, now: Timestamp) -> Timestamp {
        match self.history {
            History::Days(days) => now
                .checked_sub_signed(TimeDelta::days(i64::from(days)))
                .unwrap_or(Timestamp::MIN_UTC),
            History::Skip | History::All => Timestamp::MIN_UTC,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Piece {
    /// How far the phone is, in percent.
    pub(super) fn progress(&self) -> Option<u32> {
        self.progress
    }

    /// The piece as the library reads it. May wait for the disk.
    pub(super) fn open(self) -> io::Result<LazyHistorySync> {
        let compressed = match self.compressed {
            Compressed::Here(bytes) => bytes,
            Compressed::Aside(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                bytes.into()
            }
        };
        // Of which kind it is, and the how manieth, is of no interest.
        Ok(LazyHistorySync::new(compressed, self.size, 0, None, self.progress))
    }
}

impl Compressed {
    fn in_memory(&self) -> usize {
        match self {
            Self::Here(bytes) => bytes.len(),
            Self::Aside(_) => 0,
        }
    }
}

fn aside(bytes: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn piece(length: usize, progress: u32) -> LazyHistorySync {
        let fill = u8::try_from(progress).unwrap();
        LazyHistorySync::new(vec![fill; length].into(), 1, 0, None, Some(progress))
    }

    #[tokio::test]
    async fn what_does_not_fit_into_memory_waits_in_a_file_and_keeps_its_place() {
        let feed = Feed::new(History::All);
        for (length, progress) in [(ROOM - 10, 1), (20, 2), (10, 3)] {
            feed.offer(&piece(length, progress));
        }
        assert_eq!(feed.lock().in_memory, ROOM);
        for (length, progress) in [(ROOM - 10, 1), (20, 2), (10, 3)] {
            let next = feed.next().await;
            assert_eq!(matches!(next.compressed, Compressed::Aside(_)), progress == 2);
            let opened = next.open().unwrap();
            assert_eq!(opened.progress(), Some(progress));
            let bytes = opened.compressed_bytes();
            assert_eq!((bytes.len(), bytes[0]), (length, u8::try_from(progress).unwrap()));
        }
        assert_eq!(feed.lock().in_memory, 0);
        assert!(feed.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn nothing_waits_when_nothing_is_wanted() {
        let feed = Feed::new(History::Skip);
        feed.offer(&piece(1, 1));
        assert!(feed.next().now_or_never().is_none());
    }

    #[test]
    fn so_many_days_are_wanted() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(Feed::new(History::Days(2)).since(now), now - TimeDelta::days(2));
        assert_eq!(Feed::new(History::Days(u32::MAX)).since(now), Timestamp::MIN_UTC);
        assert_eq!(Feed::new(History::All).since(now), Timestamp::MIN_UTC);
    }
}
