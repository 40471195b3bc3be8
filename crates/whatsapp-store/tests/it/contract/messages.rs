//! Sent messages kept for retries, and inbound ones kept until they are committed.

use futures::future::join_all;
use wacore::store::traits::{Backend, PendingInboundKey, PendingInboundRow};

const CHAT: &str = "5511999990001@s.whatsapp.net";
const SENDER: &str = "5511999990001:7@s.whatsapp.net";

pub async fn a_sent_message_is_taken_once(backend: &dyn Backend) {
    assert_eq!(backend.take_sent_message(CHAT, "M1").await.unwrap(), None);
    backend.store_sent_message(CHAT, "M1", b"payload").await.unwrap();
    assert_eq!(backend.take_sent_message(CHAT, "M2").await.unwrap(), None);
    assert_eq!(backend.take_sent_message("other@lid", "M1").await.unwrap(), None);
    assert_eq!(backend.take_sent_message(CHAT, "M1").await.unwrap().unwrap(), b"payload");
    assert_eq!(backend.take_sent_message(CHAT, "M1").await.unwrap(), None);
}

pub async fn of_many_takers_one_gets_the_message(backend: &dyn Backend) {
    backend.store_sent_message(CHAT, "M1", b"payload").await.unwrap();
    let takers = (0..8).map(|_| backend.take_sent_message(CHAT, "M1"));
    let taken =
        join_all(takers).await.into_iter().filter(|taken| taken.as_ref().unwrap().is_some());
    assert_eq!(taken.count(), 1);
}

pub async fn a_message_sent_again_replaces_itself(backend: &dyn Backend) {
    backend.store_sent_message(CHAT, "M1", b"one").await.unwrap();
    backend.store_sent_message(CHAT, "M1", b"two").await.unwrap();
    assert_eq!(backend.take_sent_message(CHAT, "M1").await.unwrap().unwrap(), b"two");
    assert_eq!(backend.take_sent_message(CHAT, "M1").await.unwrap(), None);
}

pub async fn sent_messages_expire_by_age(backend: &dyn Backend) {
    let now = wacore::time::now_secs();
    for id in ["M1", "M2"] {
        backend.store_sent_message(CHAT, id, b"payload").await.unwrap();
    }
    assert_eq!(backend.delete_expired_sent_messages(now).await.unwrap(), 0);
    assert_eq!(backend.delete_expired_sent_messages(now + 3600).await.unwrap(), 2);
    assert_eq!(backend.take_sent_message(CHAT, "M1").await.unwrap(), None);
}

async fn pending(backend: &dyn Backend, id: &str) -> Option<Vec<u8>> {
    backend.get_pending_inbound(CHAT, SENDER, id).await.unwrap()
}

pub async fn a_pending_message_is_kept_until_deleted(backend: &dyn Backend) {
    assert_eq!(pending(backend, "M1").await, None);
    backend.store_pending_inbound(CHAT, SENDER, "M1", b"one").await.unwrap();
    backend.store_pending_inbound(CHAT, SENDER, "M1", b"two").await.unwrap();
    assert_eq!(pending(backend, "M1").await.unwrap(), b"two");
    assert_eq!(pending(backend, "M1").await.unwrap(), b"two");
    backend.delete_pending_inbound(CHAT, SENDER, "M1").await.unwrap();
    assert_eq!(pending(backend, "M1").await, None);
    backend.delete_pending_inbound(CHAT, SENDER, "M1").await.unwrap();
}

pub async fn pending_messages_are_told_apart_by_chat_sender_and_id(backend: &dyn Backend) {
    let keys =
        [(CHAT, SENDER, "M1"), ("g@g.us", SENDER, "M1"), (CHAT, CHAT, "M1"), (CHAT, SENDER, "M2")];
    for (n, (chat, sender, id)) in keys.into_iter().enumerate() {
        let message = n.to_string();
        backend.store_pending_inbound(chat, sender, id, message.as_bytes()).await.unwrap();
    }
    for (n, (chat, sender, id)) in keys.into_iter().enumerate() {
        let stored = backend.get_pending_inbound(chat, sender, id).await.unwrap().unwrap();
        assert_eq!(stored, n.to_string().as_bytes());
    }
}

pub async fn a_batch_of_pending_messages_is_stored_again_without_harm(backend: &dyn Backend) {
    let ids: Vec<String> = (0..1200).map(|n| format!("M{n}")).collect();
    let rows: Vec<_> = ids
        .iter()
        .map(|id| PendingInboundRow { chat: CHAT, sender: SENDER, id, message: id.as_bytes() })
        .collect();
    backend.store_pending_inbound_batch(&rows).await.unwrap();
    backend.store_pending_inbound_batch(&rows[600..]).await.unwrap();
    for id in ["M0", "M599", "M600", "M1199"] {
        assert_eq!(pending(backend, id).await.unwrap(), id.as_bytes());
    }
}

pub async fn a_batch_of_pending_messages_is_deleted_alone(backend: &dyn Backend) {
    for id in ["M1", "M2", "M3"] {
        backend.store_pending_inbound(CHAT, SENDER, id, b"message").await.unwrap();
    }
    let key = |id| PendingInboundKey { chat: CHAT, sender: SENDER, id };
    backend.delete_pending_inbound_batch(&[key("M1"), key("M3"), key("M9")]).await.unwrap();
    assert_eq!(pending(backend, "M1").await, None);
    assert!(pending(backend, "M2").await.is_some());
    assert_eq!(pending(backend, "M3").await, None);
}

pub async fn pending_messages_expire_by_age(backend: &dyn Backend) {
    let now = wacore::time::now_secs();
    backend.store_pending_inbound(CHAT, SENDER, "M1", b"message").await.unwrap();
    assert_eq!(backend.delete_expired_pending_inbound(now).await.unwrap(), 0);
    assert!(pending(backend, "M1").await.is_some());
    assert_eq!(backend.delete_expired_pending_inbound(now + 3600).await.unwrap(), 1);
    assert_eq!(pending(backend, "M1").await, None);
}
