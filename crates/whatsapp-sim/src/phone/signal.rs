//! A phone's end of the Signal protocol: device 0 of its account.
//!
//! Everything is in memory and answers at once, so it can be used under a lock.

mod keys;
mod sender_keys;
mod store;

use std::collections::BTreeSet;

use serde::Deserialize;
use wacore::messages::{MessageUtils, decode_plaintext};
use wacore_libsignal::protocol::{
    CiphertextMessage, CurveError, IdentityKey, IdentityKeyPair, KeyPair, PreKeyBundle,
    PreKeySignalMessage, ProtocolAddress, PublicKey, SignalMessage, SignalProtocolError,
    UsePQRatchet, message_decrypt, message_encrypt, process_prekey_bundle,
};
use waproto::whatsapp as wa;

pub use keys::{DeviceAddress, Enc, EncKind, PeerBundle, Prekey, SignedPrekey};
use sender_keys::SenderKeys;
pub(crate) use sender_keys::StoredChain;
pub(crate) use store::StoredSession;
use store::{Identities, OneTimePrekeys, Sessions, SignedPrekeys, StoredSignal};

/// The version of the padding inside a message (`<enc v="2">`).
const PADDING_VERSION: u8 = 2;
/// Signal's registration ids have 14 bits.
const REGISTRATION_IDS: std::ops::RangeInclusive<u32> = 1..=0x3FFF;

