use bytes::Bytes;
use wharf_domain::media::MediaFacts;
use wharf_domain::message::MediaKind;
use wharf_domain::ports::MediaTools;
use wharf_media::MediaToolbox;

use crate::files::{crescendo, ogg_opus, silent_mp3, wav};

async fn hear(kind: MediaKind, bytes: Bytes) -> MediaFacts {
    MediaToolbox::default().inspect(kind, bytes).await.unwrap()
}

/// 64 values that are low at first and then high.
fn assert_rises(waveform: &[u8]) {
    assert_eq!(waveform.len(), 64);
    assert!(waveform.iter().all(|value| *value <= 100), "{waveform:?}");
    assert!(waveform[2..30].iter().all(|value| *value < 25), "{waveform:?}");
    assert!(waveform[34..62].iter().all(|value| *value > 75), "{waveform:?}");
}

#[tokio::test]
async fn a_voice_note_has_a_length_and_a_waveform() {
    for bytes in [ogg_opus(&crescendo(48_000, 3)), wav(&crescendo(22_050, 3), 22_050)] {
        let facts = hear(MediaKind::VoiceNote, bytes).await;
        assert_eq!(facts.duration, Some(3));
        assert_rises(&facts.waveform.unwrap());
        assert_eq!((facts.dimensions, facts.thumbnail), (None, None));
    }
}

#[tokio::test]
async fn a_sound_file_has_a_length_alone() {
    for bytes in [ogg_opus(&crescendo(48_000, 2)), wav(&crescendo(8_000, 2), 8_000)] {
        let facts = hear(MediaKind::Audio, bytes).await;
        assert_eq!(facts, MediaFacts { duration: Some(2), ..MediaFacts::default() });
    }
}

#[tokio::test]
async fn the_length_of_an_mp3_is_that_of_its_frames() {
    // 96 × 1152 samples are 2.5 seconds; a tag before them counts for nothing.
    let frames = silent_mp3(96);
    let tagged = [b"ID3\x04\0\0\0\0\0\x0a".as_slice(), &[0; 10], &frames].concat();
    for bytes in [frames, tagged.into()] {
        let facts = hear(MediaKind::VoiceNote, bytes).await;
        assert_eq!(facts.duration, Some(3));
        assert_eq!(facts.waveform, Some(vec![0; 64]));
    }
}

#[tokio::test]
async fn lengths_are_rounded_and_never_zero() {
    for (seconds, rate, expected) in [(1, 8_000, 1), (4, 8_000, 4)] {
        let facts = hear(MediaKind::Audio, wav(&crescendo(rate, seconds), rate)).await;
        assert_eq!(facts.duration, Some(expected));
    }
    let moment = wav(&crescendo(8_000, 1)[..80], 8_000);
    assert_eq!(hear(MediaKind::Audio, moment).await.duration, Some(1));
}

#[tokio::test]
async fn what_is_no_sound_has_no_length() {
    for bytes in [
        Bytes::new(),
        Bytes::from_static(b"OggS"),
        Bytes::from_static(b"RIFF\x24\0\0\0WAVEfmt "),
        Bytes::from_static(b"words"),
        wav(&[], 8_000),
        ogg_opus(&[]),
    ] {
        assert_eq!(hear(MediaKind::VoiceNote, bytes).await, MediaFacts::default());
    }
}

#[tokio::test]
async fn damaged_sounds_harm_nobody() {
    for whole in [
        ogg_opus(&crescendo(48_000, 1)[..9_600]),
        wav(&crescendo(8_000, 1)[..400], 8_000),
        silent_mp3(3),
    ] {
        for at in (0..whole.len()).step_by(5) {
            let mut damaged = whole.to_vec();
            damaged[at] ^= 0xff;
            hear(MediaKind::VoiceNote, damaged.into()).await;
            hear(MediaKind::VoiceNote, whole.slice(..at)).await;
        }
    }
}
