use std::collections::HashSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde_json::Value;
use tokio::time::sleep;
use wharf_domain::Timestamp;
use wharf_domain::delivery::{Attempt, Outcome};
use wharf_domain::secret::Secret;
use wharf_domain::webhook::{RetiringSecret, WebhookTarget};
use wharf_net::Egress;
use wharf_webhook::WebhookConfig;

use crate::receiver::{Received, Receiver};
use crate::scene::{EVENT_ID, NOW, TOKEN, attempt, net, probe, sink, sink_with, target};

#[tokio::test]
async fn an_event_is_posted_as_its_envelope() {
    let receiver = Receiver::answering(|| StatusCode::ACCEPTED).await;
    let target = target(&format!("{}/hook?key=value", receiver.origin));
    assert_eq!(attempt(&sink(&net(Egress::Open)), &target).await, Outcome::Delivered);

    let [posted] = &receiver.received()[..] else { panic!("not one request") };
    assert_eq!(posted.method, "POST");
    assert_eq!(posted.uri, "/hook?key=value");
    assert_eq!(posted.header("content-type"), Some("application/json"));
    assert_eq!(posted.header("webhook-id"), Some(EVENT_ID));
    assert_eq!(posted.header("webhook-timestamp"), Some(NOW.to_string().as_str()));
    assert!(posted.header("user-agent").unwrap().starts_with("Wharf/"));
    let body: Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!(body["event"], "instance.state");
    assert_eq!(body["eventId"], EVENT_ID);
    assert_eq!(body["instanceData"]["instance"], "sales");
    assert_eq!(body["instanceData"]["token"], TOKEN);
    assert_eq!(body["instanceData"]["baseUrl"], "https://wharf.example.com");
}

#[tokio::test]
async fn authorization_goes_as_configured_and_only_then() {
    let receiver = Receiver::answering(|| StatusCode::OK).await;
    let sink = sink(&net(Egress::Open));
    let plain = target(&receiver.origin);
    let authorized =
        WebhookTarget { authorization: Some(Secret::new("no scheme, just this")), ..plain.clone() };
    for target in [&plain, &authorized] {
        assert_eq!(attempt(&sink, target).await, Outcome::Delivered);
    }
    let sent: Vec<_> = receiver
        .received()
        .iter()
        .map(|posted| posted.header("authorization").map(ToOwned::to_owned))
        .collect();
    assert_eq!(sent, [None, Some("no scheme, just this".to_owned())]);
}

