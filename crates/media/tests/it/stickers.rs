use std::io::Cursor;

use bytes::Bytes;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage, ImageFormat};
use wharf_domain::ports::MediaTools;
use wharf_domain::{Error, Result};
use wharf_media::MediaToolbox;

use crate::files::{encoded, gif, halves, noise, turned_jpeg};

const STILL: usize = 100 * 1024;
const MOVING: usize = 500 * 1024;

async fn sticker(bytes: Bytes) -> Result<Bytes> {
    MediaToolbox::default().sticker(bytes).await
}

fn decoded(sticker: &[u8]) -> DynamicImage {
    let picture = image::load_from_memory_with_format(sticker, ImageFormat::WebP).unwrap();
    assert_eq!((picture.width(), picture.height()), (512, 512));
    picture
}

fn frames(sticker: &Bytes) -> Vec<image::Frame> {
    let decoder = WebPDecoder::new(Cursor::new(sticker)).unwrap();
    assert!(decoder.has_animation());
    decoder.into_frames().collect_frames().unwrap()
}

#[tokio::test]
async fn a_picture_is_whole_and_centred_on_nothing() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let made = sticker(encoded(&halves(300, 150), format)).await.unwrap();
        assert!(made.len() <= STILL);
        let picture = decoded(&made).to_rgba8();
        let pixel = |x, y| picture.get_pixel(x, y).0;
        // 512 × 256 of picture, with a quarter of nothing above and below.
        for (x, y) in [(256, 60), (256, 450), (10, 10), (500, 500)] {
            assert_eq!(pixel(x, y)[3], 0, "{format:?} at {x}, {y}");
        }
        let ([red, _, blue, alpha], other) = (pixel(100, 256), pixel(400, 256));
        assert!(red > 150 && blue < 90 && alpha == 255, "{format:?}");
        assert!(other[2] > 150 && other[0] < 90 && other[3] == 255, "{format:?}");
    }
}

#[tokio::test]
async fn a_sticker_stays_below_the_limit_whatever_is_in_it() {
    for side in [512, 700, 2000] {
        let made = sticker(encoded(&noise(side, side, side), ImageFormat::Png)).await.unwrap();
        assert!(made.len() <= STILL, "{}", made.len());
        decoded(&made);
    }
}

#[tokio::test]
async fn a_sticker_is_the_right_way_up() {
    let made = decoded(&sticker(turned_jpeg(&halves(400, 400), 6)).await.unwrap()).to_rgb8();
    let ([red, _, blue], bottom) = (made.get_pixel(256, 50).0, made.get_pixel(256, 460).0);
    assert!(red > blue && bottom[2] > bottom[0]);
}

#[tokio::test]
async fn a_sticker_goes_through_as_it_is() {
    let made = sticker(encoded(&halves(300, 150), ImageFormat::Png)).await.unwrap();
    assert_eq!(sticker(made.clone()).await.unwrap(), made);
    let pictures: Vec<_> = (1..4).map(|n| noise(60, 60, n)).collect();
    let moving = sticker(gif(&pictures, 200)).await.unwrap();
    assert_eq!(sticker(moving.clone()).await.unwrap(), moving);
}

#[tokio::test]
async fn a_picture_that_moves_moves_as_a_sticker() {
    let pictures = [halves(200, 200), halves(200, 200).fliph(), halves(200, 200).rotate90()];
    let made = sticker(gif(&pictures, 300)).await.unwrap();
    assert!(made.len() <= MOVING);
    let frames = frames(&made);
    assert_eq!(frames.len(), 3);
    let left = |n: usize| frames[n].buffer().get_pixel(50, 256).0;
    assert!(left(0)[0] > left(0)[2] && left(1)[2] > left(1)[0]);
    let shown: u32 = frames[..2].iter().map(|frame| frame.delay().numer_denom_ms().0).sum();
    assert_eq!(shown, 600);
}

#[tokio::test]
async fn a_long_and_quick_animation_is_cut_and_thinned() {
    // Twelve seconds at twenty frames a second.
    let pictures: Vec<_> = (0..240).map(|n| halves(32, 32).huerotate(n * 3)).collect();
    let frames = frames(&sticker(gif(&pictures, 50)).await.unwrap());
    let shown: u32 = frames.iter().map(|frame| frame.delay().numer_denom_ms().0).sum();
    assert!(frames.len() <= 100, "{} frames", frames.len());
    assert!((9_000..=10_500).contains(&shown), "{shown} ms");
}

#[tokio::test]
async fn an_animation_that_cannot_be_made_small_enough_becomes_a_still() {
    let pictures: Vec<_> = (1..=40).map(|n| noise(512, 512, n)).collect();
    let made = sticker(gif(&pictures, 100)).await.unwrap();
    assert!(made.len() <= STILL, "{}", made.len());
    assert!(!WebPDecoder::new(Cursor::new(&made)).unwrap().has_animation());
    decoded(&made);
}

#[tokio::test]
async fn a_gif_of_one_frame_is_a_still() {
    let made = sticker(gif(&[halves(50, 50)], 100)).await.unwrap();
    assert!(!WebPDecoder::new(Cursor::new(&made)).unwrap().has_animation());
}

#[tokio::test]
async fn what_is_no_picture_makes_no_sticker() {
    let whole = encoded(&noise(64, 64, 9), ImageFormat::Jpeg);
    let mut claims_much = gif(&[halves(8, 8)], 100).to_vec();
    claims_much[6..10].copy_from_slice(&[0xff; 4]);
    for bytes in [
        Bytes::new(),
        Bytes::from_static(b"<svg/>"),
        Bytes::from_static(b"%PDF-1.7"),
        whole.slice(..30),
        claims_much.into(),
    ] {
        let refusal = sticker(bytes).await.unwrap_err();
        assert!(matches!(refusal, Error::Invalid { field: "imageUrl", .. }), "{refusal:?}");
    }
}
