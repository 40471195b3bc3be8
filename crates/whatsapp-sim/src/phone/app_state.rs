//! The phone as keeper of the app state that all devices of an account share.
//!
//! App state is a set of collections of encrypted entries. Devices write patches; the server numbers
//! and stores them without being able to read them. A fresh companion can use none of it until the
//! phone has shared the key. Facts: `WAWebSyncd*`, as implemented by `wacore_appstate`.

mod labels;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wacore_appstate::hash::{HashState, generate_patch_mac};
use wacore_appstate::{
    AppStateError, ExpandedAppStateKeys, Mutation, encode_record, expand_app_state_keys,
    process_patch,
};
use waproto::buffa::{DecodeError, Message as _, MessageField};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::sync_action_value::PushNameSetting;
use waproto::whatsapp::syncd_mutation::SyncdOperation;

use crate::base64_bytes;

/// The collection that holds what a companion needs first.
const CRITICAL_BLOCK: &str = "critical_block";
const PUSH_NAME_INDEX: &[u8] = br#"["setting_pushName"]"#;
/// The version of the push name's schema.
const PUSH_NAME_VERSION: i32 = 1;

/// Why a patch could not be read or followed.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// It is not a patch.
    #[error("malformed app state patch")]
    Malformed(#[from] DecodeError),
    /// It does not follow what the phone has, or is under a key it does not know.
    #[error("the app state patch does not apply")]
    Refused(#[from] AppStateError),
}

/// A patch the phone has written, for the server to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The collection it belongs to.
    pub collection: &'static str,
    /// The version the collection has with it.
    pub version: u64,
    /// Its protobuf, with the version in it, as it is served to devices.
    pub bytes: Vec<u8>,
}

/// A phone's app-state key, and how far it is in each collection.
#[derive(Serialize, Deserialize)]
pub struct AppState {
    #[serde(with = "base64_bytes::array")]
    key_id: [u8; 6],
    #[serde(with = "base64_bytes::array")]
    key: [u8; 32],
    collections: BTreeMap<String, Collection>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Collection {
    state: HashState,
    /// The value's authentication code of every entry, by the hex of its index's.
    values: HashMap<String, Vec<u8>>,
}

impl AppState {
    /// A new key, and no entries.
    #[must_use]
    pub fn generate() -> Self {
        // A key's id is the device that made it, in two bytes, and a counter in four.
        Self { key_id: [0, 0, 0, 0, 0, 1], key: rand::random(), collections: BTreeMap::new() }
    }

