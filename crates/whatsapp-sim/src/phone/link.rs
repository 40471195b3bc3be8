//! The phone's side of linking a companion device.
//!
//! Account and companion vouch for each other by signatures (ADV, "advanced device verification").
//! The secret that proves the phone's answer came from the phone travels in the QR code, or is agreed
//! on with the help of the pairing code. Facts: `WAWebAdvSignatureApi`, `Alt/DeviceLinkingApi`,
//! as implemented by `wacore::{pair, pair_code, adv}`.

mod adv;
mod code;

pub use adv::{DeviceDetails, KeyIndexes, check_countersigned, sign_device, sign_key_indexes};
pub use code::LinkCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wacore::companion_reg::NATIVE_CAMERA_DEEP_LINK_PREFIX;
use wacore::pair::PairUtils;
use wacore_libsignal::protocol::CurveError;

/// Why a phone could not link a companion.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The text is no QR code of a WhatsApp client.
    #[error("the text is not a linking QR code")]
    Qr,
    /// The text is not 8 characters of the codes' alphabet.
    #[error("the text is not a pairing code")]
    Code,
    /// The companion's part of the exchange does not open under this code.
    #[error("the pairing code is not the one the companion shows")]
    WrongCode,
    /// A key is not one.
    #[error("a key of the companion is not valid")]
    Key(#[from] CurveError),
    /// The companion's countersignature does not verify.
    #[error("the companion's signature does not verify")]
    Signature,
}

/// What a QR code says.
#[derive(Clone, PartialEq, Eq)]
pub struct Qr {
    /// The reference the server gave the connection.
    pub reference: String,
    /// The companion's Noise key.
    pub noise: [u8; 32],
    /// Its Signal identity key.
    pub identity: [u8; 32],
    /// The secret under which the phone's answer is authenticated.
    pub adv_secret: [u8; 32],
}

impl Qr {
    /// Reads a QR code's text.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        let (reference, noise, identity) =
            PairUtils::parse_qr_code(text).map_err(|_| LinkError::Qr)?;
        let body = text.strip_prefix(NATIVE_CAMERA_DEEP_LINK_PREFIX).unwrap_or(text);
        let secret = body.split(',').nth(3).and_then(|secret| STANDARD.decode(secret).ok());
        let adv_secret = secret.and_then(|secret| secret.try_into().ok()).ok_or(LinkError::Qr)?;
        Ok(Self { reference, noise, identity, adv_secret })
    }
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Qr").field("reference", &self.reference).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
