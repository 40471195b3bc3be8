//! What travels between devices and names them.

use serde::{Deserialize, Serialize};
use wacore_libsignal::protocol::{DeviceId, ProtocolAddress, PublicKey};

use crate::base64_bytes;

/// A device of an account: one name for it, whichever of number and LID a stanza used.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceAddress {
    /// The account's phone number.
    pub number: String,
    /// 0 is the phone itself.
    pub device: u16,
}

impl DeviceAddress {
    /// The device `device` of `number`.
    pub fn new(number: impl Into<String>, device: u16) -> Self {
        Self { number: number.into(), device }
    }
}

impl From<&DeviceAddress> for ProtocolAddress {
    fn from(address: &DeviceAddress) -> Self {
        Self::new(&address.number, DeviceId::new(u32::from(address.device)))
    }
}

impl From<&ProtocolAddress> for DeviceAddress {
    fn from(address: &ProtocolAddress) -> Self {
        let device = u16::try_from(u32::from(address.device_id())).unwrap_or(u16::MAX);
        Self::new(address.name(), device)
    }
}

/// The public keys by which a session with a device is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerBundle {
    /// The device's registration id.
    pub registration_id: u32,
    /// Its identity key.
    #[serde(with = "base64_bytes::array")]
    pub identity: [u8; 32],
    /// Its signed prekey.
    pub signed_prekey: SignedPrekey,
    /// A one-time prekey, if there is one left.
    pub prekey: Option<Prekey>,
}

/// A public prekey signed by the device's identity key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPrekey {
    /// Its number (3 bytes on the wire).
    pub id: u32,
    /// The public key.
    #[serde(with = "base64_bytes::array")]
    pub key: [u8; 32],
    /// `XEdDSA` over the key with its type byte.
    #[serde(with = "base64_bytes")]
    pub signature: Vec<u8>,
}

/// A public prekey for one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prekey {
    /// Its number (3 bytes on the wire).
    pub id: u32,
    /// The public key.
    #[serde(with = "base64_bytes::array")]
    pub key: [u8; 32],
}

/// An encrypted message for one device: an `<enc>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enc {
    /// Its `type`.
    pub kind: EncKind,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The `type` of an `<enc>` between two devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncKind {
    /// Opens a session.
    Prekey,
    /// In an established session.
    Message,
}

impl EncKind {
    /// The attribute's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prekey => "pkmsg",
            Self::Message => "msg",
        }
    }

    /// Reads the attribute's value; `None` for kinds that are not between two devices.
    #[must_use]
    pub fn parse(kind: &str) -> Option<Self> {
        match kind {
            "pkmsg" => Some(Self::Prekey),
            "msg" => Some(Self::Message),
            _ => None,
        }
    }
}

/// The 32 bytes of a key, without its type byte.
pub(super) fn raw(key: &PublicKey) -> [u8; 32] {
    let [_, raw @ ..] = key.serialize();
    raw
}
