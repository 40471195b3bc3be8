//! libsignal's stores, in memory, and how they are kept across restarts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};
use wacore_libsignal::protocol::{
    Direction, GenericSignedPreKey as _, IdentityChange, IdentityKey, IdentityKeyPair,
    IdentityKeyStore, KeyPair, PreKeyId, PreKeyRecord, PreKeyStore, PrivateKey, ProtocolAddress,
    SessionRecord, SessionStore, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord,
    SignedPreKeyStore, Timestamp,
};

use super::{DeviceAddress, PhoneSignal, Prekey, SenderKeys, SignalError, keys};
use crate::base64_bytes;

type Answer<T> = Result<T, SignalProtocolError>;

/// Prekeys handed out but never used are forgotten from this many on, oldest first.
const OUTSTANDING_PREKEYS: usize = 1000;

/// Runs one of libsignal's asynchronous functions, which on stores in memory never waits.
pub(super) fn at_once<T>(work: impl Future<Output = Answer<T>>) -> Answer<T> {
    work.now_or_never().unwrap_or_else(|| {
        Err(SignalProtocolError::InvalidState("at_once", "a store in memory waited".to_owned()))
    })
}

pub(super) struct Identities {
    pub(super) own: IdentityKeyPair,
    pub(super) registration_id: u32,
    peers: HashMap<ProtocolAddress, IdentityKey>,
}

impl Identities {
    pub(super) fn new(own: IdentityKeyPair, registration_id: u32) -> Self {
        Self { own, registration_id, peers: HashMap::new() }
    }
}

#[async_trait]
impl IdentityKeyStore for Identities {
    async fn get_identity_key_pair(&self) -> Answer<IdentityKeyPair> {
        Ok(self.own.clone())
    }

    async fn get_local_registration_id(&self) -> Answer<u32> {
        Ok(self.registration_id)
    }

    async fn save_identity(
        &mut self,
        address: &ProtocolAddress,
        identity: &IdentityKey,
    ) -> Answer<IdentityChange> {
        let before = self.peers.insert(address.clone(), *identity);
        Ok(IdentityChange::from_changed(before.is_some_and(|before| before != *identity)))
    }

    // A WhatsApp phone goes on with a peer whose key has changed; it only says so.
    async fn is_trusted_identity(
        &self,
        _: &ProtocolAddress,
        _: &IdentityKey,
        _: Direction,
    ) -> Answer<bool> {
        Ok(true)
    }

    async fn get_identity(&self, address: &ProtocolAddress) -> Answer<Option<IdentityKey>> {
        Ok(self.peers.get(address).copied())
    }
}

pub(super) struct SignedPrekeys {
    pub(super) id: u32,
    pub(super) key: KeyPair,
    pub(super) signature: Vec<u8>,
}

#[async_trait]
impl SignedPreKeyStore for SignedPrekeys {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Answer<SignedPreKeyRecord> {
        if id != SignedPreKeyId::from(self.id) {
            return Err(SignalProtocolError::InvalidSignedPreKeyId);
        }
        let made = Timestamp::from_epoch_millis(0);
        Ok(SignedPreKeyRecord::new(id, made, &self.key, &self.signature))
    }

    async fn save_signed_pre_key(
        &mut self,
        _: SignedPreKeyId,
        _: &SignedPreKeyRecord,
    ) -> Answer<()> {
        Err(SignalProtocolError::InvalidState(
            "save_signed_pre_key",
            "a phone keeps the signed prekey it was made with".to_owned(),
        ))
    }
}

/// One-time prekeys that have been handed out. They are made when asked for: thousands of phones
/// that nobody writes to should cost nothing.
#[derive(Default)]
pub(super) struct OneTimePrekeys {
    last: u32,
    outstanding: BTreeMap<u32, KeyPair>,
}

impl OneTimePrekeys {
    pub(super) fn issue(&mut self) -> Prekey {
        let key = KeyPair::generate(&mut rand::rng());
        // Three bytes on the wire.
        self.last = self.last % 0x00FF_FFFF + 1;
        let prekey = Prekey { id: self.last, key: keys::raw(&key.public_key) };
        self.outstanding.insert(self.last, key);
        if self.outstanding.len() > OUTSTANDING_PREKEYS {
            self.outstanding.pop_first();
        }
        prekey
    }

    pub(super) fn remove(&mut self, id: PreKeyId) {
        self.outstanding.remove(&id.into());
    }
}

#[async_trait]
impl PreKeyStore for OneTimePrekeys {
    async fn get_pre_key(&self, id: PreKeyId) -> Answer<PreKeyRecord> {
        let key = self.outstanding.get(&id.into()).ok_or(SignalProtocolError::InvalidPreKeyId)?;
        Ok(PreKeyRecord::new(id, key))
    }

    async fn save_pre_key(&mut self, id: PreKeyId, record: &PreKeyRecord) -> Answer<()> {
        self.outstanding.insert(id.into(), record.key_pair()?);
        Ok(())
    }

