//! A message that is not committed yet is on the disk whenever the ratchet that it moved is: otherwise it would be taken
//! for a duplicate when WhatsApp delivers it again. Until then it is in memory.

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tokio::sync::oneshot;
use wacore::store::traits::{
    Backend, MsgSecretStore as _, PendingInboundRow, ProtocolStore as _, SignalStore as _,
};
use wharf_whatsapp_store::SqlBackend;

use crate::home::{Home, INSTANCE, OTHER_INSTANCE};

const ANA: &str = "5511999990001@s.whatsapp.net";

async fn put(backend: &SqlBackend, id: &str) {
    backend.store_pending_inbound(ANA, ANA, id, id.as_bytes()).await.unwrap();
}

async fn remove(backend: &SqlBackend, id: &str) {
    backend.delete_pending_inbound(ANA, ANA, id).await.unwrap();
}

async fn find(backend: &SqlBackend, id: &str) -> Option<Vec<u8>> {
    backend.get_pending_inbound(ANA, ANA, id).await.unwrap()
}

/// Makes every write to the buffer fail.
async fn break_buffer(home: &Home) {
    home.tamper("ALTER TABLE wa_pending_inbound RENAME TO wa_gone").await;
}

async fn repair_buffer(home: &Home) {
    home.tamper("ALTER TABLE wa_gone RENAME TO wa_pending_inbound").await;
}

#[tokio::test]
async fn a_message_that_is_committed_before_a_ratchet_is_saved_costs_no_write() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    let before = home.db.commits();
    put(&backend, "M1").await;
    assert_eq!(find(&backend, "M1").await.unwrap(), b"M1");
    remove(&backend, "M1").await;
    assert_eq!(find(&backend, "M1").await, None);
    assert_eq!(home.db.commits(), before);
    backend.put_session(ANA, b"session").await.unwrap();
    assert_eq!(home.count("wa_pending_inbound").await, 0);
}

async fn a_saved_ratchet_brings_the_message_along(home: Home) {
    // Each is what there is after a crash: nothing in memory outlives it.
    let backend = home.open().await;
    put(&backend, "M1").await;
    assert_eq!(find(&home.open().await, "M1").await, None);
    backend.put_session(ANA, b"session").await.unwrap();
    let after = home.open().await;
    assert_eq!(find(&after, "M1").await.unwrap(), b"M1");
    assert_eq!(after.get_session(ANA).await.unwrap().unwrap(), "session");
    // What is stored is not stored anew, and not forgotten.
    backend.put_session(ANA, b"later").await.unwrap();
    assert_eq!(find(&backend, "M1").await.unwrap(), b"M1");
    remove(&backend, "M1").await;
    assert_eq!(find(&backend, "M1").await, None);
    backend.put_session(ANA, b"last").await.unwrap();
    assert_eq!(home.count("wa_pending_inbound").await, 0);
}

