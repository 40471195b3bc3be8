use std::time::Duration;

/// How many values a waveform has, by WhatsApp's convention.
const VALUES: usize = 64;

/// How many samples are summed up at once, for so many of a second.
const PIECES_A_SECOND: u32 = 100;

/// Hears samples go by and keeps how loud they were, a hundredth of a second at a time.
pub(crate) struct Loudness {
    piece: u32,
    heard: u32,
    sum: f64,
    levels: Vec<f32>,
}

impl Loudness {
    /// For so many samples a second, those of all channels taken together.
    pub(crate) fn new(samples_a_second: u32) -> Self {
        let piece = (samples_a_second / PIECES_A_SECOND).max(1);
        Self { piece, heard: 0, sum: 0.0, levels: Vec::new() }
    }

    /// Hears a sample from -1 to 1.
    pub(crate) fn hear(&mut self, sample: f32) {
        self.sum += f64::from(sample.abs());
        self.heard += 1;
        if self.heard == self.piece {
            self.keep();
        }
    }

    fn keep(&mut self) {
        #[expect(clippy::cast_possible_truncation, reason = "a level needs no more digits")]
        self.levels.push((self.sum / f64::from(self.heard)) as f32);
        (self.sum, self.heard) = (0.0, 0);
    }

    /// How long it has listened.
    pub(crate) fn heard_for(&self) -> Duration {
        let pieces = u32::try_from(self.levels.len()).unwrap_or(u32::MAX);
        Duration::from_secs(1) / PIECES_A_SECOND * pieces
    }

    /// The loudness from start to end as 64 values, the loudest being 100. `None` where nothing was heard at all.
    pub(crate) fn waveform(mut self) -> Option<Vec<u8>> {
        if self.heard > 0 {
            self.keep();
        }
        let levels = &self.levels;
        let mean = |value: usize| {
            let start = value * levels.len() / VALUES;
            let end = ((value + 1) * levels.len() / VALUES).max(start + 1);
            let part = &levels[start..end];
            #[expect(clippy::cast_precision_loss, reason = "a part has few levels")]
            let count = part.len() as f32;
            part.iter().sum::<f32>() / count
        };
        if levels.is_empty() {
            return None;
        }
        let means: Vec<f32> = (0..VALUES).map(mean).collect();
        let loudest = means.iter().copied().fold(0.0, f32::max);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 0 to 100"
        )]
        let scaled =
            |mean: f32| if loudest > 0.0 { (mean / loudest * 100.0).round() as u8 } else { 0 };
        Some(means.into_iter().map(scaled).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waveform(samples: impl Iterator<Item = f32>) -> Option<Vec<u8>> {
        let mut loudness = Loudness::new(8000);
        samples.for_each(|sample| loudness.hear(sample));
        loudness.waveform()
    }

    #[test]
    fn the_loudest_value_is_100_however_quiet_it_is() {
        let rising = (0_u16..8000).map(|n| f32::from(n) / 80_000.0);
        let values = waveform(rising).unwrap();
        assert_eq!(values.len(), 64);
        assert_eq!(values.last(), Some(&100));
        assert!(values.is_sorted(), "{values:?}");
        assert!(values[0] < 5, "{values:?}");
    }

    #[test]
    fn silence_is_64_zeros_and_nothing_is_nothing() {
        assert_eq!(waveform(std::iter::repeat_n(0.0, 8000)), Some(vec![0; 64]));
        assert_eq!(waveform(std::iter::repeat_n(0.5, 10)), Some(vec![100; 64]));
        assert_eq!(waveform(std::iter::empty()), None);
    }
}
