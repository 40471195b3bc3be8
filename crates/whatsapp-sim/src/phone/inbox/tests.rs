use wa::message::protocol_message::Type;
use wa::message::{AppStateSyncKeyId, AppStateSyncKeyRequest, ImageMessage, ProtocolMessage};
use wacore::proto_helpers::MessageExt as _;
use waproto::buffa::MessageField;

use super::*;

const ANA: &str = "5511999990001@s.whatsapp.net";
const BRUNO: &str = "5511999990002@s.whatsapp.net";
const CAIO: &str = "5511999990003@s.whatsapp.net";

/// Of a message in Ana's phone.
fn from(author: &'static str, id: &'static str) -> Origin<'static> {
    let chat = if author == ANA { BRUNO } else { author };
    Origin { id, chat, from: author, from_me: author == ANA, timestamp: 1_700_000_000 }
}

fn text(text: &str) -> wa::Message {
    wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
}

fn protocol(message: ProtocolMessage) -> wa::Message {
    wa::Message { protocol_message: MessageField::some(message), ..Default::default() }
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn receipt_of(inbox: &Inbox, id: &str) -> Receipt {
    inbox.message(id).unwrap().receipt
}

#[test]
fn messages_of_both_sides_are_shown_in_order_as_json_says() {
    let mut inbox = Inbox::default();
    assert_eq!(inbox.receive(from(BRUNO, "A1"), &text("hi")), Received::Shown);
    inbox.sent(from(ANA, "B1"), &text("hello"));
    let shown: Vec<_> = inbox.messages().collect();
    assert_eq!(
        serde_json::to_value(shown).unwrap(),
        serde_json::json!([
            {
                "id": "A1", "chat": BRUNO, "from": BRUNO, "fromMe": false, "type": "text",
                "text": "hi", "timestamp": 1_700_000_000, "quotedId": null, "receipt": "delivered",
                "media": null,
            },
            {
                "id": "B1", "chat": BRUNO, "from": ANA, "fromMe": true, "type": "text",
                "text": "hello", "timestamp": 1_700_000_000, "quotedId": null, "receipt": "none",
                "media": null,
            },
        ])
    );
}

#[test]
fn a_redelivered_message_is_shown_once_but_another_sender_may_use_its_id() {
    let mut inbox = Inbox::default();
    inbox.receive(from(BRUNO, "A1"), &text("hi"));
    assert_eq!(inbox.receive(from(BRUNO, "A1"), &text("hi")), Received::Duplicate);
    assert_eq!(inbox.receive(from(CAIO, "A1"), &text("ho")), Received::Shown);
    assert_eq!(inbox.messages().len(), 2);
}

#[test]
fn a_message_typed_on_a_companion_belongs_to_the_chat_it_was_sent_to() {
    let mut inbox = Inbox::default();
    let copy = copy_for_own_devices(&text("from the office"), BRUNO);
    assert_eq!(destination(&copy), Some(BRUNO));
    assert_eq!(inbox.receive(from(ANA, "C1"), &copy), Received::Shown);
    let shown = inbox.message("C1").unwrap();
    assert!(shown.from_me);
    assert_eq!(shown.text.as_deref(), Some("from the office"));
    assert_eq!(inbox.original("C1").unwrap().text_content(), Some("from the office"));
}

#[test]
fn nobody_else_can_say_what_the_owner_sent_or_ask_for_the_keys() {
    let mut inbox = Inbox::default();
    let forged = copy_for_own_devices(&text("I owe you"), ANA);
    assert_eq!(inbox.receive(from(BRUNO, "X1"), &forged), Received::Silent);

    let id = AppStateSyncKeyId { key_id: Some(vec![1]) };
    let request = protocol(ProtocolMessage {
        r#type: Some(Type::AppStateSyncKeyRequest),
        app_state_sync_key_request: MessageField::some(AppStateSyncKeyRequest {
            key_ids: vec![id],
        }),
        ..Default::default()
    });
    assert_eq!(inbox.receive(from(BRUNO, "X2"), &request), Received::Silent);
    assert_eq!(inbox.receive(from(ANA, "X3"), &request), Received::KeyRequest(vec![vec![1]]));
    assert_eq!(inbox.messages().len(), 0);
}

#[test]
fn receipts_only_advance_and_only_from_the_chats_other_side() {
    let mut inbox = Inbox::default();
    inbox.sent(from(ANA, "B1"), &text("hello"));
    inbox.sent(from(ANA, "B2"), &text("hello?"));

    assert_eq!(inbox.receipt(CAIO, &ids(&["B1"]), Receipt::Read), ids(&[]));
    assert_eq!(inbox.receipt(BRUNO, &ids(&["B1", "B2"]), Receipt::Read), ids(&["B1", "B2"]));
    assert_eq!(inbox.receipt(BRUNO, &ids(&["B1"]), Receipt::Delivered), ids(&[]));
    assert_eq!(receipt_of(&inbox, "B1"), Receipt::Read);
    assert_eq!(inbox.receipt(BRUNO, &ids(&["B1"]), Receipt::Played), ids(&["B1"]));
}

#[test]
fn reading_concerns_messages_of_others() {
    let mut inbox = Inbox::default();
    inbox.receive(from(BRUNO, "A1"), &text("hi"));
    inbox.sent(from(ANA, "B1"), &text("hello"));
    assert_eq!(inbox.mark(&ids(&["A1", "B1", "Z9"]), Receipt::Read), ids(&["A1"]));
    assert_eq!(receipt_of(&inbox, "A1"), Receipt::Read);
    assert_eq!(receipt_of(&inbox, "B1"), Receipt::None);
}

#[test]
fn other_kinds_are_shown_by_what_can_be_read_of_them() {
    let mut inbox = Inbox::default();
    let image = ImageMessage { caption: Some("sunset".to_owned()), ..Default::default() };
    let image = wa::Message { image_message: MessageField::some(image), ..Default::default() };
    let edit = protocol(ProtocolMessage {
        r#type: Some(Type::MessageEdit),
        key: MessageField::some(wa::MessageKey { id: Some("A1".to_owned()), ..Default::default() }),
        edited_message: MessageField::some(text("sunrise")),
        ..Default::default()
    });
    let unheard_of = wa::message::Chat { id: Some("1".to_owned()), ..Default::default() };
    let unheard_of = wa::Message { chat: MessageField::some(unheard_of), ..Default::default() };
    for (id, message) in [("A1", &image), ("A2", &edit), ("A3", &unheard_of)] {
        assert_eq!(inbox.receive(from(BRUNO, id), message), Received::Shown);
    }
    let seen: Vec<_> = inbox
        .messages()
        .map(|m| (m.kind.as_str(), m.text.as_deref(), m.quoted_id.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("image", Some("sunset"), None),
            ("edit", Some("sunrise"), Some("A1")),
            ("unknown", None, None),
        ]
    );
    assert_eq!(inbox.receive(from(BRUNO, "A4"), &wa::Message::default()), Received::Silent);
}

#[test]
fn what_was_on_the_phone_survives_a_restart() {
    let mut inbox = Inbox::default();
    inbox.receive(from(BRUNO, "A1"), &text("question?"));
    inbox.sent(from(ANA, "B1"), &text("answer"));
    let stored: Vec<String> =
        ["A1", "B1"].map(|id| serde_json::to_string(inbox.entry(id).unwrap()).unwrap()).into();

    let restored = Inbox::restore(stored.iter().map(|entry| serde_json::from_str(entry).unwrap()));

    assert!(restored.messages().eq(inbox.messages()));
    assert_eq!(restored.original("B1"), inbox.original("B1"));
    assert_eq!(restored.original("A1"), None);
}
