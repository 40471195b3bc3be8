use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{StatusCode, header};
use axum::response::Redirect;
use tokio::net::TcpListener;
use wharf_domain::delivery::Outcome;
use wharf_domain::secret::Secret;
use wharf_domain::webhook::WebhookTarget;
use wharf_net::{Egress, Resolver};
use wharf_webhook::WebhookConfig;

use crate::receiver::Receiver;
use crate::scene::{TOKEN, attempt, net, probe, sink, sink_with, target};

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let receiver = Receiver::answering(|| Redirect::temporary("/elsewhere")).await;
    let outcome = attempt(&sink(&net(Egress::Open)), &target(&receiver.origin)).await;
    let reason = "the receiver answered with status 307, and redirects are not followed".to_owned();
    assert_eq!(outcome, Outcome::Retry { reason, after: None });
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_wants_nothing_more_says_so() {
    let receiver = Receiver::answering(|| StatusCode::GONE).await;
    let outcome = attempt(&sink(&net(Egress::Open)), &target(&receiver.origin)).await;
    let reason = "the receiver answered with status 410".to_owned();
    assert_eq!(outcome, Outcome::Gone { reason });
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_given_up_when_its_time_is_over() {
    let receiver = Receiver::mute().await;
    let config = WebhookConfig { timeout: Duration::from_millis(50), ..WebhookConfig::default() };
    let sink = sink_with(&net(Egress::Open), config, false);
    let attempt = probe(&sink, &target(&receiver.origin)).await;
    let reason = "no complete answer in time".to_owned();
    assert_eq!(attempt.outcome, Outcome::Retry { reason, after: None });
    assert_eq!(attempt.status, None);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_busy_receiver_names_its_pause() {
    let receiver = Receiver::answering(|| {
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "42")], "busy")
    })
    .await;
    let outcome = attempt(&sink(&net(Egress::Open)), &target(&receiver.origin)).await;
    let reason = "the receiver answered with status 503".to_owned();
    assert_eq!(outcome, Outcome::Retry { reason, after: Some(Duration::from_secs(42)) });
}

#[tokio::test]
async fn a_receiver_that_is_down_is_tried_again() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let outcome = attempt(&sink(&net(Egress::Open)), &target(&format!("http://{nobody}/"))).await;
    let reason = "cannot connect: connection refused".to_owned();
    assert_eq!(outcome, Outcome::Retry { reason, after: None });
}

#[tokio::test]
async fn a_refused_address_is_final_and_never_called() {
    let receiver = Receiver::answering(|| StatusCode::OK).await;
    let outcome = attempt(&sink(&net(Egress::PublicOnly)), &target(&receiver.origin)).await;
    let reason =
        "refused: the host has a loopback address, which this server does not call".to_owned();
    assert_eq!(outcome, Outcome::Failed { reason });
    assert_eq!(receiver.received().len(), 0);

    let metadata = target("http://169.254.169.254/latest/meta-data");
    let outcome = attempt(&sink(&net(Egress::Open)), &metadata).await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
}

/// Says that every name is this machine.
struct EverythingHere;

#[async_trait]
impl Resolver for EverythingHere {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
}

#[tokio::test]
async fn a_name_of_a_refused_address_is_never_called_but_may_change() {
    let receiver = Receiver::answering(|| StatusCode::OK).await;
    let url = receiver.origin.replace("127.0.0.1", "inner.test");
    let open = net(Egress::Open).with_resolver(Arc::new(EverythingHere));
    assert_eq!(attempt(&sink(&open), &target(&url)).await, Outcome::Delivered);

    let closed = net(Egress::PublicOnly).with_resolver(Arc::new(EverythingHere));
    let outcome = attempt(&sink(&closed), &target(&url)).await;
    let reason =
        "refused: the host has a loopback address, which this server does not call".to_owned();
    assert_eq!(outcome, Outcome::Retry { reason, after: None });
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn no_reason_and_no_debug_tells_a_secret() {
    let receiver = Receiver::answering(|| (StatusCode::BAD_REQUEST, "echo: opensesame")).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let sink = sink(&net(Egress::Open));
    let mut told = format!("{sink:?}");
    for (origin, authorization) in [
        (receiver.origin.clone(), "Bearer hunter2"),
        (format!("http://{nobody}"), "Bearer hunter2"),
        // Cannot be sent, so it is the request that fails.
        (receiver.origin.clone(), "hunter2\n"),
    ] {
        let target = WebhookTarget {
            authorization: Some(Secret::new(authorization)),
            secret: Some(Secret::new("whsec_c2VjcmV0IQ")),
            ..target(&format!("{origin}/hook?key=opensesame"))
        };
        let outcome = attempt(&sink, &target).await;
        assert_ne!(outcome, Outcome::Delivered);
        told = format!("{told} {outcome:?}");
    }
    for secret in ["hunter2", "opensesame", "whsec_", "c2VjcmV0", TOKEN] {
        assert!(!told.contains(secret), "{told}");
    }
}