    async fn remove_pre_key(&mut self, id: PreKeyId) -> Answer<()> {
        self.remove(id);
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct Sessions(HashMap<ProtocolAddress, SessionRecord>);

impl Sessions {
    /// Whether there is a session that can be sent in.
    pub(super) fn has_usable(&self, address: &ProtocolAddress) -> bool {
        self.0
            .get(address)
            .and_then(SessionRecord::session_state)
            .is_some_and(|state| state.has_usable_sender_chain().unwrap_or(false))
    }

    pub(super) fn remove(&mut self, address: &ProtocolAddress) {
        self.0.remove(address);
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> Answer<Option<SessionRecord>> {
        Ok(self.0.get(address).cloned())
    }

    async fn has_session(&self, address: &ProtocolAddress) -> Answer<bool> {
        Ok(self.0.contains_key(address))
    }

    async fn store_session(
        &mut self,
        address: &ProtocolAddress,
        record: SessionRecord,
    ) -> Answer<()> {
        self.0.insert(address.clone(), record);
        Ok(())
    }
}

/// The keys of a [`PhoneSignal`] as they are stored.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredSignal {
    #[serde(with = "base64_bytes")]
    identity: Vec<u8>,
    registration_id: u32,
    signed_prekey: StoredKey,
    #[serde(with = "base64_bytes")]
    signature: Vec<u8>,
    last_prekey: u32,
    prekeys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    id: u32,
    #[serde(with = "base64_bytes")]
    private: Vec<u8>,
}

/// A session as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredSession {
    peer: DeviceAddress,
    #[serde(with = "base64_bytes")]
    identity: Vec<u8>,
    #[serde(with = "base64_bytes")]
    session: Vec<u8>,
}

impl StoredKey {
    fn new(id: u32, key: &KeyPair) -> Self {
        Self { id, private: key.private_key.serialize().to_vec() }
    }

    fn key(&self) -> Result<KeyPair, SignalError> {
        Ok(KeyPair::try_from(PrivateKey::deserialize(&self.private)?)?)
    }
}

impl PhoneSignal {
    /// The devices whose session has changed since the last time this was asked.
    pub(crate) fn take_unstored(&mut self) -> BTreeSet<DeviceAddress> {
        std::mem::take(&mut self.unstored)
    }

    /// Every device there is a session with.
    pub(crate) fn peers(&self) -> BTreeSet<DeviceAddress> {
        self.sessions.0.keys().map(DeviceAddress::from).collect()
    }

    /// The session with a device, to be stored.
    pub(crate) fn session(&self, peer: &DeviceAddress) -> Option<StoredSession> {
        let address = ProtocolAddress::from(peer);
        let mut session = Vec::new();
        self.sessions.0.get(&address)?.serialize_into(&mut session);
        let identity = self.identities.peers.get(&address);
        let identity = identity.map(|key| key.serialize().to_vec()).unwrap_or_default();
        Some(StoredSession { peer: peer.clone(), identity, session })
    }

    /// Puts a stored session back.
    pub(crate) fn restore(&mut self, stored: &StoredSession) -> Result<(), SignalError> {
        let address = ProtocolAddress::from(&stored.peer);
        let record = SessionRecord::deserialize(&stored.session).map_err(SignalError::Library)?;
        if !stored.identity.is_empty() {
            let identity = IdentityKey::decode(&stored.identity).map_err(SignalError::Library)?;
            self.identities.peers.insert(address.clone(), identity);
        }
        self.sessions.0.insert(address, record);
        Ok(())
    }
}

impl Serialize for PhoneSignal {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { identities, signed_prekeys, prekeys, .. } = self;
        StoredSignal {
            identity: identities.own.private_key().serialize().to_vec(),
            registration_id: identities.registration_id,
            signed_prekey: StoredKey::new(signed_prekeys.id, &signed_prekeys.key),
            signature: signed_prekeys.signature.clone(),
            last_prekey: prekeys.last,
            prekeys: prekeys.outstanding.iter().map(|(id, key)| StoredKey::new(*id, key)).collect(),
        }
        .serialize(to)
    }
}

impl TryFrom<StoredSignal> for PhoneSignal {
    type Error = SignalError;

    fn try_from(stored: StoredSignal) -> Result<Self, SignalError> {
        let own = KeyPair::try_from(PrivateKey::deserialize(&stored.identity)?)?;
        let own = IdentityKeyPair::new(IdentityKey::new(own.public_key), own.private_key);
        let mut outstanding = BTreeMap::new();
        for prekey in &stored.prekeys {
            outstanding.insert(prekey.id, prekey.key()?);
        }
        Ok(Self {
            identities: Identities::new(own, stored.registration_id),
            signed_prekeys: SignedPrekeys {
                id: stored.signed_prekey.id,
                key: stored.signed_prekey.key()?,
                signature: stored.signature,
            },
            prekeys: OneTimePrekeys { last: stored.last_prekey, outstanding },
            sessions: Sessions::default(),
            sender_keys: SenderKeys::default(),
            unstored: BTreeSet::new(),
        })
    }
}