#[tokio::test]
async fn a_saved_ratchet_brings_the_message_along_on_sqlite() {
    a_saved_ratchet_brings_the_message_along(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_saved_ratchet_brings_the_message_along_on_postgres() {
    a_saved_ratchet_brings_the_message_along(Home::postgres().await).await;
}

async fn write_signal_state(backend: &dyn Backend, n: usize) -> bool {
    let written = match n {
        0 => backend.put_session(ANA, b"after").await,
        1 => backend.put_sessions_batch(&[(ANA.into(), "after".into())]).await,
        2 => backend.delete_session(ANA).await,
        3 => backend.put_identity(ANA, [1; 32]).await,
        4 => backend.put_identities_batch(&[(ANA.into(), [1; 32])]).await,
        5 => backend.delete_identity(ANA).await,
        6 => backend.store_prekey(1, b"prekey", false).await,
        7 => backend.store_prekeys_batch(&[(1, "prekey".into())], false).await,
        8 => backend.mark_prekeys_uploaded(&[1]).await,
        9 => backend.remove_prekey(1).await,
        10 => backend.store_signed_prekey(1, b"prekey").await,
        11 => backend.remove_signed_prekey(1).await,
        12 => backend.put_sender_key(ANA, b"key").await,
        13 => backend.put_sender_keys_batch(&[(ANA.into(), "key".into())]).await,
        _ => backend.delete_sender_key(ANA).await,
    };
    written.is_ok()
}

const SIGNAL_WRITES: usize = 15;

#[tokio::test]
async fn every_signal_write_brings_along_what_is_pending() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    for n in 0..SIGNAL_WRITES {
        let id = format!("M{n}");
        put(&backend, &id).await;
        assert!(write_signal_state(&backend, n).await);
        assert!(find(&home.open().await, &id).await.is_some(), "write {n}");
    }
}

async fn no_ratchet_is_saved_without_the_message(home: Home) {
    let backend = home.open().await;
    backend.put_session(ANA, b"before").await.unwrap();
    put(&backend, "M1").await;
    break_buffer(&home).await;
    for n in 0..SIGNAL_WRITES {
        assert!(!write_signal_state(&backend, n).await, "write {n} went through");
    }
    assert_eq!(backend.get_session(ANA).await.unwrap().unwrap(), "before");
    // Nothing is lost by it: what failed can be done again.
    repair_buffer(&home).await;
    assert_eq!(find(&backend, "M1").await.unwrap(), b"M1");
    backend.put_session(ANA, b"after").await.unwrap();
    let after = home.open().await;
    assert_eq!(find(&after, "M1").await.unwrap(), b"M1");
    assert_eq!(after.get_session(ANA).await.unwrap().unwrap(), "after");
}

#[tokio::test]
async fn no_ratchet_is_saved_without_the_message_on_sqlite() {
    no_ratchet_is_saved_without_the_message(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn no_ratchet_is_saved_without_the_message_on_postgres() {
    no_ratchet_is_saved_without_the_message(Home::postgres().await).await;
}

#[tokio::test]
async fn of_a_batch_all_are_brought_along() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    let ids: Vec<_> = (0..700).map(|n| format!("M{n}")).collect();
    let rows: Vec<_> = ids
        .iter()
        .map(|id| PendingInboundRow { chat: ANA, sender: ANA, id, message: id.as_bytes() })
        .collect();
    backend.store_pending_inbound_batch(&rows).await.unwrap();
    backend.put_session(ANA, b"session").await.unwrap();
    assert_eq!(home.count("wa_pending_inbound").await, 700);
    let after = home.open().await;
    for id in &ids {
        assert_eq!(find(&after, id).await.unwrap(), id.as_bytes());
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

#[tokio::test]
async fn a_message_put_down_while_a_ratchet_waits_to_be_saved_goes_with_it() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    let (go_on, jam) = jam(&home).await;
    let mut saving = Box::pin(backend.put_session(ANA, b"session"));
    assert!(saving.as_mut().now_or_never().is_none());
    put(&backend, "M1").await;
    go_on.send(()).unwrap();
    jam.await.unwrap();
    saving.await.unwrap();
    assert_eq!(find(&home.open().await, "M1").await.unwrap(), b"M1");
}

async fn a_message_committed_while_it_is_written_is_gone_in_the_end(home: Home) {
    let backend = home.open().await;
    put(&backend, "M1").await;
    let (go_on, jam) = jam(&home).await;
    let mut saving = Box::pin(backend.put_session(ANA, b"session"));
    assert!(saving.as_mut().now_or_never().is_none());
    remove(&backend, "M1").await;
    go_on.send(()).unwrap();
    jam.await.unwrap();
    saving.await.unwrap();
    assert_eq!(find(&backend, "M1").await, None);
    backend.put_session(ANA, b"next").await.unwrap();
    assert_eq!(find(&home.open().await, "M1").await, None);
    assert_eq!(home.count("wa_pending_inbound").await, 0);
}

#[tokio::test]
async fn a_message_committed_while_it_is_written_is_gone_in_the_end_on_sqlite() {
    a_message_committed_while_it_is_written_is_gone_in_the_end(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_message_committed_while_it_is_written_is_gone_in_the_end_on_postgres() {
    a_message_committed_while_it_is_written_is_gone_in_the_end(Home::postgres().await).await;
}

async fn what_was_begun_is_done_before_the_next_store_opens(home: Home) {
    let factory = home.factory();
    let earlier = factory.open(INSTANCE).await.unwrap();
    put(&earlier, "M1").await;
    let (go_on, jam) = jam(&home).await;
    // The session ends in the middle.
    assert!(earlier.put_session(ANA, b"session").now_or_never().is_none());
    let mut opening = Box::pin(factory.open(INSTANCE));
    assert!(opening.as_mut().now_or_never().is_none());
    go_on.send(()).unwrap();
    jam.await.unwrap();
    let later = opening.await.unwrap();
    assert_eq!(home.count("wa_pending_inbound").await, 1);
    assert_eq!(later.get_session(ANA).await.unwrap().unwrap(), "session");
    earlier.put_session(ANA, b"late").await.unwrap_err();
    later.put_session(ANA, b"next").await.unwrap();
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
async fn the_next_session_has_what_the_last_left_pending() {
    let home = Home::sqlite().await;
    let factory = home.factory();
    let earlier = factory.open(INSTANCE).await.unwrap();
    put(&earlier, "M1").await;
    drop(earlier);
    let other = factory.open(OTHER_INSTANCE).await.unwrap();
    assert_eq!(find(&other, "M1").await, None);
    let later = factory.open(INSTANCE).await.unwrap();
    assert_eq!(find(&later, "M1").await.unwrap(), b"M1");
    later.put_session(ANA, b"session").await.unwrap();
    assert_eq!(find(&home.open().await, "M1").await.unwrap(), b"M1");
}

#[tokio::test]
async fn a_message_found_on_the_disk_and_put_again_is_removed_from_there_too() {
    let home = Home::sqlite().await;
    let earlier = home.open().await;
    put(&earlier, "M1").await;
    earlier.put_session(ANA, b"session").await.unwrap();
    // As when WhatsApp delivers it again.
    let later = home.open().await;
    let found = find(&later, "M1").await.unwrap();
    later.store_pending_inbound(ANA, ANA, "M1", &found).await.unwrap();
    remove(&later, "M1").await;
    assert_eq!(find(&later, "M1").await, None);
    later.put_session(ANA, b"next").await.unwrap();
    assert_eq!(home.count("wa_pending_inbound").await, 0);
}

#[tokio::test]
async fn what_no_ratchet_takes_along_is_written_all_the_same() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    put(&backend, "M1").await;
    backend.put_session(ANA, b"session").await.unwrap();
    remove(&backend, "M1").await;
    backend.put_msg_secret(ANA, ANA, "M1", &[3; 32]).await.unwrap();
    while home.count("wa_pending_inbound").await > 0 || home.count("wa_msg_secret").await == 0 {
        tokio::task::yield_now().await;
    }
    let secret = home.open().await.get_msg_secret(ANA, ANA, "M1").await.unwrap();
    assert_eq!(secret.unwrap(), [3; 32]);
}

/// Its ratchet may have been saved a moment before it was put down.
#[tokio::test]
async fn a_message_that_stays_uncommitted_is_put_down_without_a_ratchet() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    break_buffer(&home).await;
    put(&backend, "M1").await;
    while !home.failures.lock().unwrap().iter().any(|sql| sql.contains("wa_pending_inbound")) {
        tokio::task::yield_now().await;
    }
    repair_buffer(&home).await;
    while home.count("wa_pending_inbound").await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(find(&home.open().await, "M1").await.unwrap(), b"M1");
    assert_eq!(find(&backend, "M1").await.unwrap(), b"M1");
}

#[tokio::test]
async fn what_is_left_is_written_out_before_the_database_is_closed() {
    let mut home = Home::sqlite().await;
    let factory = home.factory();
    let backend = factory.open(INSTANCE).await.unwrap();
    put(&backend, "M1").await;
    backend.put_msg_secret(ANA, ANA, "M1", &[3; 32]).await.unwrap();
    factory.write_out().await.unwrap();
    home.reopen().await;
    let after = home.open().await;
    assert_eq!(find(&after, "M1").await.unwrap(), b"M1");
    assert_eq!(after.get_msg_secret(ANA, ANA, "M1").await.unwrap().unwrap(), [3; 32]);
}

#[tokio::test]
async fn what_is_left_of_one_instance_is_written_even_if_that_of_another_cannot_be() {
    let home = Home::sqlite().await;
    let factory = home.factory();
    let instances: Vec<_> = (1..=20).map(uuid::Uuid::from_u128).collect();
    for instance in &instances {
        put(&factory.open(*instance).await.unwrap(), "M1").await;
    }
    let broken = instances[7].simple();
    home.tamper(&format!(
        "CREATE TRIGGER full BEFORE INSERT ON wa_pending_inbound WHEN NEW.instance_id = X'{broken}'
        BEGIN SELECT RAISE(ABORT, 'as planned'); END"
    ))
    .await;
    let error = factory.write_out().await.unwrap_err();
    assert!(format!("{error:?}").contains("as planned"), "{error:?}");
    assert_eq!(home.count("wa_pending_inbound").await, 19);
}

#[tokio::test]
async fn what_comes_after_an_instance_was_wiped_is_not_kept() {
    let home = Home::sqlite().await;
    let factory = home.factory();
    let backend = factory.open(INSTANCE).await.unwrap();
    put(&backend, "M1").await;
    factory.wipe(INSTANCE).await.unwrap();
    put(&backend, "M2").await;
    backend.put_msg_secret(ANA, ANA, "M2", &[3; 32]).await.unwrap();
    let next = factory.open(INSTANCE).await.unwrap();
    next.put_session(ANA, b"session").await.unwrap();
    assert_eq!(home.count("wa_pending_inbound").await, 0);
    assert_eq!(find(&next, "M1").await, None);
    assert_eq!(find(&next, "M2").await, None);
    assert_eq!(home.count("wa_msg_secret").await, 0);
}

#[tokio::test]
async fn writes_of_many_instances_that_wait_are_few() {
    let home = Home::sqlite().await;
    let factory = home.factory();
    let mut backends = Vec::new();
    for n in 1..=40 {
        backends.push(factory.open(uuid::Uuid::from_u128(n)).await.unwrap());
    }
    let (go_on, jam) = jam(&home).await;
    let before = home.statements.lock().unwrap().len();
    for backend in &backends {
        put(backend, "M1").await;
    }
    let mut saving: Vec<_> =
        backends.iter().map(|backend| Box::pin(backend.put_session(ANA, b"session"))).collect();
    for saving in &mut saving {
        assert!(saving.now_or_never().is_none());
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    go_on.send(()).unwrap();
    jam.await.unwrap();
    for saved in futures::future::join_all(saving).await {
        saved.unwrap();
    }
    let statements = home.statements.lock().unwrap().split_off(before);
    assert!(statements.len() < 10, "{statements:#?}");
    for n in 1..=40 {
        let after = home.factory().open(uuid::Uuid::from_u128(n)).await.unwrap();
        assert_eq!(find(&after, "M1").await.unwrap(), b"M1");
        assert_eq!(after.get_session(ANA).await.unwrap().unwrap(), "session");
    }
}

#[tokio::test]
async fn a_write_that_fails_spoils_nothing_for_other_instances() {
    let home = Home::sqlite().await;
    let factory = home.factory();
    let good = factory.open(INSTANCE).await.unwrap();
    let bad = factory.open(OTHER_INSTANCE).await.unwrap();
    let fails = "SELECT RAISE(ABORT, 'as planned')";
    let when = "NEW.instance_id = X'00000000000000000000000000000002'";
    let trigger =
        format!("CREATE TRIGGER spoilt BEFORE INSERT ON wa_session WHEN {when} BEGIN {fails}; END");
    home.tamper(&trigger).await;
    put(&good, "M1").await;
    put(&bad, "M1").await;
    let (go_on, jam) = jam(&home).await;
    let mut both = Box::pin(async {
        futures::join!(good.put_session(ANA, b"session"), bad.put_session(ANA, b"session"))
    });
    assert!(both.as_mut().now_or_never().is_none());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    go_on.send(()).unwrap();
    jam.await.unwrap();
    let (saved, failed) = both.await;
    saved.unwrap();
    failed.unwrap_err();
    assert_eq!(home.count("wa_session").await, 1);
    assert_eq!(home.count("wa_pending_inbound").await, 1);
    assert_eq!(find(&bad, "M1").await.unwrap(), b"M1", "it is still to be put down");
}

#[tokio::test]
async fn a_store_that_writes_through_has_each_message_on_the_disk_at_once() {
    let home = Home::sqlite().await;
    let backend = home.factory().writing_through().open(INSTANCE).await.unwrap();
    put(&backend, "M1").await;
    assert_eq!(find(&home.open().await, "M1").await.unwrap(), b"M1");
    break_buffer(&home).await;
    backend.store_pending_inbound(ANA, ANA, "M2", b"M2").await.unwrap_err();
}

async fn no_id_of_a_peer_does_harm(home: Home) {
    let backend = home.open().await;
    for id in ["M\0", &"M".repeat(100_000), ""] {
        backend.store_pending_inbound(ANA, ANA, id, b"message").await.unwrap();
        backend.put_sender_key(id, b"key").await.unwrap();
        assert_eq!(backend.get_sender_key(id).await.unwrap().unwrap(), b"key");
        let found = home.open().await.get_pending_inbound(ANA, ANA, id).await.unwrap();
        assert_eq!(found.unwrap(), b"message");
        backend.delete_pending_inbound(ANA, ANA, id).await.unwrap();
        assert_eq!(backend.get_pending_inbound(ANA, ANA, id).await.unwrap(), None);
        backend.put_msg_secret(ANA, ANA, id, &[3; 32]).await.unwrap();
        assert_eq!(backend.get_msg_secret(ANA, ANA, id).await.unwrap().unwrap(), [3; 32]);
        backend.save_base_key(ANA, id, b"base").await.unwrap();
        assert!(backend.has_same_base_key(ANA, id, b"base").await.unwrap());
        assert_eq!(backend.take_sent_message(ANA, id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn no_id_of_a_peer_does_harm_on_sqlite() {
    no_id_of_a_peer_does_harm(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn no_id_of_a_peer_does_harm_on_postgres() {
    no_id_of_a_peer_does_harm(Home::postgres().await).await;
}
