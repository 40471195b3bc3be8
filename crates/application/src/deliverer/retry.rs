//! When something that failed is tried again, and when it is given up.

use std::time::Duration;

use wharf_domain::ports::Random;

use crate::backoff;

/// How failed deliveries are tried again.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// The pause after the first failure; it doubles with each further one. Of each between half and all is waited.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long a delivery waits between attempts, all pauses together, before it becomes a dead letter. The time in
    /// which nothing gets through to its sink at all does not count.
    pub give_up_after: Duration,
    /// After how many attempts it does so at the latest, if that is limited too.
    pub attempts: Option<u32>,
    /// After how many attempts it does so when the receiver refuses this very event.
    pub refusals: u32,
}

impl Default for RetryPolicy {
    /// A day: 5 s, 10 s, 20 s … 1 h, 1 h.
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_hours(1),
            give_up_after: Duration::from_hours(24),
            attempts: None,
            refusals: 5,
        }
    }
}

impl RetryPolicy {
    /// The pause after so many attempts, for a delivery that has waited so long; `None` when it is given up.
    pub(super) fn pause(
        &self,
        attempts: u32,
        waited: Duration,
        is_refused: bool,
        random: &dyn Random,
    ) -> Option<Duration> {
        let most = self.attempts.unwrap_or(u32::MAX);
        let most = if is_refused { most.min(self.refusals) } else { most };
        let left = self.give_up_after.saturating_sub(waited);
        if attempts >= most || left.is_zero() {
            return None;
        }
        let pause = backoff::pause(self.first_pause, self.longest_pause, attempts, random);
        // The last attempt is made when the time is up, and not before.
        Some(pause.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Most;
    impl Random for Most {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xFF);
        }
    }

    /// The pauses until it is given up.
    fn pauses(policy: &RetryPolicy, is_refused: bool) -> Vec<u64> {
        let mut waited = Duration::ZERO;
        let pauses = (1..).map_while(|attempts| {
            let pause = policy.pause(attempts, waited, is_refused, &Most)?;
            waited += pause;
            Some(pause.as_secs())
        });
        pauses.collect()
    }

    #[test]
    fn pauses_grow_from_seconds_to_an_hour_and_make_up_a_day() {
        let pauses = pauses(&RetryPolicy::default(), false);
        assert_eq!(pauses[..5], [5, 10, 20, 40, 80]);
        assert_eq!(pauses.iter().max(), Some(&3600));
        assert_eq!(pauses.iter().sum::<u64>(), 24 * 3600);
    }

    #[test]
    fn what_is_refused_is_given_up_after_five_attempts() {
        assert_eq!(pauses(&RetryPolicy::default(), true), [5, 10, 20, 40]);
    }

    #[test]
    fn attempts_can_be_limited() {
        let policy = RetryPolicy { attempts: Some(3), ..RetryPolicy::default() };
        assert_eq!(pauses(&policy, false), [5, 10]);
        assert_eq!(pauses(&policy, true), [5, 10]);
    }
}
