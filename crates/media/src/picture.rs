use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits, Rgb, RgbImage,
};

/// The longest side of a thumbnail, as WhatsApp's own clients make them.
const THUMBNAIL_SIDE: u32 = 100;

/// Enough to recognise the picture by; a thumbnail travels in the message itself.
const THUMBNAIL_QUALITY: u8 = 60;

/// What decoding one picture may take: 64 megapixels without transparency.
const MOST_MEMORY: u64 = 192 * 1024 * 1024;

const FORMATS: [ImageFormat; 4] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP];

/// The format, if it is one of those that are read here.
pub(crate) fn format(bytes: &[u8]) -> Option<ImageFormat> {
    image::guess_format(bytes).ok().filter(|format| FORMATS.contains(format))
}

/// Width and height as shown.
pub(crate) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut decoder = decoder(bytes)?.ok()?;
    let (width, height) = decoder.dimensions();
    Some(if is_turned(orientation(&mut decoder)) { (height, width) } else { (width, height) })
}

/// A small JPEG of a picture, the right way up.
pub(crate) fn thumbnail(bytes: &[u8]) -> Option<Bytes> {
    let (picture, orientation) = decode(bytes)?;
    let mut small = if picture.width().max(picture.height()) > THUMBNAIL_SIDE {
        picture.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    } else {
        picture
    };
    small.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, THUMBNAIL_QUALITY)
        .encode_image(&on_white(&small))
        .ok()?;
    Some(jpeg.into())
}

/// A picture as it is stored, and how it is to be turned. Turning comes last, when the picture is small.
pub(crate) fn decode(bytes: &[u8]) -> Option<(DynamicImage, Orientation)> {
    let mut decoder = decoder(bytes)?.ok()?;
    if decoder.total_bytes() > MOST_MEMORY {
        return None;
    }
    let orientation = orientation(&mut decoder);
    Some((DynamicImage::from_decoder(decoder).ok()?, orientation))
}

/// Reads the head alone.
fn decoder(bytes: &[u8]) -> Option<ImageResult<impl ImageDecoder + '_>> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format(bytes)?);
    reader.limits(limits());
    Some(reader.into_decoder())
}

/// What decoders keep besides the picture itself counts, too.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    limits
}

fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

fn is_turned(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// JPEG knows no transparency, and black where there was none looks like a mistake.
fn on_white(picture: &DynamicImage) -> RgbImage {
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        let over = |value: u8| {
            let mixed = u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha);
            u8::try_from(mixed / 255).unwrap_or(u8::MAX)
        };
        Rgb([over(red), over(green), over(blue)])
    })
}
