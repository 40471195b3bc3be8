//! How much media may be in memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in pieces of this size, so that their number fits a permit's.
const PIECE: u64 = 1024;

/// Room in memory for media.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pieces: Arc<Semaphore>,
    all: u32,
}

/// Room that is taken; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(
    #[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>,
);

impl Room {
    pub(crate) fn of(bytes: u64) -> Self {
        let all = u32::try_from(bytes.div_ceil(PIECE).max(1)).unwrap_or(u32::MAX);
        Self { pieces: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits for room for so many bytes; what is larger than all of it gets all of it. Whoever waits longest is first.
    pub(crate) async fn take(&self, bytes: u64) -> Seat {
        let wanted = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX).min(self.all);
        // The semaphore is never closed.
        Seat(self.pieces.clone().acquire_many_owned(wanted).await.ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_more_than_there_is_room_for_waits_and_what_is_huge_is_let_in_alone() {
        let room = Room::of(10 * PIECE);
        let huge = room.take(u64::MAX).await;
        let waiting = room.take(1);
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(huge);
        waiting.await;
    }
}