/// Verifies as a receiver would, from what came over the wire alone. Any signature that fits will do.
fn is_signed_by(key: &[u8], posted: &Received) -> bool {
    let mut signed = Vec::new();
    for part in [posted.header("webhook-id"), posted.header("webhook-timestamp")] {
        signed.extend_from_slice(part.unwrap().as_bytes());
        signed.push(b'.');
    }
    signed.extend_from_slice(&posted.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    posted.header("webhook-signature").unwrap().split(' ').any(|signature| {
        let tag = BASE64_STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        hmac::verify(&key, &signed, &tag).is_ok()
    })
}

#[tokio::test]
async fn deliveries_are_signed_when_there_is_a_secret() {
    let receiver = Receiver::answering(|| StatusCode::OK).await;
    let sink = sink(&net(Egress::Open));
    let plain = target(&receiver.origin);
    // `whsec_` and the base64 of `a key of bytes`.
    let prefixed = Secret::new("whsec_YSBrZXkgb2YgYnl0ZXM=");
    let raw = Secret::new("a key of text");
    for secret in [None, Some(prefixed), Some(raw)] {
        let target = WebhookTarget { secret, ..plain.clone() };
        assert_eq!(attempt(&sink, &target).await, Outcome::Delivered);
    }
    let [unsigned, of_bytes, of_text] = &receiver.received()[..] else { panic!("not three") };
    assert_eq!(unsigned.header("webhook-signature"), None);
    assert!(is_signed_by(b"a key of bytes", of_bytes));
    assert!(is_signed_by(b"a key of text", of_text));
    assert!(!is_signed_by(b"a key of text", of_bytes));
}

#[tokio::test]
async fn a_secret_that_was_replaced_signs_beside_the_new_one_until_its_time_is_over() {
    let receiver = Receiver::answering(|| StatusCode::OK).await;
    let sink = sink(&net(Egress::Open));
    for until in [NOW + 1, NOW] {
        let until = Timestamp::from_timestamp(until, 0).unwrap();
        let target = WebhookTarget {
            secret: Some(Secret::new("new")),
            previous_secret: Some(RetiringSecret { secret: Secret::new("old"), until }),
            ..target(&receiver.origin)
        };
        assert_eq!(attempt(&sink, &target).await, Outcome::Delivered);
    }
    let [during, after] = &receiver.received()[..] else { panic!("not two") };
    assert!(is_signed_by(b"new", during) && is_signed_by(b"old", during));
    assert!(is_signed_by(b"new", after) && !is_signed_by(b"old", after));
}

#[tokio::test]
async fn a_test_event_goes_where_events_go_signed_and_marked() {
    let receiver = Receiver::answering(|| StatusCode::NO_CONTENT).await;
    let target = WebhookTarget {
        by_events: true,
        authorization: Some(Secret::new("Bearer x")),
        secret: Some(Secret::new("key")),
        ..target(&format!("{}/hook?k=v", receiver.origin))
    };
    let attempt = probe(&sink(&net(Egress::Open)), &target).await;
    assert_eq!(attempt, Attempt { status: Some(204), outcome: Outcome::Delivered });
    let [posted] = &receiver.received()[..] else { panic!("not one request") };
    assert_eq!(posted.uri, "/hook/test?k=v");
    assert_eq!(posted.header("webhook-id"), Some(EVENT_ID));
    assert_eq!(posted.header("authorization"), Some("Bearer x"));
    assert!(is_signed_by(b"key", posted));
    let body: Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!((&body["event"], &body["test"]), (&"test".into(), &true.into()));
    assert_eq!(body["eventId"], EVENT_ID);
    assert_eq!(body["instanceData"]["instance"], "sales");
}

#[tokio::test]
async fn events_can_be_told_apart_by_the_path() {
    let receiver = Receiver::answering(|| StatusCode::OK).await;
    let target =
        WebhookTarget { by_events: true, ..target(&format!("{}/hook?k=v", receiver.origin)) };
    assert_eq!(attempt(&sink(&net(Egress::Open)), &target).await, Outcome::Delivered);
    assert_eq!(receiver.received()[0].uri, "/hook/instance.state?k=v");
}

#[tokio::test]
async fn many_deliveries_take_one_connection() {
    let receiver = Receiver::answering(|| StatusCode::OK).await;
    let sink = sink(&net(Egress::Open));
    let target = target(&receiver.origin);
    for _ in 0..100 {
        assert_eq!(attempt(&sink, &target).await, Outcome::Delivered);
        // Whatever puts the connection back runs on this very thread.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    let attempts = receiver.received();
    let connections: HashSet<_> = attempts.iter().map(|posted| posted.peer).collect();
    assert_eq!((attempts.len(), connections.len()), (100, 1));
}

#[tokio::test]
async fn an_answer_that_is_never_complete_keeps_nobody_once_its_status_is_known() {
    let receiver = Receiver::answering(|| {
        Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>())
    })
    .await;
    let sink = sink_with(&net(Egress::Open), WebhookConfig::default(), true);
    assert_eq!(attempt(&sink, &target(&receiver.origin)).await, Outcome::Delivered);
}

#[tokio::test]
async fn attempts_share_a_connection_and_repeat_the_id() {
    // The body comes after the head, as if the receiver took its time to write it.
    let receiver = Receiver::answering(|| {
        Body::from_stream(futures::stream::once(async {
            sleep(Duration::from_millis(10)).await;
            Ok::<_, std::io::Error>("ok")
        }))
    })
    .await;
    let sink = sink(&net(Egress::Open));
    let target = target(&receiver.origin);
    for _ in 0..10 {
        assert_eq!(attempt(&sink, &target).await, Outcome::Delivered);
    }
    let attempts = receiver.received();
    assert!(attempts.iter().all(|posted| posted.header("webhook-id") == Some(EVENT_ID)));
    // A connection is put back in the background, so now and then an attempt comes too early.
    let connections: HashSet<_> = attempts.iter().map(|posted| posted.peer).collect();
    assert!(connections.len() < attempts.len(), "{connections:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_waited_for() {
    let receiver = Receiver::answering(|| {
        let piece = || Ok::<_, std::io::Error>("x".repeat(1024));
        Body::from_stream(futures::stream::repeat_with(piece))
    })
    .await;
    let outcome = attempt(&sink(&net(Egress::Open)), &target(&receiver.origin)).await;
    assert_eq!(outcome, Outcome::Delivered);
}