    /// The message by which the phone gives a companion the key.
    #[must_use]
    pub fn key_share(&self, raw_id: u32, timestamp_ms: i64) -> wa::Message {
        use wa::message::{
            AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId,
            AppStateSyncKeyShare, ProtocolMessage,
        };
        let fingerprint = AppStateSyncKeyFingerprint {
            raw_id: Some(raw_id),
            current_index: Some(0),
            device_indexes: vec![0],
        };
        let data = AppStateSyncKeyData {
            key_data: Some(self.key.to_vec()),
            fingerprint: MessageField::some(fingerprint),
            timestamp: Some(timestamp_ms),
        };
        let id = AppStateSyncKeyId { key_id: Some(self.key_id.to_vec()) };
        let key =
            AppStateSyncKey { key_id: MessageField::some(id), key_data: MessageField::some(data) };
        let share = AppStateSyncKeyShare { keys: vec![key] };
        wa::Message {
            protocol_message: MessageField::some(ProtocolMessage {
                r#type: Some(Type::AppStateSyncKeyShare),
                app_state_sync_key_share: MessageField::some(share),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// The version of a collection as far as the phone has followed it.
    #[must_use]
    pub fn version(&self, collection: &str) -> u64 {
        self.collections.get(collection).map_or(0, |collection| collection.state.version)
    }

    /// Writes the account's push name, which companions show as their own.
    pub fn set_push_name(&mut self, name: &str, timestamp_ms: i64) -> Result<Patch, PatchError> {
        let value = wa::SyncActionValue {
            timestamp: Some(timestamp_ms),
            push_name_setting: MessageField::some(PushNameSetting { name: Some(name.to_owned()) }),
            ..Default::default()
        };
        self.write(CRITICAL_BLOCK, PUSH_NAME_INDEX, &value, PUSH_NAME_VERSION)
    }

    /// Follows a patch of a companion, in the form it is served ([`numbered`]), and says what it
    /// changes. A patch that does not apply changes nothing.
    pub fn follow(&mut self, collection: &str, patch: &[u8]) -> Result<Vec<Mutation>, PatchError> {
        let patch = wa::SyncdPatch::decode_from_slice(patch)?;
        let keys = Arc::new(self.keys());
        let mut followed = self.collections.get(collection).cloned().unwrap_or_default();
        let values = &followed.values;
        let result = process_patch(
            &patch,
            &mut followed.state,
            |id| {
                if id == self.key_id {
                    Ok(Arc::clone(&keys))
                } else {
                    Err(AppStateError::KeyNotFound)
                }
            },
            |index| Ok(values.get(&hex::encode(index)).cloned()),
            true,
            collection,
        )?;
        for index in &result.removed_index_macs {
            followed.values.remove(&hex::encode(index));
        }
        for mac in result.added_macs {
            followed.values.insert(hex::encode(mac.index_mac), mac.value_mac);
        }
        self.collections.insert(collection.to_owned(), followed);
        Ok(result.mutations)
    }

    fn write(
        &mut self,
        collection: &'static str,
        index: &[u8],
        value: &wa::SyncActionValue,
        schema: i32,
    ) -> Result<Patch, PatchError> {
        let keys = self.keys();
        let version = self.version(collection) + 1;
        let (mutation, value_mac) = encode_record(
            SyncdOperation::SET,
            index,
            value,
            &keys,
            &self.key_id,
            &rand::random(),
            schema,
        );
        let index_mac = mutation.record.index.blob.as_deref().map(hex::encode).unwrap_or_default();
        let entry = self.collections.entry(collection.to_owned()).or_default();
        let before = entry.values.insert(index_mac, value_mac.to_vec());
        entry.state.version = version;
        // The only failure is an unknown operation, and this one is a `SET`.
        let (_, updated) =
            entry.state.update_hash(std::slice::from_ref(&mutation), |_, _| Ok(before.clone()));
        updated.map_err(|_| AppStateError::MismatchingLTHash)?;
        let snapshot_mac = entry.state.generate_snapshot_mac(collection, &keys.snapshot_mac);
        let mut patch = wa::SyncdPatch {
            version: numbered_version(version),
            mutations: vec![mutation],
            snapshot_mac: Some(snapshot_mac),
            key_id: MessageField::some(wa::KeyId { id: Some(self.key_id.to_vec()) }),
            ..Default::default()
        };
        patch.patch_mac = Some(generate_patch_mac(&patch, collection, &keys.patch_mac, version));
        Ok(Patch { collection, version, bytes: patch.encode_to_vec() })
    }

    fn keys(&self) -> ExpandedAppStateKeys {
        expand_app_state_keys(&self.key)
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").finish_non_exhaustive()
    }
}

/// A patch as uploaded, with the version the server gave it: the form in which it is served.
pub fn numbered(patch: &[u8], version: u64) -> Result<Vec<u8>, DecodeError> {
    let mut patch = wa::SyncdPatch::decode_from_slice(patch)?;
    patch.version = numbered_version(version);
    Ok(patch.encode_to_vec())
}

fn numbered_version(version: u64) -> MessageField<wa::SyncdVersion> {
    MessageField::some(wa::SyncdVersion { version: Some(version) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another device with the same key that has seen nothing yet.
    fn companion(of: &AppState) -> AppState {
        AppState { key_id: of.key_id, key: of.key, collections: BTreeMap::new() }
    }

    fn name(mutations: &[Mutation]) -> &str {
        let value = mutations[0].action_value.as_ref().unwrap();
        assert_eq!(mutations[0].index, ["setting_pushName"]);
        value.push_name_setting.name.as_deref().unwrap()
    }

    #[test]
    fn a_companion_reads_the_push_name_and_its_changes() {
        let mut phone = AppState::generate();
        let mut companion = companion(&phone);
        for (version, expected) in (1..).zip(["Ana", "Ana Maria", "Ana"]) {
            let patch = phone.set_push_name(expected, 1_700_000_000_000).unwrap();
            assert_eq!((patch.collection, patch.version), ("critical_block", version));
            let mutations = companion.follow(patch.collection, &patch.bytes).unwrap();
            assert_eq!(name(&mutations), expected);
        }
        let [phone, companion] =
            [&phone, &companion].map(|a| a.collections["critical_block"].state.hash);
        assert_eq!(phone, companion);
    }

    #[test]
    fn the_phone_follows_a_companion_and_writes_on() {
        let mut phone = AppState::generate();
        let mut companion = companion(&phone);
        let first = companion.set_push_name("from the companion", 1).unwrap();
        phone.follow(first.collection, &first.bytes).unwrap();
        let second = phone.set_push_name("from the phone", 2).unwrap();
        assert_eq!(second.version, 2);
        let mutations = companion.follow(second.collection, &second.bytes).unwrap();
        assert_eq!(name(&mutations), "from the phone");
    }

    #[test]
    fn an_uploaded_patch_is_served_with_the_servers_number() {
        let mut phone = AppState::generate();
        let written = companion(&phone).set_push_name("Ana", 1).unwrap();
        let mut uploaded = wa::SyncdPatch::decode_from_slice(&written.bytes).unwrap();
        uploaded.version = MessageField::none();
        let uploaded = uploaded.encode_to_vec();
        let served = numbered(&uploaded, 1).unwrap();
        assert_eq!(name(&phone.follow("critical_block", &served).unwrap()), "Ana");
        assert_eq!(phone.version("critical_block"), 1);
    }

    #[test]
    fn a_patch_under_another_key_or_out_of_turn_changes_nothing() {
        let mut phone = AppState::generate();
        let foreign = AppState::generate().set_push_name("Eve", 1).unwrap();
        assert!(phone.follow(foreign.collection, &foreign.bytes).is_err());
        assert_eq!(phone.version("critical_block"), 0);

        phone.set_push_name("Ana", 1).unwrap();
        let mut late = companion(&phone);
        let again = late.set_push_name("Ana", 1).unwrap();
        assert!(phone.follow(again.collection, &again.bytes).is_err());
        assert_eq!(phone.version("critical_block"), 1);
    }

    #[test]
    fn key_and_versions_survive_a_restart() {
        let mut phone = AppState::generate();
        let mut companion = companion(&phone);
        let first = phone.set_push_name("Ana", 1).unwrap();
        companion.follow(first.collection, &first.bytes).unwrap();
        let stored = serde_json::to_string(&phone).unwrap();
        let mut phone: AppState = serde_json::from_str(&stored).unwrap();
        let second = phone.set_push_name("Bea", 2).unwrap();
        assert_eq!(name(&companion.follow(second.collection, &second.bytes).unwrap()), "Bea");
    }

    #[test]
    fn the_key_share_names_key_and_fingerprint() {
        let phone = AppState::generate();
        let message = phone.key_share(77, 5);
        let share = &message.protocol_message.app_state_sync_key_share;
        let [key] = share.keys.as_slice() else { panic!("one key is shared") };
        assert_eq!(key.key_id.key_id.as_deref(), Some(&phone.key_id[..]));
        assert_eq!(key.key_data.key_data.as_deref(), Some(&phone.key[..]));
        assert_eq!(key.key_data.fingerprint.raw_id, Some(77));
    }
}
