use bytes::Bytes;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, RgbaImage};
use webp::{Encoder, PixelLayout, WebPConfig};
use wharf_domain::{Error, Result};

use crate::{animation, picture};

/// Width and height of every sticker.
pub(crate) const SIDE: u32 = 512;

/// What WhatsApp takes for a still.
const MOST_BYTES: usize = 100 * 1024;

/// What is tried in turn until it is small enough.
const QUALITIES: [f32; 6] = [90.0, 75.0, 60.0, 40.0, 20.0, 5.0];

/// Turns a picture into a sticker.
pub(crate) fn make(bytes: Bytes) -> Result<Bytes> {
    let format = picture::format(&bytes).ok_or_else(undecodable)?;
    if format == ImageFormat::WebP && is_sticker(&bytes) {
        return Ok(bytes);
    }
    let moving = animation::read(&bytes, format);
    if let Some(sticker) = moving.and_then(|moments| animation::encode(&moments)) {
        return Ok(sticker);
    }
    let (picture, orientation) = picture::decode(&bytes).ok_or_else(undecodable)?;
    let mut small = fit(picture);
    small.apply_orientation(orientation);
    still(&centred(&small.into_rgba8()))
}

/// One text for what is no picture and for what is too large: a header that claims too much is often both.
pub(crate) fn undecodable() -> Error {
    Error::invalid("imageUrl", "is no PNG, JPEG, GIF or WebP picture that can be decoded")
}

/// Whether a WebP can go out as it is.
fn is_sticker(bytes: &[u8]) -> bool {
    let most = if animation::is_moving_webp(bytes) { animation::MOST_BYTES } else { MOST_BYTES };
    bytes.len() <= most && picture::dimensions(bytes) == Some((SIDE, SIDE))
}

/// The picture as large as it can be within a sticker.
pub(crate) fn fit(picture: DynamicImage) -> DynamicImage {
    match picture.width().max(picture.height()) {
        SIDE => picture,
        // Averaging, which is fast and good for large steps down.
        longest if longest >= 2 * SIDE => picture.thumbnail(SIDE, SIDE),
        _ => picture.resize(SIDE, SIDE, FilterType::CatmullRom),
    }
}

/// The picture in the middle of a transparent square.
pub(crate) fn centred(picture: &RgbaImage) -> RgbaImage {
    let mut square = RgbaImage::new(SIDE, SIDE);
    let middle = |length: u32| i64::from(SIDE.saturating_sub(length) / 2);
    imageops::replace(&mut square, picture, middle(picture.width()), middle(picture.height()));
    square
}

fn still(square: &RgbaImage) -> Result<Bytes> {
    let encoder = Encoder::new(square, PixelLayout::Rgba, SIDE, SIDE);
    let mut smallest = None;
    for quality in QUALITIES {
        let config = lossy(quality).ok_or_else(unencodable)?;
        let webp = encoder.encode_advanced(&config).map_err(|_| unencodable())?;
        let small_enough = webp.len() <= MOST_BYTES;
        smallest = Some(Bytes::copy_from_slice(&webp));
        if small_enough {
            break;
        }
    }
    // Even noise is below the limit at the lowest quality.
    smallest.ok_or_else(unencodable)
}

/// Lossy compression of that quality, from 0 to 100.
pub(crate) fn lossy(quality: f32) -> Option<WebPConfig> {
    let mut config = WebPConfig::new().ok()?;
    config.quality = quality;
    config.alpha_quality = 90;
    Some(config)
}

fn unencodable() -> Error {
    Error::unavailable("the sticker encoder", "libwebp gave nothing")
}
