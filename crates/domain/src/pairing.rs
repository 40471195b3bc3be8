//! What links a device: QR codes and pairing codes.

use crate::{Error, Result};

/// The text of a QR code that a phone scans to link a device. Valid until the next one or the end of the pairing.
#[derive(Clone, PartialEq, Eq)]
pub struct QrCode(String);

impl QrCode {
    /// Takes the text as WhatsApp's client library made it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text to draw.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// It contains the secret that binds the phone to this device.
impl std::fmt::Debug for QrCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QrCode(..)")
    }
}

/// Eight characters a person types on the phone to link a device. Single use, valid 180 seconds.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode(String);

impl PairingCode {
    /// Accepts eight letters and digits, with or without a dash in the middle.
    pub fn parse(raw: &str) -> Result<Self> {
        let code: String = raw.chars().filter(|c| *c != '-').collect();
        (code.len() == 8 && code.bytes().all(|b| b.is_ascii_alphanumeric()))
            .then(|| Self(code.to_ascii_uppercase()))
            .ok_or(Error::invalid("pairingCode", "must be eight letters and digits"))
    }

    /// As people read it: `ABCD-EFGH`.
    #[must_use]
    pub fn display(&self) -> String {
        format!("{}-{}", &self.0[..4], &self.0[4..])
    }
}

impl std::fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairingCode(..)")
    }
}
