use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ring::hmac;
use zeroize::Zeroizing;

use crate::{Error, Random, Result, random_bytes};

/// The key the operator keeps: it wraps the keyring and touches nothing else.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Reads 32 bytes written as base64 (either alphabet, padded or not) or as hex.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() == 64
            && let Ok(bytes) = hex::decode(text).map(Zeroizing::new)
        {
            return Self::from_bytes(&bytes);
        }
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|alphabet| alphabet.decode(text).ok().map(Zeroizing::new))
            .ok_or(Error::MasterKeyText)
            .and_then(|bytes| Self::from_bytes(&bytes))
    }

    /// Makes a new key.
    pub fn generate(random: &Random) -> Result<Self> {
        random_bytes(random).map(Self)
    }

    /// The key as base64, for the file it is kept in.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(*self.0))
    }

    /// A key for one purpose; knowing it tells nothing about the others.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut derived = Zeroizing::new([0; 32]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        derived.copy_from_slice(hmac::sign(&key, purpose.as_bytes()).as_ref());
        derived
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(Error::MasterKeyText);
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}
