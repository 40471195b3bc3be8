//! Privacy tokens. Two writers share a row: who sends owns the sender's time, who receives owns the
//! token.

use wacore::store::traits::{Backend, TcTokenEntry};

const ANA: &str = "100000000000001@lid";

fn entry(token: &[u8], token_timestamp: i64, sender_timestamp: Option<i64>) -> TcTokenEntry {
    TcTokenEntry { token: token.to_vec(), token_timestamp, sender_timestamp }
}

async fn stored(backend: &dyn Backend, jid: &str) -> Option<(Vec<u8>, i64, Option<i64>)> {
    let entry = backend.get_tc_token(jid).await.unwrap()?;
    Some((entry.token, entry.token_timestamp, entry.sender_timestamp))
}

pub async fn a_token_is_kept_replaced_and_deleted(backend: &dyn Backend) {
    backend.put_tc_token(ANA, &entry(b"one", 10, None)).await.unwrap();
    assert_eq!(stored(backend, ANA).await.unwrap(), (b"one".to_vec(), 10, None));
    backend.put_tc_token(ANA, &entry(b"two", 5, Some(3))).await.unwrap();
    assert_eq!(stored(backend, ANA).await.unwrap(), (b"two".to_vec(), 5, Some(3)));
    assert_eq!(backend.get_all_tc_token_jids().await.unwrap(), [ANA]);
    backend.delete_tc_token(ANA).await.unwrap();
    assert_eq!(stored(backend, ANA).await, None);
    assert!(backend.get_all_tc_token_jids().await.unwrap().is_empty());
}

pub async fn a_contact_without_a_token_is_found_once_it_has_one(backend: &dyn Backend) {
    for _ in 0..3 {
        assert_eq!(stored(backend, ANA).await, None);
    }
    backend.store_received_tc_token(ANA, b"first", 10).await.unwrap();
    for _ in 0..3 {
        assert_eq!(stored(backend, ANA).await.unwrap(), (b"first".to_vec(), 10, None));
    }
}

pub async fn touching_makes_a_placeholder_and_keeps_a_real_token(backend: &dyn Backend) {
    backend.touch_tc_token_sender_timestamp(ANA, 20).await.unwrap();
    assert_eq!(stored(backend, ANA).await.unwrap(), (Vec::new(), 20, Some(20)));
    backend.store_received_tc_token(ANA, b"real", 30).await.unwrap();
    backend.touch_tc_token_sender_timestamp(ANA, 40).await.unwrap();
    assert_eq!(stored(backend, ANA).await.unwrap(), (b"real".to_vec(), 30, Some(40)));
}

pub async fn the_senders_time_only_moves_forward(backend: &dyn Backend) {
    backend.put_tc_token(ANA, &entry(b"real", 10, None)).await.unwrap();
    for (touched, expected) in [(20, 20), (15, 20), (25, 25), (25, 25)] {
        backend.touch_tc_token_sender_timestamp(ANA, touched).await.unwrap();
        assert_eq!(stored(backend, ANA).await.unwrap().2, Some(expected));
    }
}

pub async fn a_received_token_keeps_the_senders_time(backend: &dyn Backend) {
    backend.put_tc_token(ANA, &entry(b"old", 10, Some(7))).await.unwrap();
    backend.store_received_tc_token(ANA, b"new", 20).await.unwrap();
    assert_eq!(stored(backend, ANA).await.unwrap(), (b"new".to_vec(), 20, Some(7)));
}

pub async fn a_received_token_does_not_replace_a_newer_one(backend: &dyn Backend) {
    backend.store_received_tc_token(ANA, b"new", 20).await.unwrap();
    backend.store_received_tc_token(ANA, b"stale", 19).await.unwrap();
    assert_eq!(stored(backend, ANA).await.unwrap().0, b"new");
    backend.store_received_tc_token(ANA, b"as new", 20).await.unwrap();
    assert_eq!(stored(backend, ANA).await.unwrap().0, b"as new");
}

pub async fn a_placeholder_never_blocks_the_first_token(backend: &dyn Backend) {
    backend.touch_tc_token_sender_timestamp(ANA, 1000).await.unwrap();
    backend.store_received_tc_token(ANA, b"first", 10).await.unwrap();
    assert_eq!(stored(backend, ANA).await.unwrap(), (b"first".to_vec(), 10, Some(1000)));
}

pub async fn a_token_expires_when_both_its_windows_have(backend: &dyn Backend) {
    let entries = [
        ("both live", entry(b"t", 100, Some(100))),
        ("token live", entry(b"t", 100, Some(1))),
        ("token live, never sent", entry(b"t", 100, None)),
        ("sender live", entry(b"t", 1, Some(100))),
        ("placeholder, sender live", entry(b"", 1, Some(100))),
        ("both stale", entry(b"t", 1, Some(1))),
        ("token stale, never sent", entry(b"t", 1, None)),
        ("placeholder, sender stale", entry(b"", 100, Some(1))),
        ("on the cutoffs", entry(b"t", 50, Some(60))),
    ];
    for (jid, entry) in &entries {
        backend.put_tc_token(jid, entry).await.unwrap();
        assert!(stored(backend, jid).await.is_some());
    }
    assert_eq!(backend.delete_expired_tc_tokens(50, 60).await.unwrap(), 3);
    for (jid, _) in &entries {
        let gone = ["both stale", "token stale, never sent", "placeholder, sender stale"];
        assert_eq!(stored(backend, jid).await.is_none(), gone.contains(jid), "{jid}");
    }
}

pub async fn touching_and_receiving_at_once_lose_nothing(backend: &dyn Backend) {
    for round in 0..10 {
        let jid = format!("{round}@lid");
        let (touched, received) = futures::join!(
            backend.touch_tc_token_sender_timestamp(&jid, 30),
            backend.store_received_tc_token(&jid, b"real", 20),
        );
        touched.unwrap();
        received.unwrap();
        let expected = (b"real".to_vec(), 20, Some(30));
        assert_eq!(stored(backend, &jid).await.unwrap(), expected, "round {round}");
    }
}
