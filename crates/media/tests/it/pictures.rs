use bytes::Bytes;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use wharf_domain::media::MediaFacts;
use wharf_domain::message::MediaKind;
use wharf_domain::ports::MediaTools;
use wharf_media::MediaToolbox;

use crate::files::{encoded, gif, halves, noise, turned_jpeg};

pub async fn look(bytes: Bytes) -> MediaFacts {
    MediaToolbox::default().inspect(MediaKind::Image, bytes).await.unwrap()
}

fn thumbnail(facts: &MediaFacts) -> DynamicImage {
    let bytes = facts.thumbnail.as_ref().unwrap();
    image::load_from_memory_with_format(bytes, ImageFormat::Jpeg).unwrap()
}

fn is_red(picture: &DynamicImage, x: u32, y: u32) -> bool {
    let [red, _, blue] = picture.to_rgb8().get_pixel(x, y).0;
    red > blue
}

#[tokio::test]
async fn a_picture_has_a_size_and_a_small_jpeg() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let facts = look(encoded(&halves(800, 600), format)).await;
        assert_eq!(facts.dimensions, Some((800, 600)), "{format:?}");
        let small = thumbnail(&facts);
        assert_eq!((small.width(), small.height()), (100, 75), "{format:?}");
        assert!(is_red(&small, 10, 40) && !is_red(&small, 90, 40), "{format:?}");
        assert_eq!((facts.duration, facts.waveform), (None, None));
    }
}

#[tokio::test]
async fn a_thumbnail_stays_small_whatever_is_in_the_picture() {
    let facts = look(encoded(&noise(1500, 1500, 1), ImageFormat::Png)).await;
    let size = facts.thumbnail.unwrap().len();
    assert!(size < 10_000, "{size} bytes");
}

#[tokio::test]
async fn a_small_picture_is_not_blown_up() {
    let small = thumbnail(&look(encoded(&halves(40, 10), ImageFormat::Png)).await);
    assert_eq!((small.width(), small.height()), (40, 10));
}

#[tokio::test]
async fn a_picture_is_shown_the_way_its_camera_was_held() {
    let facts = look(turned_jpeg(&halves(800, 600), 6)).await;
    assert_eq!(facts.dimensions, Some((600, 800)));
    let small = thumbnail(&facts);
    assert_eq!((small.width(), small.height()), (75, 100));
    // Turned to the right, what was left is on top.
    assert!(is_red(&small, 37, 10) && !is_red(&small, 37, 90));

    let upside_down = thumbnail(&look(turned_jpeg(&halves(800, 600), 3)).await);
    assert!(!is_red(&upside_down, 10, 37) && is_red(&upside_down, 90, 37));
}

#[tokio::test]
async fn what_is_transparent_becomes_white() {
    let clear = RgbaImage::from_pixel(50, 50, Rgba([0, 0, 0, 0])).into();
    let small = thumbnail(&look(encoded(&clear, ImageFormat::Png)).await);
    assert!(small.to_rgb8().pixels().all(|pixel| pixel.0.iter().all(|value| *value > 250)));
}

/// A PNG of one pixel whose head claims another size.
fn bomb(side: u32) -> Bytes {
    let mut file = encoded(&halves(1, 1), ImageFormat::Png).to_vec();
    file[16..20].copy_from_slice(&side.to_be_bytes());
    file[20..24].copy_from_slice(&side.to_be_bytes());
    let checksum = crc32(&file[12..29]).to_be_bytes();
    file[29..33].copy_from_slice(&checksum);
    file.into()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[tokio::test]
async fn a_picture_too_large_to_decode_has_a_size_and_no_thumbnail() {
    let facts = look(bomb(60_000)).await;
    assert_eq!(facts, MediaFacts { dimensions: Some((60_000, 60_000)), ..MediaFacts::default() });

    // A GIF keeps no checksum of its head.
    let mut file = gif(&[halves(8, 8)], 100).to_vec();
    file[6..10].copy_from_slice(&[0xff; 4]);
    let facts = look(file.into()).await;
    assert_eq!((facts.dimensions, facts.thumbnail), (Some((65_535, 65_535)), None));
}

#[tokio::test]
async fn what_cannot_be_decoded_has_no_facts_and_is_no_failure() {
    let whole = encoded(&halves(64, 64), ImageFormat::Jpeg);
    for bytes in [Bytes::new(), Bytes::from_static(b"no picture"), whole.slice(..20)] {
        assert_eq!(look(bytes).await, MediaFacts::default());
    }
    let document = MediaToolbox::default().inspect(MediaKind::Document, whole.clone()).await;
    assert_eq!(document.unwrap(), MediaFacts::default());
    let sticker = MediaToolbox::default().inspect(MediaKind::Sticker, whole).await.unwrap();
    assert_eq!((sticker.dimensions, sticker.thumbnail), (Some((64, 64)), None));
}

#[tokio::test]
async fn damaged_pictures_harm_nobody() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = encoded(&noise(24, 24, 3), format);
        for at in (0..whole.len()).step_by(7) {
            let mut damaged = whole.to_vec();
            damaged[at] ^= 0xff;
            look(damaged.into()).await;
            look(whole.slice(..at)).await;
        }
    }
}

#[tokio::test]
async fn types_are_told_by_content() {
    let tools = MediaToolbox::default();
    for (format, expected) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
    ] {
        let found = tools.detect(&encoded(&halves(4, 4), format));
        assert_eq!(found.as_deref(), Some(expected));
    }
    assert_eq!(tools.detect(&Bytes::from_static(b"plain words")), None);
}
