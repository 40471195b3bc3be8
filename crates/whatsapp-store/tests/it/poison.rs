//! After a failed pending-inbound write nothing of the Signal state may be saved, or the message would
//! be taken for a duplicate when it is delivered again.

use wacore::store::traits::{
    Backend, DeviceStore as _, PendingInboundRow, ProtocolStore as _, SignalStore as _,
};
use wharf_whatsapp_store::SqlBackend;

use crate::home::Home;

const ANA: &str = "5511999990001@s.whatsapp.net";

/// Makes every write to the buffer fail.
async fn break_buffer(home: &Home) {
    home.tamper("ALTER TABLE wa_pending_inbound RENAME TO wa_gone").await;
}

async fn repair_buffer(home: &Home) {
    home.tamper("ALTER TABLE wa_gone RENAME TO wa_pending_inbound").await;
}

async fn poisoned(home: &Home) -> SqlBackend {
    let backend = home.open().await;
    backend.put_session(ANA, b"before").await.unwrap();
    break_buffer(home).await;
    assert!(!backend.poisoned().is_cancelled());
    backend.store_pending_inbound(ANA, ANA, "M1", b"message").await.unwrap_err();
    backend
}

async fn refuses_signal_writes(backend: &dyn Backend) {
    let refusals = [
        backend.put_session(ANA, b"after").await.err(),
        backend.put_sessions_batch(&[(ANA.into(), "after".into())]).await.err(),
        backend.delete_session(ANA).await.err(),
        backend.put_identity(ANA, [1; 32]).await.err(),
        backend.put_identities_batch(&[(ANA.into(), [1; 32])]).await.err(),
        backend.delete_identity(ANA).await.err(),
        backend.store_prekey(1, b"prekey", false).await.err(),
        backend.store_prekeys_batch(&[(1, "prekey".into())], false).await.err(),
        backend.mark_prekeys_uploaded(&[1]).await.err(),
        backend.remove_prekey(1).await.err(),
        backend.store_signed_prekey(1, b"prekey").await.err(),
        backend.remove_signed_prekey(1).await.err(),
        backend.put_sender_key(ANA, b"key").await.err(),
        backend.put_sender_keys_batch(&[(ANA.into(), "key".into())]).await.err(),
        backend.delete_sender_key(ANA).await.err(),
        backend.store_pending_inbound(ANA, ANA, "M2", b"message").await.err(),
    ];
    for (n, refusal) in refusals.iter().enumerate() {
        assert!(refusal.is_some(), "write {n} went through");
    }
}

async fn a_failed_inbound_write_ends_all_signal_writes(home: Home) {
    let backend = poisoned(&home).await;
    assert!(backend.poisoned().is_cancelled());
    // Also once the database works again: the message is still not buffered.
    repair_buffer(&home).await;
    refuses_signal_writes(&backend).await;
    assert_eq!(backend.get_session(ANA).await.unwrap().unwrap(), "before", "reads go on");
    backend.create().await.unwrap();

    let fresh = home.open().await;
    assert!(!fresh.poisoned().is_cancelled());
    fresh.store_pending_inbound(ANA, ANA, "M1", b"message").await.unwrap();
    fresh.put_session(ANA, b"after").await.unwrap();
    assert_eq!(fresh.get_session(ANA).await.unwrap().unwrap(), "after");
}

#[tokio::test]
async fn a_failed_inbound_write_ends_all_signal_writes_on_sqlite() {
    a_failed_inbound_write_ends_all_signal_writes(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_failed_inbound_write_ends_all_signal_writes_on_postgres() {
    a_failed_inbound_write_ends_all_signal_writes(Home::postgres().await).await;
}

#[tokio::test]
async fn a_failed_batch_of_inbound_messages_poisons_too() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    break_buffer(&home).await;
    let row = PendingInboundRow { chat: ANA, sender: ANA, id: "M1", message: b"message" };
    backend.store_pending_inbound_batch(&[row]).await.unwrap_err();
    assert!(backend.poisoned().is_cancelled());
    refuses_signal_writes(&backend).await;
}

#[tokio::test]
async fn a_session_saved_while_an_inbound_write_fails_is_not_saved() {
    for round in 0..20 {
        let home = Home::sqlite().await;
        let backend = home.open().await;
        break_buffer(&home).await;
        // The ratchet of the message is flushed while its buffering is still under way.
        let (buffered, saved) = futures::join!(
            backend.store_pending_inbound(ANA, ANA, "M1", b"message"),
            backend.put_session(ANA, b"advanced"),
        );
        assert!(buffered.is_err() && saved.is_err(), "round {round}");
        assert_eq!(backend.get_session(ANA).await.unwrap(), None, "round {round}");
    }
}

#[tokio::test]
async fn only_the_failed_instance_is_poisoned() {
    let home = Home::sqlite().await;
    let other = home.factory().open(crate::home::OTHER_INSTANCE).await.unwrap();
    let backend = poisoned(&home).await;
    assert!(backend.poisoned().is_cancelled());
    other.put_session(ANA, b"session").await.unwrap();
    assert!(!other.poisoned().is_cancelled());
}

#[tokio::test]
async fn a_failure_to_clear_the_buffer_poisons_nothing() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    backend.store_pending_inbound(ANA, ANA, "M1", b"message").await.unwrap();
    break_buffer(&home).await;
    backend.delete_pending_inbound(ANA, ANA, "M1").await.unwrap_err();
    assert!(!backend.poisoned().is_cancelled());
    backend.put_session(ANA, b"session").await.unwrap();
}
