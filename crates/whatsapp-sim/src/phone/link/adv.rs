//! The signatures by which account and companion vouch for each other.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wacore::adv::{AdvValidation, validate_adv_with_identity_key};
use wacore_libsignal::protocol::{CurveError, KeyPair};
use waproto::buffa::Message as _;
use waproto::whatsapp::{
    ADVDeviceIdentity, ADVKeyIndexList, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC,
    ADVSignedKeyIndexList,
};

use super::LinkError;

/// Precedes what the account signs for a device (`WAWebAdvSignatureConstants`).
const ACCOUNT_SIGNATURE: [u8; 2] = [6, 0];
/// Precedes what the account signs for its list of devices.
const KEY_INDEX_LIST_SIGNATURE: [u8; 2] = [6, 2];

/// What the account states about a new companion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceDetails {
    /// Names the account's current set of devices.
    pub raw_id: u32,
    /// The companion's number in that set; never used twice.
    pub key_index: u32,
    /// When it was linked, in seconds.
    pub timestamp: u64,
}

/// Signs a companion's identity: the `<device-identity>` of `<pair-success>`.
pub fn sign_device(
    account: &KeyPair,
    adv_secret: &[u8; 32],
    companion_identity: &[u8; 32],
    details: DeviceDetails,
) -> Result<Vec<u8>, CurveError> {
    let details = ADVDeviceIdentity {
        raw_id: Some(details.raw_id),
        timestamp: Some(details.timestamp),
        key_index: Some(details.key_index),
        ..Default::default()
    }
    .encode_to_vec();
    let claim = [&ACCOUNT_SIGNATURE, details.as_slice(), companion_identity].concat();
    let signed = ADVSignedDeviceIdentity {
        details: Some(details),
        account_signature_key: Some(account.public_key.public_key_bytes().to_vec()),
        account_signature: Some(account.calculate_signature(&claim, &mut rand::rng())?.to_vec()),
        ..Default::default()
    }
    .encode_to_vec();
    let hmac = authenticate(adv_secret, &signed);
    Ok(ADVSignedDeviceIdentityHMAC {
        details: Some(signed),
        hmac: Some(hmac),
        ..Default::default()
    }
    .encode_to_vec())
}

/// Checks what a companion returned in `<pair-device-sign>`: the same identity, signed by both.
pub fn check_countersigned(
    device_identity: &[u8],
    companion_identity: &[u8; 32],
    account_identity: &[u8; 32],
) -> Result<(), LinkError> {
    match validate_adv_with_identity_key(
        device_identity,
        companion_identity,
        Some(account_identity),
    ) {
        AdvValidation::Valid => Ok(()),
        AdvValidation::Invalid | AdvValidation::NoAccountKey => Err(LinkError::Signature),
    }
}

/// Which of an account's key indexes are in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyIndexes {
    /// Names the account's current set of devices.
    pub raw_id: u32,
    /// When the set last changed, in seconds.
    pub timestamp: u64,
    /// The highest index given so far.
    pub current: u32,
    /// The indexes of the devices that are linked.
    pub valid: Vec<u32>,
}

/// Signs the account's list of devices: the `<key-index-list>` of a device look-up.
pub fn sign_key_indexes(account: &KeyPair, indexes: KeyIndexes) -> Result<Vec<u8>, CurveError> {
    let details = ADVKeyIndexList {
        raw_id: Some(indexes.raw_id),
        timestamp: Some(indexes.timestamp),
        current_index: Some(indexes.current),
        valid_indexes: indexes.valid,
        ..Default::default()
    }
    .encode_to_vec();
    let claim = [&KEY_INDEX_LIST_SIGNATURE, details.as_slice()].concat();
    Ok(ADVSignedKeyIndexList {
        details: Some(details),
        account_signature: Some(account.calculate_signature(&claim, &mut rand::rng())?.to_vec()),
        account_signature_key: Some(account.public_key.public_key_bytes().to_vec()),
    }
    .encode_to_vec())
}

fn authenticate(secret: &[u8; 32], message: &[u8]) -> Vec<u8> {
    // HMAC fills a short key up with zeros to the hash's block.
    let mut key = [0; 64];
    key[..secret.len()].copy_from_slice(secret);
    let mut mac = Hmac::<Sha256>::new(&key.into());
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
