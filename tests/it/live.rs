//! The WebSocket: who is let in, and what they hear.

mod client;
mod hearing;
mod liveness;

use client::{HANDSHAKE, Socket, enable, gateway, say};
use serde_json::json;
use wharf_domain::{account::AccountName, cors::Origin};
use wharf_http_ryze::Config;
use wharf_tests::{Caller, TestGateway};

const SHOP: &str = "https://shop.example.com";

/// Somebody who begins a WebSocket as it ought to be begun.
fn shaking_hands(caller: Caller) -> Caller {
    HANDSHAKE.iter().fold(caller, |caller, (name, value)| caller.with(name, value))
}

async fn refusal(caller: Caller, path: &str) -> (u16, String) {
    shaking_hands(caller).get(path).await.refusal()
}

#[tokio::test]
async fn either_token_opens_it_by_header_bearer_or_query() {
    let (gateway, session) = gateway(&[]).await;
    let own = gateway.get("/api/instance/list").await.expect(200);
    let own = own["instances"][0]["token"].as_str().unwrap().to_owned();
    for token in [gateway.account_token(), &own] {
        let bearer = format!("Bearer {token}");
        let query = format!("?token={token}");
        for (header, query) in [
            (Some(("token", token)), ""),
            (Some(("authorization", bearer.as_str())), ""),
            (None, query.as_str()),
            // The header goes first.
            (Some(("token", token)), "?token=unknown"),
        ] {
            let headers: Vec<_> = header.into_iter().collect();
            let mut socket = Socket::open(&gateway, &format!("/ws/sales{query}"), &headers).await;
            say(&session, "hello").await;
            assert_eq!(socket.words().await, "hello");
        }
    }
}

#[tokio::test]
async fn a_token_in_the_query_opens_nothing_else() {
    let gateway = TestGateway::start().await;
    let path = format!("/api/instance/list?token={}", gateway.account_token());
    let refusal = gateway.nobody().get(&path).await.refusal();
    assert_eq!(refusal, (401, "Missing token in header".to_owned()));
}

#[tokio::test]
async fn whoever_may_not_is_refused_before_the_handshake() {
    let (gateway, _) = gateway(&[]).await;
    let (_, support) = gateway.instance("support").await;
    let missing = "Missing token in header, Authorization header, or query parameter";
    assert_eq!(refusal(gateway.nobody(), "/ws/sales").await, (401, missing.to_owned()));
    assert_eq!(refusal(gateway.nobody(), "/ws/sales?token=").await, (401, missing.to_owned()));
    let invalid = (401, "Invalid token".to_owned());
    assert_eq!(refusal(gateway.nobody(), "/ws/sales?token=unknown").await, invalid);
    assert_eq!(refusal(gateway.holder("unknown"), "/ws/sales").await, invalid);
    let foreign = (403, "Instance token does not match the requested instance".to_owned());
    for name in ["sales", "nothing"] {
        let path = format!("/ws/{name}?token={support}");
        assert_eq!(refusal(gateway.nobody(), &path).await, foreign);
    }
    let unknown = (404, "Instance not found".to_owned());
    assert_eq!(refusal(gateway.owner(), "/ws/nothing").await, unknown);
    let other = gateway.other_owner("other", None).await;
    assert_eq!(refusal(other, "/ws/sales").await, unknown);
}

#[tokio::test]
async fn it_has_to_be_enabled_first() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let expected = "WebSocket is not enabled for this instance. Configure it first using POST \
                    /api/events/websocket/sales";
    let expected = (400, expected.to_owned());
    assert_eq!(refusal(gateway.owner(), "/ws/sales").await, expected, "never set up");
    enable(&gateway, json!({ "enabled": false })).await;
    assert_eq!(refusal(gateway.owner(), "/ws/sales").await, expected, "switched off");
    assert_eq!(gateway.owner().get("/ws/sales").await.refusal(), expected, "no handshake either");
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_in_the_contracts_words() {
    let (gateway, _) = gateway(&[]).await;
    let plain = gateway.owner().get("/ws/sales").await.refusal();
    let expected = "This is a WebSocket: the request has to be a WebSocket handshake";
    assert_eq!(plain, (400, expected.to_owned()));
    let old = HANDSHAKE.iter().fold(gateway.owner(), |caller, (name, value)| {
        caller.with(name, if *name == "sec-websocket-version" { "8" } else { value })
    });
    let old = old.get("/ws/sales").await;
    assert_eq!(old.header("sec-websocket-version"), Some("13"));
    assert_eq!(old.refusal(), (426, "Only version 13 of WebSockets is served".to_owned()));
}

#[tokio::test]
async fn since_has_to_be_the_id_of_an_event() {
    let (gateway, _) = gateway(&[]).await;
    let expected = (400, "Invalid since: must be the id of an event".to_owned());
    for since in ["1", "yesterday", "6fa459ea-ee8a-4ca4-894e-db77e160355e"] {
        let path = format!("/ws/sales?since={since}");
        assert_eq!(refusal(gateway.owner(), &path).await, expected, "{since}");
    }
    Socket::open_as_owner(&gateway, "/ws/sales?since=").await;
}

#[tokio::test]
async fn pages_may_attach_where_the_account_allows_their_origin() {
    let (gateway, _) = gateway(&[]).await;
    let name = AccountName::parse("default").unwrap();
    let refused = (403, "Origin is not allowed".to_owned());
    let from = |origin: &str| gateway.owner().with("origin", origin);
    assert_eq!(refusal(from(SHOP), "/ws/sales").await, refused);
    gateway.services.accounts.set_cors(&name, &[Origin::parse(SHOP).unwrap()]).await.unwrap();
    for other in ["https://evil.example.com", "null", "https://shop.example.com.evil.com"] {
        assert_eq!(refusal(from(other), "/ws/sales").await, refused, "{other}");
    }
    let token = gateway.account_token();
    let headers = [("origin", SHOP), ("token", token)];
    Socket::open(&gateway, "/ws/sales", &headers).await;
    // A page of another account gets no further with a token of this one.
    let (_, other) = (gateway.other_owner("other", None).await, AccountName::parse("other"));
    let evil = Origin::parse("https://evil.example.com").unwrap();
    gateway.services.accounts.set_cors(&other.unwrap(), &[evil]).await.unwrap();
    assert_eq!(refusal(from("https://evil.example.com"), "/ws/sales").await, refused);
}

#[tokio::test]
async fn attaching_counts_as_a_request() {
    let gateway = TestGateway::with(Config { rate_limit: 4, ..Config::default() }).await;
    gateway.instance("sales").await;
    enable(&gateway, json!({ "enabled": true })).await;
    let socket = Socket::open_as_owner(&gateway, "/ws/sales").await;
    assert_eq!(socket.header("x-ratelimit-remaining"), Some("1"));
    let token = gateway.account_token();
    Socket::open(&gateway, "/ws/sales", &[("token", token)]).await;
    let limited = refusal(gateway.owner(), "/ws/sales").await;
    assert_eq!(limited, (429, "Rate limit exceeded. Try again later.".to_owned()));
}
