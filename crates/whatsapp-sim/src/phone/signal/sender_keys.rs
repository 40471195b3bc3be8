//! Sender keys: what goes to many is encrypted once, for whoever has been given the key.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wacore::messages::{MessageUtils, decode_plaintext};
use wacore_libsignal::protocol::{
    ProtocolAddress, SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord, SenderKeyStore,
    SignalProtocolError, create_sender_key_distribution_message, group_decrypt, group_encrypt,
    process_sender_key_distribution_message,
};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use super::store::at_once;
use super::{DeviceAddress, PADDING_VERSION, PhoneSignal, SignalError};
use crate::base64_bytes;

/// The keys of all chats and authors, by libsignal's name for them.
#[derive(Default)]
pub(super) struct SenderKeys {
    chains: BTreeMap<String, Chain>,
    /// The names of those that have not been stored as they are.
    unstored: BTreeSet<String>,
}

struct Chain {
    record: SenderKeyRecord,
    /// Who has been given a key of one's own.
    holders: BTreeSet<DeviceAddress>,
}

/// A sender key as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredChain {
    name: String,
    #[serde(with = "base64_bytes")]
    record: Vec<u8>,
    holders: BTreeSet<DeviceAddress>,
}

#[async_trait]
impl SenderKeyStore for SenderKeys {
    async fn store_sender_key(
        &mut self,
        name: &SenderKeyName,
        record: SenderKeyRecord,
    ) -> Result<(), SignalProtocolError> {
        let name = name.cache_key();
        self.unstored.insert(name.to_owned());
        let holders = self.chains.remove(name).map(|chain| chain.holders).unwrap_or_default();
        self.chains.insert(name.to_owned(), Chain { record, holders });
        Ok(())
    }

    async fn load_sender_key(
        &self,
        name: &SenderKeyName,
    ) -> Result<Option<SenderKeyRecord>, SignalProtocolError> {
        Ok(self.chains.get(name.cache_key()).map(|chain| chain.record.clone()))
    }
}

impl PhoneSignal {
    /// Which of the devices `own` writes to in a chat have not been given its key. A device that has
    /// it and is not among them any more makes a new key necessary.
    #[must_use]
    pub fn without_key(
        &mut self,
        chat: &str,
        own: &DeviceAddress,
        devices: &[DeviceAddress],
    ) -> Vec<DeviceAddress> {
        let name = name(chat, own);
        let keys = &mut self.sender_keys;
        if let Some(chain) = keys.chains.get(name.cache_key()) {
            if chain.holders.iter().all(|holder| devices.contains(holder)) {
                let without = devices.iter().filter(|device| !chain.holders.contains(device));
                return without.cloned().collect();
            }
            keys.remove(name.cache_key());
        }
        devices.to_vec()
    }

    /// Notes that a device has been given the key of `own`.
    pub fn has_key(&mut self, chat: &str, own: &DeviceAddress, device: &DeviceAddress) {
        let name = name(chat, own);
        if let Some(chain) = self.sender_keys.chains.get_mut(name.cache_key()) {
            chain.holders.insert(device.clone());
            self.sender_keys.unstored.insert(name.cache_key().to_owned());
        }
    }

    /// The key by which the others read what `own` writes in a chat from now on.
    pub fn distribution(
        &mut self,
        chat: &str,
        own: &DeviceAddress,
    ) -> Result<wa::message::SenderKeyDistributionMessage, SignalError> {
        let distribution = at_once(create_sender_key_distribution_message(
            &name(chat, own),
            &mut self.sender_keys,
            &mut rand::rng(),
        ))
        .map_err(SignalError::Library)?;
        Ok(wa::message::SenderKeyDistributionMessage {
            group_id: Some(chat.to_owned()),
            axolotl_sender_key_distribution_message: Some(distribution.as_ref().to_vec()),
        })
    }

    /// Encrypts for all who have the key of `own`, which there has to be.
    pub fn encrypt_for_chat(
        &mut self,
        chat: &str,
        own: &DeviceAddress,
        message: &wa::Message,
    ) -> Result<Vec<u8>, SignalError> {
        let sealed = at_once(group_encrypt(
            &mut self.sender_keys,
            &name(chat, own),
            &MessageUtils::encode_and_pad(message),
            &mut rand::rng(),
        ))
        .map_err(SignalError::Library)?;
        Ok(sealed.into_serialized().to_vec())
    }

    /// Takes the key that `author` gives for a chat.
    pub fn take_key(
        &mut self,
        chat: &str,
        author: &DeviceAddress,
        key: &MessageField<wa::message::SenderKeyDistributionMessage>,
    ) -> Result<(), SignalError> {
        let Some(key) = &key.axolotl_sender_key_distribution_message else { return Ok(()) };
        let key = SenderKeyDistributionMessage::try_from(key.as_slice())
            .map_err(SignalError::Undecipherable)?;
        let name = name(chat, author);
        at_once(process_sender_key_distribution_message(&name, &key, &mut self.sender_keys))
            .map_err(SignalError::Library)
    }

    /// Decrypts what `author` wrote in a chat.
    pub fn decrypt_in_chat(
        &mut self,
        chat: &str,
        author: &DeviceAddress,
        sealed: &[u8],
    ) -> Result<wa::Message, SignalError> {
        let opened = at_once(group_decrypt(sealed, &mut self.sender_keys, &name(chat, author)));
        let opened = opened.map_err(|error| match error {
            SignalProtocolError::DuplicatedMessage(..) => SignalError::Duplicate,
            error => SignalError::Undecipherable(error),
        })?;
        decode_plaintext(&opened, PADDING_VERSION).map_err(|_| SignalError::Unreadable)
    }

    /// Forgets all sender keys, the own ones and the others'.
    pub(crate) fn forget_chains(&mut self) {
        for name in self.chains() {
            self.sender_keys.remove(&name);
        }
    }

    /// The names of all sender keys.
    pub(crate) fn chains(&self) -> BTreeSet<String> {
        self.sender_keys.chains.keys().cloned().collect()
    }

    /// The names of the sender keys that have changed since the last time this was asked.
    pub(crate) fn take_unstored_chains(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.sender_keys.unstored)
    }

    /// A sender key, to be stored.
    pub(crate) fn chain(&self, name: &str) -> Option<StoredChain> {
        let chain = self.sender_keys.chains.get(name)?;
        let record = chain.record.serialize();
        let record = record.inspect_err(|error| tracing::error!(%error, "a sender key is lost"));
        Some(StoredChain {
            name: name.to_owned(),
            record: record.ok()?,
            holders: chain.holders.clone(),
        })
    }

    /// Puts a stored sender key back.
    pub(crate) fn restore_chain(&mut self, stored: StoredChain) -> Result<(), SignalError> {
        let record = SenderKeyRecord::deserialize(&stored.record).map_err(SignalError::Library)?;
        let chain = Chain { record, holders: stored.holders };
        self.sender_keys.chains.insert(stored.name, chain);
        Ok(())
    }
}

impl SenderKeys {
    fn remove(&mut self, name: &str) {
        self.chains.remove(name);
        self.unstored.insert(name.to_owned());
    }
}

fn name(chat: &str, author: &DeviceAddress) -> SenderKeyName {
    SenderKeyName::from_parts(chat, ProtocolAddress::from(author).as_str())
}

#[cfg(test)]
mod tests;
