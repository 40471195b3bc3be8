//! Every JSON that leaves, pinned. A change here is a change of the contract.

#![expect(clippy::unwrap_used, reason = "a failed set-up should fail the test")]

mod answers;
mod call_update;
mod catalogue;
mod group_flow;
mod instance_state;
mod label_update;
mod message_exchange;
mod message_kinds;
mod message_status;
mod metrics;
mod test_event;

use serde_json::Value;
use uuid::Uuid;
use wharf_domain::{
    Timestamp,
    address::{Jid, Party},
    delivery::MediaCopy,
    event::{Event, EventBody, EventId},
    instance::{InstanceId, InstanceName},
    message::{Chat, ChatKind},
    token::Token,
};

const EVENT: EventId = EventId(Uuid::from_u128(0x0199_a3c2_7a44_7cc0_8d7c_3a5b_2f0c_9a11));

fn at() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).unwrap()
}

fn jid(raw: &str) -> Jid {
    Jid::parse(raw).unwrap()
}

fn ana() -> Party {
    Party {
        jid: jid("5511999990001@s.whatsapp.net"),
        lid: Some(jid("100000000000001@lid")),
        name: Some("Ana".to_owned()),
    }
}

fn us() -> Party {
    Party {
        jid: jid("5511999990002@s.whatsapp.net"),
        lid: None,
        name: Some("Sales desk".to_owned()),
    }
}

fn chat_with_ana() -> Chat {
    Chat { party: ana(), kind: ChatKind::Private, is_community: false }
}

fn group_chat() -> Chat {
    let party = Party {
        jid: jid("120363000000000001@g.us"),
        lid: None,
        name: Some("Neighbours".to_owned()),
    };
    Chat { party, kind: ChatKind::Group, is_community: true }
}

/// The envelope of an event of the instance `sales`.
fn rendered(body: EventBody) -> Value {
    rendered_with(body, None)
}

/// The same, with what is known of its media.
fn rendered_with(body: EventBody, media: Option<&MediaCopy>) -> Value {
    let event = Event {
        id: EVENT,
        instance: InstanceId(Uuid::nil()),
        sequence: 7,
        recorded_at: at(),
        body,
    };
    let name = InstanceName::parse("sales").unwrap();
    let token = Token::parse("instance-token").unwrap();
    let bytes = wharf_wire::envelope(&event, &name, &token, "https://wharf.example.com", media);
    serde_json::from_slice(&bytes).unwrap()
}
