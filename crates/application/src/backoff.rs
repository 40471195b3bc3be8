//! Growing pauses between attempts.

use std::time::Duration;

use wharf_domain::ports::Random;

/// The pause after `failures` failures in a row: `first` doubled each time up to `longest`, of which between half and
/// all is waited, so that what failed together does not come back together.
pub(crate) fn pause(
    first: Duration,
    longest: Duration,
    failures: u32,
    random: &dyn Random,
) -> Duration {
    let full = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(longest);
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    let part = 0.5 + f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX) / 2.0;
    full.mul_f64(part)
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

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(10));
        let pauses: Vec<_> = (1..=6).map(|n| pause(first, longest, n, &Most).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
        assert_eq!(pause(first, longest, u32::MAX, &Most), longest);
    }
}
