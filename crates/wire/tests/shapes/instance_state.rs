use insta::assert_json_snapshot;
use serde_json::Value;
use wharf_domain::{event::EventBody, pairing::QrCode, state::StateChange};

use crate::{at, jid, rendered};

fn told(change: StateChange) -> Value {
    rendered(EventBody::State(change))["data"].take()
}

#[test]
fn a_state_in_its_envelope() {
    let change = StateChange::Connected {
        jid: jid("5511999990002@s.whatsapp.net"),
        lid: Some(jid("100000000000002@lid")),
    };
    assert_json_snapshot!(rendered(EventBody::State(change)));
}

#[test]
fn every_other_state_carries_what_is_known_of_it() {
    let reason = || "why".to_owned();
    let changes = [
        StateChange::Disconnected { reason: reason() },
        StateChange::LoggedOut { reason: reason() },
        StateChange::StreamReplaced,
        StateChange::TempBanned { code: 101, until: at() },
        StateChange::ClientOutdated,
        StateChange::ConnectFailure { code: 403, reason: reason() },
        StateChange::StreamError { code: "503".to_owned() },
        StateChange::StreamError { code: "xml-not-well-formed".to_owned() },
        StateChange::CatRefreshError { code: 413 },
        StateChange::QrReady { codes: vec![QrCode::new("2@first".to_owned())] },
        StateChange::PairSuccess {
            jid: jid("5511999990002@s.whatsapp.net"),
            lid: None,
            platform: "android".to_owned(),
            business_name: Some("Example Ltd".to_owned()),
        },
        StateChange::PairError { reason: reason() },
        StateChange::QrScannedWithoutMultidevice,
        StateChange::KeepaliveTimeout,
        StateChange::KeepaliveRestored,
        StateChange::ManualReconnect,
    ];
    let told = changes.map(told);
    assert_json_snapshot!(told);
    let mut names: Vec<_> = told.iter().map(|data| data["state"].as_str().unwrap()).collect();
    names.dedup();
    assert_eq!(names.len() + 1, 16, "the contract has sixteen states");
}
