//! Small files of every kind, made here.

use std::io::Cursor;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::{ImageFormat, RgbImage};

/// A picture of so many pixels, with something to see on it.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb([x, y, x + y].map(low_byte)));
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).unwrap();
    png.into_inner()
}

fn low_byte(number: u32) -> u8 {
    number.to_le_bytes()[0]
}

/// What begins as an MP4 does, and is as long as wanted.
pub(crate) fn video(length: u32) -> Vec<u8> {
    let mut bytes = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom".to_vec();
    bytes.extend((24..length).map(|n| low_byte(n % 251)));
    bytes
}

/// One second of a rising tone.
pub(crate) fn sound() -> Vec<u8> {
    const RATE: u32 = 8000;
    let samples: Vec<u8> = (0..RATE).map(|n| low_byte(128 + (n * n / 900) % 100)).collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + RATE).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00");
    wav.extend(RATE.to_le_bytes());
    wav.extend(RATE.to_le_bytes());
    wav.extend(b"\x01\x00\x08\x00data");
    wav.extend(RATE.to_le_bytes());
    wav.extend(samples);
    wav
}

/// A document.
pub(crate) fn document() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj <</Type/Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n".to_vec()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}
