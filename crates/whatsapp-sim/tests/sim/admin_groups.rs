//! Groups and calls as programs drive them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_whatsapp_sim::{CallState, Simulator};

use crate::admin::{Program, refused};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";
const CAIO: &str = "5511999990003";

/// Three phones and a group of Ana's and Bia's.
async fn scene() -> (Simulator, Program, String) {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    for (number, name) in [(ANA, "Ana"), (BIA, "Bia"), (CAIO, "Caio")] {
        program.phone(number, name).await;
    }
    let group = json!({ "owner": ANA, "subject": "Friends", "members": [BIA] });
    let (status, made) = program.post("/groups", group).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let group = made["jid"].as_str().unwrap().to_owned();
    (sim, program, group)
}

#[tokio::test]
async fn everything_about_a_group_can_be_changed_over_http() {
    let (_sim, program, group) = scene().await;
    let change = async |number: &str, change: Value| {
        program.post(&format!("/phones/{number}/groups/{group}"), change).await
    };
    for done in [
        json!({ "action": "add", "members": [CAIO] }),
        json!({ "action": "promote", "members": [BIA, CAIO] }),
        json!({ "action": "demote", "members": [CAIO] }),
        json!({ "action": "subject", "subject": "Best friends" }),
        json!({ "action": "description", "text": "who we are" }),
        json!({ "action": "announcement", "on": true }),
        json!({ "action": "locked", "on": true }),
        json!({ "action": "ephemeral", "seconds": 86400 }),
        json!({ "action": "approval", "on": true }),
        json!({ "action": "memberAddMode", "mode": "admin_add" }),
        json!({ "action": "resetInvite" }),
        json!({ "action": "remove", "members": [CAIO] }),
        json!({ "action": "other", "tag": "suspended" }),
    ] {
        let (status, answer) = change(ANA, done.clone()).await;
        assert_eq!(status, StatusCode::OK, "{done}: {answer}");
    }
    let invite = program.get(&format!("/phones/{BIA}/groups/{group}/invite")).await;
    let (status, joined) = program.post(&format!("/phones/{CAIO}/join"), invite.clone()).await;
    assert_eq!(status, StatusCode::OK, "{joined}");
    assert_eq!(joined, json!({ "jid": group, "state": "requested" }));
    let expected = json!({
        "jid": group,
        "subject": "Best friends",
        "description": "who we are",
        "members": [
            { "number": ANA, "jid": format!("{ANA}@s.whatsapp.net"), "role": "superadmin" },
            { "number": BIA, "jid": format!("{BIA}@s.whatsapp.net"), "role": "admin" },
        ],
        "requests": [CAIO],
        "announcement": true,
        "locked": true,
        "ephemeral": 86400,
        "approval": true,
        "memberAddMode": "admin_add",
        "inviteCode": invite["code"],
    });
    assert_eq!(program.get(&format!("/groups/{group}")).await, expected);
    assert_eq!(program.get("/groups").await, json!({ "groups": [expected] }));

    for done in [
        json!({ "action": "reject", "members": [CAIO] }),
        json!({ "action": "description", "text": null }),
    ] {
        let (status, answer) = change(BIA, done).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let answer = change(BIA, json!({ "action": "approve", "members": [CAIO] })).await;
    refused(&answer, StatusCode::CONFLICT);
    let (status, _) = program.post(&format!("/phones/{CAIO}/join"), invite).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = change(CAIO, json!({ "action": "cancel" })).await;
    assert_eq!(status, StatusCode::OK);

    refused(&change(CAIO, json!({ "action": "leave" })).await, StatusCode::CONFLICT);
    refused(&change(BIA, json!({ "action": "delete" })).await, StatusCode::CONFLICT);
    refused(&change(ANA, json!({ "action": "explode" })).await, StatusCode::BAD_REQUEST);
    refused(
        &change(ANA, json!({ "action": "other", "tag": "<x>" })).await,
        StatusCode::BAD_REQUEST,
    );
    let nobody = json!({ "action": "add", "members": ["5511999990009"] });
    refused(&change(ANA, nobody).await, StatusCode::NOT_FOUND);
    let nowhere = program.post(&format!("/phones/{ANA}/join"), json!({ "code": "X" })).await;
    refused(&nowhere, StatusCode::NOT_FOUND);
    let (status, _) = change(BIA, json!({ "action": "leave" })).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = change(ANA, json!({ "action": "delete" })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(program.get("/groups").await, json!({ "groups": [] }));
}

#[tokio::test]
async fn calls_are_answered_and_ended_over_http() {
    let (sim, program, group) = scene().await;
    let call = async |body: Value| {
        let (status, made) = program.post(&format!("/phones/{ANA}/call"), body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["callId"].as_str().unwrap().to_owned()
    };
    let act = async |number: &str, id: &str, body: Value| {
        program.post(&format!("/phones/{number}/calls/{id}"), body).await
    };
    let id = call(json!({ "to": BIA, "video": true })).await;
    for (number, done) in [
        (ANA, json!({ "action": "measureLatency" })),
        (BIA, json!({ "action": "preAccept" })),
        (BIA, json!({ "action": "accept", "relayed": true })),
        (ANA, json!({ "action": "hangUp", "seconds": 42 })),
    ] {
        let (status, answer) = act(number, &id, done.clone()).await;
        assert_eq!(status, StatusCode::OK, "{done}: {answer}");
    }
    let calls = program.get(&format!("/phones/{BIA}/calls")).await;
    let expected = json!({
        "callId": id,
        "peer": format!("{ANA}@s.whatsapp.net"),
        "outgoing": false,
        "video": true,
        "state": "ended",
        "seconds": 42,
    });
    assert_eq!(calls, json!({ "calls": [expected] }));
    refused(&act(BIA, &id, json!({ "action": "accept" })).await, StatusCode::CONFLICT);
    refused(&act(BIA, "X", json!({ "action": "accept" })).await, StatusCode::NOT_FOUND);
    refused(&act(BIA, &id, json!({ "action": "sing" })).await, StatusCode::BAD_REQUEST);

    let bia = sim.phone(BIA).unwrap();
    let id = call(json!({ "to": BIA })).await;
    let (status, _) = act(ANA, &id, json!({ "action": "timeOut" })).await;
    assert_eq!(status, StatusCode::OK);
    bia.wait_for_call(&id, CallState::Missed).await.unwrap();
    for rings in [true, false] {
        let id = call(json!({ "to": group, "rings": rings })).await;
        let ringing = bia.wait_for_call(&id, CallState::Ringing).await.unwrap();
        assert_eq!(ringing.group.as_ref(), Some(&group));
        let path = format!("/phones/{ANA}/calls/{id}");
        let (status, _) = program.request(Method::DELETE, &path, String::new()).await;
        assert_eq!(status, StatusCode::OK);
        bia.wait_for_call(&id, CallState::Ended).await.unwrap();
    }
}
