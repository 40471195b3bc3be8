//! Media made for the tests, so that none is of foreign origin.

use std::f32::consts::TAU;
use std::io::Cursor;

use bytes::Bytes;
use hound::{SampleFormat, WavSpec, WavWriter};
use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::jpeg::JpegEncoder;
use image::{Delay, DynamicImage, Frame, ImageEncoder, ImageFormat, Rgba, RgbaImage};
use ogg::PacketWriter;
use ogg::writing::PacketWriteEndInfo;
use opus_rs::{Application, OpusEncoder};

/// A picture with a red left half and a blue right half.
pub fn halves(width: u32, height: u32) -> DynamicImage {
    RgbaImage::from_fn(width, height, |x, _| {
        if x < width / 2 { Rgba([220, 20, 20, 255]) } else { Rgba([20, 20, 220, 255]) }
    })
    .into()
}

/// What compresses worst.
pub fn noise(width: u32, height: u32, seed: u32) -> DynamicImage {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    RgbaImage::from_fn(width, height, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let [red, green, blue, _] = state.to_le_bytes();
        Rgba([red, green, blue, 255])
    })
    .into()
}

pub fn encoded(picture: &DynamicImage, format: ImageFormat) -> Bytes {
    let mut file = Cursor::new(Vec::new());
    let picture = match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(picture.to_rgb8()),
        _ => picture.clone(),
    };
    picture.write_to(&mut file, format).unwrap();
    file.into_inner().into()
}

/// A JPEG whose EXIF says how it is to be turned: 6 is a quarter to the right.
pub fn turned_jpeg(picture: &DynamicImage, orientation: u8) -> Bytes {
    // A TIFF header, and a directory with the one entry 0x0112.
    let exif = [
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
        &[orientation, 0, 0, 0],
        &[0; 4],
    ];
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 90);
    encoder.set_exif_metadata(exif.concat()).unwrap();
    encoder.encode_image(&picture.to_rgb8()).unwrap();
    file.into()
}

/// A GIF that shows each picture for so long.
pub fn gif(pictures: &[DynamicImage], millis: u32) -> Bytes {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut file, 30);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for picture in pictures {
        let delay = Delay::from_numer_denom_ms(millis, 1);
        let frame = Frame::from_parts(picture.to_rgba8(), 0, 0, delay);
        encoder.encode_frame(frame).unwrap();
    }
    drop(encoder);
    file.into()
}

/// A tone that is quiet in its first half and loud in its second, from -1 to 1.
pub fn crescendo(rate: u32, seconds: u32) -> Vec<f32> {
    let count = rate * seconds;
    #[expect(clippy::cast_precision_loss, reason = "a tone need not be exact")]
    let sample = |n: u32| {
        let volume = if n < count / 2 { 0.05 } else { 0.8 };
        volume * (TAU * 440.0 * n as f32 / rate as f32).sin()
    };
    (0..count).map(sample).collect()
}

/// 16 bits, two channels.
pub fn wav(samples: &[f32], rate: u32) -> Bytes {
    let spec = WavSpec {
        channels: 2,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    for sample in samples {
        #[expect(clippy::cast_possible_truncation, reason = "samples are from -1 to 1")]
        let sample = (sample * f32::from(i16::MAX)) as i16;
        writer.write_sample(sample).unwrap();
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner().into()
}

/// A voice note as WhatsApp makes them: one channel, 20 milliseconds a packet (RFC 7845). `samples` are at 48 kHz.
pub fn ogg_opus(samples: &[f32]) -> Bytes {
    const PACKET: usize = 960;
    const SKIPPED: u16 = 312;
    let mut encoder = OpusEncoder::new(48_000, 1, Application::Voip).unwrap();
    encoder.bitrate_bps = 24_000;
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend_from_slice(&SKIPPED.to_le_bytes());
    head.extend_from_slice(&48_000_u32.to_le_bytes());
    head.extend_from_slice(&[0, 0, 0]);
    let mut file = PacketWriter::new(Vec::new());
    file.write_packet(head, 7, PacketWriteEndInfo::EndPage, 0).unwrap();
    let tags = b"OpusTags\x05\0\0\0wharf\0\0\0\0".to_vec();
    file.write_packet(tags, 7, PacketWriteEndInfo::EndPage, 0).unwrap();
    let packets: Vec<&[f32]> = samples.chunks_exact(PACKET).collect();
    let mut position = u64::from(SKIPPED);
    for (n, packet) in packets.iter().enumerate() {
        let mut buffer = vec![0; 1275];
        let size = encoder.encode(packet, PACKET, &mut buffer).unwrap();
        buffer.truncate(size);
        position += PACKET as u64;
        let end = if n + 1 == packets.len() {
            PacketWriteEndInfo::EndStream
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        file.write_packet(buffer, 7, end, position).unwrap();
    }
    file.into_inner().into()
}

/// Silent frames of MPEG 1, layer III, 128 kbit/s, 44.1 kHz, two channels: 1152 samples each.
pub fn silent_mp3(frames: usize) -> Bytes {
    let mut frame = vec![0; 417];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
    frame.repeat(frames).into()
}
