use std::collections::HashSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde_json::Value;
use tokio::time::sleep;
use wharf_domain::delivery::Outcome;
use wharf_domain::secret::Secret;
use wharf_domain::webhook::WebhookTarget;
use wharf_net::Egress;

use crate::receiver::{Received, Receiver};
use crate::scene::{EVENT_ID, NOW, TOKEN, attempt, net, sink, target};

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

/// Verifies as a receiver would, from what came over the wire alone.
fn verify(key: &[u8], posted: &Received) {
    let mut signed = Vec::new();
    for part in [posted.header("webhook-id"), posted.header("webhook-timestamp")] {
        signed.extend_from_slice(part.unwrap().as_bytes());
        signed.push(b'.');
    }
    signed.extend_from_slice(&posted.body);
    let signature = posted.header("webhook-signature").unwrap().strip_prefix("v1,").unwrap();
    let tag = BASE64_STANDARD.decode(signature).unwrap();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), &signed, &tag).unwrap();
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
    verify(b"a key of bytes", of_bytes);
    verify(b"a key of text", of_text);
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
