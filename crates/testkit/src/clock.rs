use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use wharf_domain::{Timestamp, ports::Clock};

/// A clock that stands still until it is told to go on.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
    sleepers: watch::Sender<Vec<Timestamp>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now: watch::Sender::new(now), sleepers: watch::Sender::new(Vec::new()) }
    }

    /// Lets time pass; whoever's sleep is over wakes up.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now += by);
    }

    /// Goes to a moment; never back.
    pub fn advance_to(&self, moment: Timestamp) {
        self.now.send_modify(|now| *now = moment.max(*now));
    }

    /// When the next sleeper will wake up, if there is one.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.sleepers.borrow().iter().min().copied()
    }

    /// How many sleep now.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.sleepers.borrow().len()
    }

    /// Returns once at least `count` sleep: what ran before has come to rest.
    pub async fn until_sleeping(&self, count: usize) {
        let mut sleepers = self.sleepers.subscribe();
        let enough = sleepers.wait_for(|sleepers| sleepers.len() >= count).await;
        enough.expect("the sender is ours");
    }

    /// Waits for a sleeper and goes to the moment it wakes up at.
    pub async fn advance_to_next_wake(&self) {
        self.until_sleeping(1).await;
        if let Some(wake) = self.next_wake() {
            self.advance_to(wake);
        }
    }
}

impl Default for ManualClock {
    /// A clock at [`crate::build::moment`]`(0)`.
    fn default() -> Self {
        Self::at(crate::build::moment(0))
    }
}

/// Strikes a sleeper off the list, also when its future is dropped.
struct Sleeper<'a> {
    clock: &'a ManualClock,
    until: Timestamp,
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.sleepers.send_modify(|sleepers| {
            if let Some(place) = sleepers.iter().position(|until| *until == self.until) {
                sleepers.swap_remove(place);
            }
        });
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep(&self, pause: Duration) {
        let mut now = self.now.subscribe();
        let until = *now.borrow() + pause;
        if *now.borrow() >= until {
            return;
        }
        self.sleepers.send_modify(|sleepers| sleepers.push(until));
        let _sleeper = Sleeper { clock: self, until };
        now.wait_for(|now| *now >= until).await.expect("the sender is ours");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_when_its_time_has_come_and_not_before() {
        let clock = Arc::new(ManualClock::default());
        let sleeping = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(10)).await }
        });
        clock.until_sleeping(1).await;
        clock.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert_eq!(clock.sleepers(), 1);
        clock.advance(Duration::from_secs(1));
        sleeping.await.unwrap();
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test]
    async fn dropping_a_sleep_ends_it() {
        let clock = ManualClock::default();
        tokio::select! {
            biased;
            () = clock.sleep(Duration::from_secs(10)) => unreachable!("nobody advanced the clock"),
            () = clock.until_sleeping(1) => {}
        }
        assert_eq!(clock.sleepers(), 0);
    }
}
