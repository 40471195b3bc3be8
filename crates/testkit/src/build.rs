//! Valid things of the domain, each different from the last one made.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use chrono::TimeDelta;
use uuid::Uuid;
use wharf_domain::{
    Timestamp,
    account::{Account, AccountId, AccountName},
    address::{Jid, Party, PhoneNumber},
    delivery::Settlement,
    event::{EventBody, EventFilter, EventId, EventKey, NewEvent, Receipt, ReceiptKind},
    instance::{Instance, InstanceId, InstanceName, Profile},
    message::{Chat, ChatKind, Content, Direction, Message, MessageId},
    ports::OutgoingDraft,
    secret::Secret,
    settings::Settings,
    state::{Standing, StateChange},
    token::Token,
    webhook::{Webhook, WebhookId, WebhookLabel, WebhookTarget, WebhookUrl},
};

/// A moment so many seconds after the beginning of 2026, long before any machine's clock.
#[must_use]
pub fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_767_225_600, 0).expect("in range") + TimeDelta::seconds(seconds)
}

fn count() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// A `UUIDv7` no other call gives, greater than those before.
#[must_use]
pub fn uuid() -> Uuid {
    let count = count();
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&count.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(1_767_225_600_000 + count, &tail).into_uuid()
}

/// A token no other call gives.
#[must_use]
pub fn token() -> Token {
    Token::parse(format!("token-{}", uuid().simple())).expect("well formed")
}

/// An account of unlimited quota.
#[must_use]
pub fn account(name: &str) -> Account {
    Account {
        id: AccountId(uuid()),
        name: AccountName::parse(name).expect("a valid name"),
        quota: None,
        cors: Vec::new(),
        created_at: moment(0),
    }
}

/// An instance that was never paired, with a token of its own.
#[must_use]
pub fn instance(account: AccountId, name: &str) -> Instance {
    Instance {
        id: InstanceId(uuid()),
        account,
        name: InstanceName::parse(name).expect("a valid name"),
        token: token(),
        standing: Standing::Unpaired,
        profile: Profile::default(),
        settings: Settings::default(),
        proxy: None,
        proxy_problem: None,
        websocket: None,
        s3: None,
        created_at: moment(0),
        updated_at: moment(0),
    }
}

/// An enabled webhook that wants every event.
#[must_use]
pub fn webhook(label: &str) -> Webhook {
    Webhook {
        id: WebhookId(uuid()),
        label: WebhookLabel::parse(Some(label)).expect("a valid label"),
        target: Some(target("http://127.0.0.1:9/hook")),
        stopped: None,
    }
}

/// A target that wants every event and has all that a target can have.
#[must_use]
pub fn target(url: &str) -> WebhookTarget {
    WebhookTarget {
        url: WebhookUrl::parse(url).expect("a valid URL"),
        authorization: Some(Secret::new("Bearer of-the-receiver")),
        secret: Some(Secret::new("whsec_c2lnbmluZw==")),
        previous_secret: None,
        by_events: false,
        events: EventFilter::default(),
        media_base64: false,
    }
}

/// The receiver took it.
#[must_use]
pub fn delivered() -> Settlement {
    Settlement::Delivered { status: Some(200) }
}

/// The receiver was busy, and is asked again after a pause of five seconds that ends at `due`.
#[must_use]
pub fn retry(due: Timestamp) -> Settlement {
    let (pause, status, reason) = (Duration::from_secs(5), Some(503), "status 503".to_owned());
    Settlement::Retry { due, pause, status, reason }
}

/// It was given up.
#[must_use]
pub fn dead(reason: &str) -> Settlement {
    Settlement::Dead { status: Some(400), reason: reason.to_owned() }
}

/// An address.
#[must_use]
pub fn jid(raw: &str) -> Jid {
    Jid::parse(raw).expect("a valid address")
}

/// The address of a phone number.
#[must_use]
pub fn phone(number: &str) -> Jid {
    Jid::phone(&PhoneNumber::parse(number).expect("a valid number"))
}

/// Somebody with a name.
#[must_use]
pub fn party(jid: Jid, name: Option<&str>) -> Party {
    Party { jid, lid: None, name: name.map(str::to_owned) }
}

/// The chat an address names.
#[must_use]
pub fn chat(jid: Jid) -> Chat {
    Chat { kind: ChatKind::of(&jid), party: party(jid, None), is_community: false }
}

/// A message id no other call gives.
#[must_use]
pub fn message_id() -> MessageId {
    MessageId::parse(format!("3EB0{:012X}", count())).expect("well formed")
}

/// A text from somebody, in the chat with them.
#[must_use]
pub fn incoming(from: &Jid, text: &str) -> Message {
    Message {
        id: message_id(),
        direction: Direction::Incoming,
        timestamp: moment(0),
        chat: chat(from.clone()),
        sender: party(from.clone(), Some("Ana")),
        recipient: None,
        content: Content::Text(text.to_owned()),
        quote: None,
        mentions: Vec::new(),
        is_forwarded: false,
        source: None,
    }
}

/// A text of ours to somebody.
#[must_use]
pub fn outgoing(to: &Jid, text: &str) -> Message {
    Message {
        direction: Direction::Outgoing,
        sender: party(phone("5511999990000"), None),
        recipient: Some(party(to.clone(), None)),
        source: Some("api".to_owned()),
        ..incoming(to, text)
    }
}

/// A message that is about to be sent, without an idempotency key.
#[must_use]
pub fn draft(message: Message) -> OutgoingDraft {
    OutgoingDraft { message, raw: Some(Bytes::from_static(b"raw")), idempotency: None }
}

/// An event that is always new.
#[must_use]
pub fn event(body: EventBody) -> NewEvent {
    let (id, recorded_at) = (EventId(uuid()), moment(0));
    NewEvent { id, recorded_at, key: None, body, raw: None, media_until: None }
}

/// The event of a message, which is recognised by chat, sender and id.
#[must_use]
pub fn message_event(message: Message) -> NewEvent {
    let key = format!("{}|{}|{}", message.chat.party.jid, message.sender.jid, message.id);
    NewEvent {
        key: Some(EventKey(key)),
        raw: Some(Bytes::from_static(b"raw of the event")),
        ..event(EventBody::Message(Box::new(message)))
    }
}

/// The event of a receipt for messages in the chat with somebody.
#[must_use]
pub fn receipt_event(kind: ReceiptKind, chat_with: &Jid, ids: &[MessageId]) -> NewEvent {
    event(EventBody::Receipt(Receipt {
        kind,
        message_ids: ids.to_vec(),
        chat: chat(chat_with.clone()),
        from: party(chat_with.clone(), None),
        author: None,
        timestamp: moment(1),
    }))
}

/// A change of the link, for tests that only need some event.
#[must_use]
pub fn state_event() -> NewEvent {
    event(EventBody::State(StateChange::ManualReconnect))
}
