use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Serialize, Serializer};

/// Bytes that are written as base64, straight into the body: media is large, and a text of it in between would be one
/// copy more.
#[derive(Clone, Debug)]
pub struct Base64(pub Bytes);

impl Base64 {
    /// How long it is when it is written.
    pub(crate) fn len(&self) -> usize {
        self.0.len().div_ceil(3) * 4
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(&self.0, &BASE64_STANDARD))
    }
}
