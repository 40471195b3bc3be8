//! After a failed pending-inbound write nothing of the Signal state may be saved, or the message would
//! be taken for a duplicate when it is delivered again.

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tokio::sync::oneshot;
use wacore::store::traits::{
    Backend, DeviceStore as _, MsgSecretStore as _, PendingInboundRow, ProtocolStore as _,
    SignalStore as _,
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

/// Holds up every write to the database until it is let go.
async fn jam(home: &Home) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (go_on, gone_on) = oneshot::channel::<()>();
    let (jammed, is_jammed) = oneshot::channel();
    let db = home.db.clone();
    let task = tokio::spawn(async move {
        let lock = (db.backend() == DbBackend::Postgres).then(|| {
            let tables = "LOCK TABLE wa_pending_inbound, wa_session IN SHARE ROW EXCLUSIVE MODE";
            Statement::from_string(DbBackend::Postgres, tables)
        });
        let written = db.write(|txn| {
            async move {
                if let Some(lock) = lock {
                    txn.execute_raw(lock).await?;
                }
                jammed.send(()).unwrap();
                let _ = gone_on.await;
                Ok::<_, wharf_sql::Error>(())
            }
            .boxed()
        });
        written.await.unwrap();
    });
    is_jammed.await.unwrap();
    (go_on, task)
}

async fn what_was_begun_is_done_before_the_next_store_opens(home: Home) {
    let factory = home.factory();
    let earlier = factory.open(crate::home::INSTANCE).await.unwrap();
    let (go_on, jam) = jam(&home).await;
    // The session ends in the middle of both.
    assert!(earlier.store_pending_inbound(ANA, ANA, "M1", b"message").now_or_never().is_none());
    assert!(earlier.store_pending_inbound(ANA, ANA, "M2", b"other").now_or_never().is_none());
    let mut opening = Box::pin(factory.open(crate::home::INSTANCE));
    assert!(opening.as_mut().now_or_never().is_none());
    go_on.send(()).unwrap();
    jam.await.unwrap();
    let later = opening.await.unwrap();
    assert_eq!(later.get_pending_inbound(ANA, ANA, "M1").await.unwrap().unwrap(), b"message");
    assert_eq!(later.get_pending_inbound(ANA, ANA, "M2").await.unwrap().unwrap(), b"other");
    earlier.put_session(ANA, b"late").await.unwrap_err();
    later.put_session(ANA, b"session").await.unwrap();
}

#[tokio::test]
async fn what_was_begun_is_done_before_the_next_store_opens_on_sqlite() {
    what_was_begun_is_done_before_the_next_store_opens(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_was_begun_is_done_before_the_next_store_opens_on_postgres() {
    what_was_begun_is_done_before_the_next_store_opens(Home::postgres().await).await;
}

#[tokio::test]
async fn a_failed_inbound_write_poisons_also_when_nobody_waits_for_it() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    break_buffer(&home).await;
    let (go_on, _jam) = jam(&home).await;
    assert!(backend.store_pending_inbound(ANA, ANA, "M1", b"message").now_or_never().is_none());
    let mut saving = Box::pin(backend.put_session(ANA, b"advanced"));
    assert!(saving.as_mut().now_or_never().is_none());
    go_on.send(()).unwrap();
    saving.await.unwrap_err();
    assert!(backend.poisoned().is_cancelled());
    assert_eq!(backend.get_session(ANA).await.unwrap(), None);
}

#[tokio::test]
async fn a_poisoned_backend_still_puts_messages_down() {
    let home = Home::sqlite().await;
    let backend = poisoned(&home).await;
    repair_buffer(&home).await;
    backend.store_pending_inbound(ANA, ANA, "M2", b"message").await.unwrap();
    assert!(backend.put_session(ANA, b"after").await.is_err());
}

async fn no_id_of_a_peer_poisons(home: Home) {
    let backend = home.open().await;
    for id in ["M\0", &"M".repeat(100_000), ""] {
        backend.store_pending_inbound(ANA, ANA, id, b"message").await.unwrap();
        let found = backend.get_pending_inbound(ANA, ANA, id).await.unwrap();
        assert_eq!(found.unwrap(), b"message");
        backend.delete_pending_inbound(ANA, ANA, id).await.unwrap();
        assert_eq!(backend.get_pending_inbound(ANA, ANA, id).await.unwrap(), None);
        backend.put_msg_secret(ANA, ANA, id, &[3; 32]).await.unwrap();
        assert_eq!(backend.get_msg_secret(ANA, ANA, id).await.unwrap().unwrap(), [3; 32]);
        backend.put_sender_key(id, b"key").await.unwrap();
        assert_eq!(backend.get_sender_key(id).await.unwrap().unwrap(), b"key");
        backend.save_base_key(ANA, id, b"base").await.unwrap();
        assert!(backend.has_same_base_key(ANA, id, b"base").await.unwrap());
        assert_eq!(backend.take_sent_message(ANA, id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn no_id_of_a_peer_poisons_on_sqlite() {
    no_id_of_a_peer_poisons(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn no_id_of_a_peer_poisons_on_postgres() {
    no_id_of_a_peer_poisons(Home::postgres().await).await;
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
