//! Identities, sessions and sender keys.

use std::sync::Arc;

use bytes::Bytes;
use wacore::store::traits::Backend;

const ANA: &str = "5511999990001@s.whatsapp.net";
const ANA_LAPTOP: &str = "5511999990001:7@s.whatsapp.net";

fn batch(sessions: &[(&str, &'static [u8])]) -> Vec<(Arc<str>, Bytes)> {
    sessions
        .iter()
        .map(|(address, session)| (Arc::from(*address), Bytes::from_static(session)))
        .collect()
}

pub async fn identities_are_kept_by_address(backend: &dyn Backend) {
    assert_eq!(backend.load_identity(ANA).await.unwrap(), None);
    backend.put_identity(ANA, [1; 32]).await.unwrap();
    backend.put_identity(ANA_LAPTOP, [2; 32]).await.unwrap();
    backend.put_identity(ANA, [3; 32]).await.unwrap();
    assert_eq!(backend.load_identity(ANA).await.unwrap(), Some([3; 32]));
    assert_eq!(backend.load_identity(ANA_LAPTOP).await.unwrap(), Some([2; 32]));
}

pub async fn a_batch_of_identities_is_kept_whole(backend: &dyn Backend) {
    let identities: Vec<(Arc<str>, [u8; 32])> =
        (0..=255).map(|n| (Arc::from(format!("{n}@lid")), [n; 32])).collect();
    backend.put_identities_batch(&identities).await.unwrap();
    backend.put_identities_batch(&identities).await.unwrap();
    for (address, key) in &identities {
        assert_eq!(backend.load_identity(address).await.unwrap().as_ref(), Some(key));
    }
}

pub async fn sessions_are_kept_by_address(backend: &dyn Backend) {
    assert_eq!(backend.get_session(ANA).await.unwrap(), None);
    assert!(!backend.has_session(ANA).await.unwrap());
    backend.put_session(ANA, b"first").await.unwrap();
    backend.put_session(ANA, b"second").await.unwrap();
    assert_eq!(backend.get_session(ANA).await.unwrap().unwrap(), "second");
    assert!(backend.has_session(ANA).await.unwrap());
    assert!(!backend.has_session(ANA_LAPTOP).await.unwrap());
}

pub async fn a_batch_of_sessions_inserts_and_replaces(backend: &dyn Backend) {
    backend.put_session(ANA, b"old").await.unwrap();
    let sessions = batch(&[(ANA, b"new"), (ANA_LAPTOP, b"laptop"), ("1@lid", b"twice")]);
    backend.put_sessions_batch(&sessions).await.unwrap();
    // One address twice in a batch: the later one holds.
    let sessions = batch(&[("1@lid", b"earlier"), ("1@lid", b"later")]);
    backend.put_sessions_batch(&sessions).await.unwrap();
    assert_eq!(backend.get_session(ANA).await.unwrap().unwrap(), "new");
    assert_eq!(backend.get_session(ANA_LAPTOP).await.unwrap().unwrap(), "laptop");
    assert_eq!(backend.get_session("1@lid").await.unwrap().unwrap(), "later");
}

pub async fn an_empty_batch_changes_nothing(backend: &dyn Backend) {
    backend.put_session(ANA, b"kept").await.unwrap();
    backend.put_sessions_batch(&[]).await.unwrap();
    backend.put_identities_batch(&[]).await.unwrap();
    backend.put_sender_keys_batch(&[]).await.unwrap();
    backend.store_prekeys_batch(&[], true).await.unwrap();
    backend.mark_prekeys_uploaded(&[]).await.unwrap();
    backend.put_lid_mappings(&[]).await.unwrap();
    backend.update_device_lists(Vec::new()).await.unwrap();
    backend.store_pending_inbound_batch(&[]).await.unwrap();
    backend.delete_pending_inbound_batch(&[]).await.unwrap();
    backend.set_sender_key_status("g@g.us", &[]).await.unwrap();
    backend.delete_sender_key_device_rows(&[]).await.unwrap();
    backend.put_mutation_macs("regular", 1, &[]).await.unwrap();
    backend.delete_mutation_macs("regular", &[]).await.unwrap();
    assert!(backend.get_mutation_macs("regular", &[]).await.unwrap().is_empty());
    assert!(backend.load_prekeys_batch(&[]).await.unwrap().is_empty());
    assert_eq!(backend.put_msg_secrets(Vec::new()).await.unwrap(), 0);
    assert_eq!(backend.get_session(ANA).await.unwrap().unwrap(), "kept");
}

pub async fn a_session_that_was_probed_for_is_found_once_written(backend: &dyn Backend) {
    for device in 1..20 {
        let address = format!("5511999990001:{device}@lid");
        assert_eq!(backend.get_session(&address).await.unwrap(), None);
        assert_eq!(backend.load_identity(&address).await.unwrap(), None);
    }
    backend.put_session("5511999990001:7@lid", b"there").await.unwrap();
    backend.put_identity("5511999990001:8@lid", [8; 32]).await.unwrap();
    assert!(backend.get_session("5511999990001:7@lid").await.unwrap().is_some());
    assert!(backend.has_session("5511999990001:7@lid").await.unwrap());
    assert!(backend.load_identity("5511999990001:8@lid").await.unwrap().is_some());
    assert_eq!(backend.get_session("5511999990001:8@lid").await.unwrap(), None);
}

pub async fn signal_state_is_found_by_user_whatever_the_device(backend: &dyn Backend) {
    assert!(!backend.has_signal_state_for_user("5511999990001").await.unwrap());
    backend.put_session(ANA_LAPTOP, b"session").await.unwrap();
    assert!(backend.has_signal_state_for_user("5511999990001").await.unwrap());
    backend.delete_session(ANA_LAPTOP).await.unwrap();
    assert!(!backend.has_signal_state_for_user("5511999990001").await.unwrap());
    backend.put_identity(ANA, [1; 32]).await.unwrap();
    assert!(backend.has_signal_state_for_user("5511999990001").await.unwrap());
}

pub async fn a_user_is_not_found_by_the_beginning_of_the_number(backend: &dyn Backend) {
    backend.put_session(ANA, b"session").await.unwrap();
    for other in ["551199999000", "55119999900011", "", "%"] {
        assert!(!backend.has_signal_state_for_user(other).await.unwrap(), "{other}");
    }
}

pub async fn a_deleted_session_or_identity_is_gone(backend: &dyn Backend) {
    backend.put_session(ANA, b"session").await.unwrap();
    backend.put_identity(ANA, [1; 32]).await.unwrap();
    backend.delete_session(ANA).await.unwrap();
    assert_eq!(backend.get_session(ANA).await.unwrap(), None);
    assert!(!backend.has_session(ANA).await.unwrap());
    assert!(backend.load_identity(ANA).await.unwrap().is_some());
    backend.delete_identity(ANA).await.unwrap();
    assert_eq!(backend.load_identity(ANA).await.unwrap(), None);
    // A repeat is harmless, and so is a new beginning.
    backend.delete_session(ANA).await.unwrap();
    backend.put_session(ANA, b"again").await.unwrap();
    assert!(backend.has_session(ANA).await.unwrap());
}

pub async fn sender_keys_are_kept_by_address(backend: &dyn Backend) {
    assert_eq!(backend.get_sender_key("g@g.us::a").await.unwrap(), None);
    backend.put_sender_key("g@g.us::a", b"one").await.unwrap();
    let keys = batch(&[("g@g.us::a", b"two"), ("g@g.us::b", b"three")]);
    backend.put_sender_keys_batch(&keys).await.unwrap();
    assert_eq!(backend.get_sender_key("g@g.us::a").await.unwrap().unwrap(), b"two");
    assert_eq!(backend.get_sender_key("g@g.us::b").await.unwrap().unwrap(), b"three");
    backend.delete_sender_key("g@g.us::a").await.unwrap();
    assert_eq!(backend.get_sender_key("g@g.us::a").await.unwrap(), None);
    assert!(backend.get_sender_key("g@g.us::b").await.unwrap().is_some());
}