/// Why a phone could not encrypt or decrypt.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// There is no session with the device and no bundle to make one from.
    #[error("no session with the device")]
    NoSession,
    /// The message has been decrypted before.
    #[error("the message is a duplicate")]
    Duplicate,
    /// The ciphertext belongs to no session or key of the phone's: time for a retry receipt.
    #[error("the message cannot be decrypted")]
    Undecipherable(#[source] SignalProtocolError),
    /// What was decrypted is not a message.
    #[error("the decrypted content is no message")]
    Unreadable,
    /// A bundle's key or signature is wrong.
    #[error("the prekey bundle is not valid")]
    Bundle(#[source] SignalProtocolError),
    /// The library refused for a reason of its own.
    #[error("signal failed")]
    Library(#[source] SignalProtocolError),
}

impl From<CurveError> for SignalError {
    fn from(error: CurveError) -> Self {
        Self::Library(error.into())
    }
}

/// A phone's keys and its sessions with other devices.
///
/// Serialised are the keys alone: there may be many sessions, and one changes with every message,
/// so each is stored for itself.
#[derive(Deserialize)]
#[serde(try_from = "StoredSignal")]
pub struct PhoneSignal {
    identities: Identities,
    signed_prekeys: SignedPrekeys,
    prekeys: OneTimePrekeys,
    sessions: Sessions,
    sender_keys: SenderKeys,
    /// The devices whose session has not been stored as it is.
    unstored: BTreeSet<DeviceAddress>,
}

impl PhoneSignal {
    /// A phone with new keys that has talked to nobody.
    pub fn generate() -> Result<Self, SignalError> {
        let mut rng = rand::rng();
        let own = IdentityKeyPair::generate(&mut rng);
        let registration_id = rand::RngExt::random_range(&mut rng, REGISTRATION_IDS);
        let key = KeyPair::generate(&mut rng);
        let signature =
            own.private_key().calculate_signature(&key.public_key.serialize(), &mut rng)?;
        Ok(Self {
            identities: Identities::new(own, registration_id),
            signed_prekeys: SignedPrekeys { id: 1, key, signature: signature.to_vec() },
            prekeys: OneTimePrekeys::default(),
            sessions: Sessions::default(),
            sender_keys: SenderKeys::default(),
            unstored: BTreeSet::new(),
        })
    }

    /// The account's identity key: also what signs its companions.
    pub(crate) fn identity(&self) -> KeyPair {
        let own = &self.identities.own;
        KeyPair::new(*own.public_key(), own.private_key().clone())
    }

    /// The public half of [`identity`](Self::identity).
    #[must_use]
    pub fn identity_public(&self) -> [u8; 32] {
        keys::raw(self.identities.own.public_key())
    }

    /// The phone's Signal registration id.
    #[must_use]
    pub fn registration_id(&self) -> u32 {
        self.identities.registration_id
    }

    /// Keys for one device to open a session with this phone, with a one-time prekey of its own.
    pub fn bundle(&mut self) -> PeerBundle {
        PeerBundle { prekey: Some(self.prekeys.issue()), ..self.long_term_bundle() }
    }

    /// The same without a one-time prekey: what a server knows of a device that has run out.
    #[must_use]
    pub fn long_term_bundle(&self) -> PeerBundle {
        let signed = &self.signed_prekeys;
        PeerBundle {
            registration_id: self.registration_id(),
            identity: self.identity_public(),
            signed_prekey: SignedPrekey {
                id: signed.id,
                key: keys::raw(&signed.key.public_key),
                signature: signed.signature.clone(),
            },
            prekey: None,
        }
    }

    /// Whether the phone can encrypt to `peer` without a bundle.
    #[must_use]
    pub fn has_session(&self, peer: &DeviceAddress) -> bool {
        self.sessions.has_usable(&peer.into())
    }

    /// Forgets the session with `peer`: it has been unlinked, or cannot follow any more.
    pub fn forget(&mut self, peer: &DeviceAddress) {
        self.unstored.insert(peer.clone());
        self.sessions.remove(&peer.into());
    }

    /// Encrypts for one device. With a bundle it is in a fresh session, otherwise in the current one.
    pub fn encrypt(
        &mut self,
        peer: &DeviceAddress,
        bundle: Option<&PeerBundle>,
        message: &wa::Message,
    ) -> Result<Enc, SignalError> {
        let address = ProtocolAddress::from(peer);
        self.unstored.insert(peer.clone());
        if let Some(bundle) = bundle {
            self.open_session(&address, peer.device, bundle)?;
        } else if !self.sessions.has_usable(&address) {
            return Err(SignalError::NoSession);
        }
        let plaintext = MessageUtils::encode_and_pad(message);
        let sealed = store::at_once(message_encrypt(
            &plaintext,
            &address,
            &mut self.sessions,
            &mut self.identities,
        ))
        .map_err(SignalError::Library)?;
        let kind = match sealed {
            CiphertextMessage::PreKeySignalMessage(_) => EncKind::Prekey,
            _ => EncKind::Message,
        };
        Ok(Enc { kind, bytes: sealed.serialize().to_vec() })
    }

    /// Decrypts what `peer` sent. An error leaves the session as it was.
    pub fn decrypt(&mut self, peer: &DeviceAddress, enc: &Enc) -> Result<wa::Message, SignalError> {
        let address = ProtocolAddress::from(peer);
        self.unstored.insert(peer.clone());
        let sealed = parse(enc).map_err(SignalError::Undecipherable)?;
        let opened = store::at_once(message_decrypt(
            &sealed,
            &address,
            &mut self.sessions,
            &mut self.identities,
            &mut self.prekeys,
            &self.signed_prekeys,
            &mut rand::rng(),
            UsePQRatchet::No,
        ))
        .map_err(|error| match error {
            SignalProtocolError::DuplicatedMessage(..) => SignalError::Duplicate,
            error => SignalError::Undecipherable(error),
        })?;
        if let Some(used) = opened.consumed_prekey_id {
            self.prekeys.remove(used);
        }
        decode_plaintext(&opened.plaintext, PADDING_VERSION).map_err(|_| SignalError::Unreadable)
    }

    fn open_session(
        &mut self,
        address: &ProtocolAddress,
        device: u16,
        bundle: &PeerBundle,
    ) -> Result<(), SignalError> {
        let bundle = parse_bundle(device, bundle).map_err(SignalError::Bundle)?;
        store::at_once(process_prekey_bundle(
            address,
            &mut self.sessions,
            &mut self.identities,
            &bundle,
            &mut rand::rng(),
            UsePQRatchet::No,
        ))
        .map_err(SignalError::Bundle)?;
        Ok(())
    }
}

impl std::fmt::Debug for PhoneSignal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhoneSignal").finish_non_exhaustive()
    }
}

fn parse(enc: &Enc) -> Result<CiphertextMessage, SignalProtocolError> {
    Ok(match enc.kind {
        EncKind::Prekey => CiphertextMessage::PreKeySignalMessage(PreKeySignalMessage::try_from(
            enc.bytes.as_slice(),
        )?),
        EncKind::Message => {
            CiphertextMessage::SignalMessage(SignalMessage::try_from(enc.bytes.as_slice())?)
        }
    })
}

fn parse_bundle(device: u16, bundle: &PeerBundle) -> Result<PreKeyBundle, SignalProtocolError> {
    let prekey = match &bundle.prekey {
        Some(prekey) => {
            Some((prekey.id.into(), PublicKey::from_djb_public_key_bytes(&prekey.key)?))
        }
        None => None,
    };
    PreKeyBundle::new(
        bundle.registration_id,
        u32::from(device).into(),
        prekey,
        bundle.signed_prekey.id.into(),
        PublicKey::from_djb_public_key_bytes(&bundle.signed_prekey.key)?,
        bundle.signed_prekey.signature.clone(),
        IdentityKey::new(PublicKey::from_djb_public_key_bytes(&bundle.identity)?),
    )
}

#[cfg(test)]
mod tests;
