//! Message secrets and their deadlines; 0 is never.

use std::sync::Arc;

use wacore::store::traits::{Backend, MsgSecretEntry};

const CHAT: &str = "5511999990001@s.whatsapp.net";

fn entry(id: &str, secret: u8, expires_at: i64, message_ts: i64) -> MsgSecretEntry {
    MsgSecretEntry {
        chat: Arc::from(CHAT),
        sender: Arc::from(CHAT),
        msg_id: Arc::from(id),
        secret: [secret; 32],
        expires_at,
        message_ts,
    }
}

async fn stored(backend: &dyn Backend, id: &str) -> Option<(Vec<u8>, i64)> {
    backend.get_msg_secret_with_ts(CHAT, CHAT, id).await.unwrap()
}

pub async fn a_secret_is_found_by_chat_sender_and_message(backend: &dyn Backend) {
    assert_eq!(backend.get_msg_secret(CHAT, CHAT, "M1").await.unwrap(), None);
    backend.put_msg_secret(CHAT, CHAT, "M1", &[1; 32]).await.unwrap();
    backend.put_msg_secret("g@g.us", CHAT, "M1", &[2; 32]).await.unwrap();
    backend.put_msg_secret(CHAT, "b@lid", "M1", &[3; 32]).await.unwrap();
    let found = async |chat, sender| backend.get_msg_secret(chat, sender, "M1").await.unwrap();
    assert_eq!(found(CHAT, CHAT).await.unwrap(), [1; 32]);
    assert_eq!(found("g@g.us", CHAT).await.unwrap(), [2; 32]);
    assert_eq!(found(CHAT, "b@lid").await.unwrap(), [3; 32]);
    assert_eq!(found("g@g.us", "b@lid").await, None);
    assert_eq!(stored(backend, "M1").await.unwrap(), (vec![1; 32], 0));
}

pub async fn a_batch_of_secrets_counts_its_entries(backend: &dyn Backend) {
    let entries: Vec<_> = (0..1500).map(|n| entry(&format!("M{n}"), 1, 0, n)).collect();
    assert_eq!(backend.put_msg_secrets(entries).await.unwrap(), 1500);
    assert_eq!(stored(backend, "M1499").await.unwrap().1, 1499);
    backend.put_msg_secrets(vec![entry("M7", 9, 0, 7)]).await.unwrap();
    assert_eq!(stored(backend, "M7").await.unwrap().0, [9; 32]);
}

pub async fn a_deadline_never_shrinks(backend: &dyn Backend) {
    for expires_at in [100, 300, 200] {
        backend.put_msg_secrets(vec![entry("M1", 1, expires_at, 0)]).await.unwrap();
    }
    assert_eq!(backend.delete_expired_msg_secrets(299).await.unwrap(), 0);
    assert_eq!(backend.delete_expired_msg_secrets(300).await.unwrap(), 1);
}

pub async fn never_outlives_every_deadline(backend: &dyn Backend) {
    for (id, deadlines) in [("M1", [0, 100]), ("M2", [100, 0])] {
        for expires_at in deadlines {
            backend.put_msg_secrets(vec![entry(id, 1, expires_at, 0)]).await.unwrap();
        }
    }
    assert_eq!(backend.delete_expired_msg_secrets(i64::MAX).await.unwrap(), 0);
}

pub async fn a_known_message_time_is_not_forgotten(backend: &dyn Backend) {
    for message_ts in [0, 50, 0, 40] {
        backend.put_msg_secrets(vec![entry("M1", 1, 0, message_ts)]).await.unwrap();
    }
    assert_eq!(stored(backend, "M1").await.unwrap().1, 50);
}

pub async fn the_same_message_twice_in_a_batch_is_merged(backend: &dyn Backend) {
    let entries = vec![entry("M1", 1, 300, 50), entry("M1", 2, 100, 0)];
    assert_eq!(backend.put_msg_secrets(entries).await.unwrap(), 2);
    assert_eq!(stored(backend, "M1").await.unwrap(), (vec![2; 32], 50));
    assert_eq!(backend.delete_expired_msg_secrets(200).await.unwrap(), 0);
}

pub async fn secrets_expire_at_their_deadline(backend: &dyn Backend) {
    let entries = vec![entry("past", 1, 99, 0), entry("now", 1, 100, 0), entry("later", 1, 101, 0)];
    backend.put_msg_secrets(entries).await.unwrap();
    assert_eq!(backend.delete_expired_msg_secrets(100).await.unwrap(), 2);
    assert_eq!(stored(backend, "now").await, None);
    assert!(stored(backend, "later").await.is_some());
}
