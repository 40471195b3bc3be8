use std::io::Cursor;
use std::time::Duration;

use hound::{SampleFormat, WavReader};
use nanomp3::SliceReader;
use ogg::PacketReader;
use opus_decoder::OpusDecoder;

use crate::loudness::Loudness;
use crate::mp4;

/// Decoding takes about a second for each minute or two on a slow machine, so long recordings go without a waveform.
const LONGEST: Duration = Duration::from_mins(30);

/// Opus counts in these, whatever it was made from (RFC 7845).
const OPUS_RATE: u32 = 48_000;

/// What a waveform is decoded at: loudness needs no treble.
const COARSE_RATE: u32 = 8_000;

/// What can be heard in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) duration: Option<Duration>,
    pub(crate) waveform: Option<Vec<u8>>,
}

/// Listens to a file, for its loudness as well if that is wanted.
pub(crate) fn listen(bytes: &[u8], loudness: bool) -> Heard {
    let heard = match bytes {
        [b'O', b'g', b'g', b'S', ..] => opus(bytes, loudness),
        [b'R', b'I', b'F', b'F', ..] => wav(bytes, loudness),
        _ if nanomp3::detect(bytes) => mp3(bytes, loudness),
        _ => mp4::read(bytes).map(|film| Heard { duration: film.duration, waveform: None }),
    };
    heard.unwrap_or_default()
}

/// The nearest whole number of seconds, and one for anything shorter.
pub(crate) fn whole_seconds(duration: Duration) -> u32 {
    let nearest = (duration + Duration::from_millis(500)).as_secs();
    u32::try_from(nearest).unwrap_or(u32::MAX).max(1)
}

/// The length is the position of the last page less what a player skips at the start.
fn opus(bytes: &[u8], loudness: bool) -> Option<Heard> {
    let mut packets = PacketReader::new(Cursor::new(bytes));
    let head = packets.read_packet().ok()??;
    let skipped =
        u16::from_le_bytes(head.data.strip_prefix(b"OpusHead")?.get(2..4)?.try_into().ok()?);
    let serial = head.stream_serial();
    let mut wave = loudness.then(|| Coarse::new(skipped)).flatten();
    let mut end = 0;
    // The second packet holds tags.
    let mut is_sound = false;
    while let Ok(Some(packet)) = packets.read_packet() {
        if packet.stream_serial() != serial {
            continue;
        }
        if !std::mem::replace(&mut is_sound, true) {
            continue;
        }
        // All ones: no packet ends on that page.
        if packet.absgp_page() != u64::MAX {
            end = end.max(packet.absgp_page());
        }
        if length(end, skipped) > LONGEST {
            wave = None;
        }
        if let Some(coarse) = &mut wave
            && coarse.hear(&packet.data).is_none()
        {
            wave = None;
        }
    }
    let duration = Some(length(end, skipped)).filter(|duration| !duration.is_zero());
    Some(Heard { duration, waveform: wave.and_then(|coarse| coarse.loudness.waveform()) })
}

fn length(end: u64, skipped: u16) -> Duration {
    let samples = end.saturating_sub(skipped.into());
    // A thousandth of a second is fine enough, and does not overflow.
    Duration::from_millis(samples / u64::from(OPUS_RATE / 1000))
}

/// Opus decoded to one channel, just for its loudness.
struct Coarse {
    decoder: OpusDecoder,
    samples: Vec<i16>,
    to_skip: usize,
    loudness: Loudness,
}

impl Coarse {
    fn new(skipped: u16) -> Option<Self> {
        let decoder = OpusDecoder::new(COARSE_RATE, 1).ok()?;
        let samples = vec![0; decoder.max_frame_size_per_channel()];
        let to_skip = usize::from(skipped) / (OPUS_RATE / COARSE_RATE) as usize;
        Some(Self { decoder, samples, to_skip, loudness: Loudness::new(COARSE_RATE) })
    }

    fn hear(&mut self, packet: &[u8]) -> Option<()> {
        let count = self.decoder.decode(packet, &mut self.samples, false).ok()?;
        let skipped = self.to_skip.min(count);
        self.to_skip -= skipped;
        for sample in self.samples.get(skipped..count)? {
            self.loudness.hear(f32::from(*sample) / 32_768.0);
        }
        // Positions in the file may claim less than there is.
        (self.loudness.heard_for() <= LONGEST).then_some(())
    }
}

/// The samples are counted: headers of recordings that were cut short, or piped, say anything.
fn wav(bytes: &[u8], loudness: bool) -> Option<Heard> {
    let mut reader = WavReader::new(bytes).ok()?;
    let spec = reader.spec();
    let a_second = spec.sample_rate.checked_mul(spec.channels.into()).filter(|n| *n > 0)?;
    let mut wave = Loudness::new(a_second);
    let mut count: u64 = 0;
    let mut hear = |sample: f32| {
        count += 1;
        wave.hear(sample);
    };
    match spec.sample_format {
        SampleFormat::Float => {
            reader.samples::<f32>().map_while(Result::ok).for_each(&mut hear);
        }
        SampleFormat::Int => {
            let most = f64::from(spec.bits_per_sample.checked_sub(1)?).exp2();
            #[expect(clippy::cast_possible_truncation, reason = "it is from -1 to 1")]
            let scaled = |sample: i32| (f64::from(sample) / most) as f32;
            reader.samples::<i32>().map_while(Result::ok).map(scaled).for_each(&mut hear);
        }
    }
    let duration = of_samples(count, a_second)?;
    let waveform = if loudness && duration <= LONGEST { wave.waveform() } else { None };
    Some(Heard { duration: Some(duration), waveform })
}

fn mp3(bytes: &[u8], loudness: bool) -> Option<Heard> {
    let mut reader = SliceReader::<f32>::new(bytes);
    let rate = reader.sample_rate();
    let duration = of_samples(reader.total_samples()?, rate)?;
    if !loudness || duration > LONGEST {
        return Some(Heard { duration: Some(duration), waveform: None });
    }
    let mut wave = Loudness::new(rate.checked_mul(reader.channels()?.num().into())?);
    while let Ok(Some(samples)) = reader.read_frame() {
        for sample in samples {
            wave.hear(*sample);
        }
        // The length may be one that a tag claims.
        if wave.heard_for() > LONGEST {
            return Some(Heard { duration: Some(duration), waveform: None });
        }
    }
    Some(Heard { duration: Some(duration), waveform: wave.waveform() })
}

fn of_samples(count: u64, a_second: u32) -> Option<Duration> {
    let millis = count.checked_mul(1000)?.checked_div(a_second.into())?;
    Some(Duration::from_millis(millis)).filter(|duration| !duration.is_zero())
}
