use std::sync::atomic::{AtomicU64, Ordering};

use wharf_domain::ports::Random;

/// Bytes that look random, come out the same for the same seed, and never repeat within a run.
#[derive(Debug)]
pub struct SequenceRandom {
    state: AtomicU64,
}

impl SequenceRandom {
    /// The sequence of a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// The next step of `SplitMix64` (Steele, Lea and Flood, 2014).
    fn next(&self) -> u64 {
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(GOLDEN, Ordering::Relaxed).wrapping_add(GOLDEN);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Default for SequenceRandom {
    fn default() -> Self {
        Self::seeded(1)
    }
}

impl Random for SequenceRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(random: &SequenceRandom) -> [u8; 20] {
        let mut bytes = [0; 20];
        random.fill(&mut bytes);
        bytes
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_no_draw_repeats() {
        let (one, other) = (SequenceRandom::seeded(7), SequenceRandom::seeded(7));
        let first = draw(&one);
        assert_eq!(first, draw(&other));
        assert_ne!(first, draw(&one));
        assert_ne!(first, draw(&SequenceRandom::seeded(8)));
    }
}
