//! QR codes as pictures.

use std::io::Cursor;

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{DynamicImage, ImageFormat, Luma};
use wharf_domain::{Error, Result, pairing::QrCode};

/// The least width and height, in pixels: smaller ones are hard to scan off a screen.
const LEAST: u32 = 256;

/// A PNG of the code with its quiet zone, as a `data:` URL.
pub(crate) fn data_url(code: &QrCode) -> Result<String> {
    Ok(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png(code)?)))
}

fn png(code: &QrCode) -> Result<Vec<u8>> {
    let failed = |e| Error::unavailable("drawing the QR code", e);
    let drawn = qrcode::QrCode::new(code.as_str()).map_err(|e| failed(e.into()))?;
    let picture = drawn.render::<Luma<u8>>().quiet_zone(true).min_dimensions(LEAST, LEAST).build();
    let mut png = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(picture)
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|e| failed(Box::<dyn std::error::Error + Send + Sync>::from(e)))?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_reads_the_picture() {
        // As long as WhatsApp's: a reference, three keys in base64, and a platform.
        let key = "k".repeat(43);
        let text = format!("2@{},{key}=,{key}=,{key}=,1", "r".repeat(90));
        let url = data_url(&QrCode::new(text.clone())).unwrap();
        let encoded = url.strip_prefix("data:image/png;base64,").unwrap();
        let picture = BASE64_STANDARD.decode(encoded).unwrap();
        let picture = image::load_from_memory_with_format(&picture, ImageFormat::Png).unwrap();
        let picture = picture.to_luma8();
        let (width, height) = picture.dimensions();
        assert!(width >= LEAST && height >= LEAST, "{width}x{height}");

        let (wide, high) = (width as usize, height as usize);
        let pixels = picture.into_raw();
        let is_white = |at: usize| pixels[at] == u8::MAX;
        assert!((0..4 * wide).all(is_white), "the quiet zone is missing");
        let mut scanned =
            rqrr::PreparedImage::prepare_from_greyscale(wide, high, |x, y| pixels[y * wide + x]);
        let (_, content) = scanned.detect_grids()[0].decode().unwrap();
        assert_eq!(content, text);
    }
}
