use std::sync::Arc;

use chrono::DateTime;
use wacore::types::message::MessageSource;
use waproto::{
    buffa::MessageField,
    whatsapp::{
        ContextInfo, Message as LibraryMessage,
        message::{DeviceSentMessage, ExtendedTextMessage},
    },
};

use super::*;

const ANA: &str = "5511999990001@s.whatsapp.net";
const ANA_LID: &str = "101@lid";
const OWN: &str = "5511999990009@s.whatsapp.net";
const GROUP: &str = "120363000000000001@g.us";

fn own() -> Profile {
    Profile {
        jid: Some(Jid::parse(OWN).unwrap()),
        lid: Some(Jid::parse("109@lid").unwrap()),
        name: Some("Loja".to_owned()),
        business_name: None,
        picture_url: None,
    }
}

fn text(words: &str) -> LibraryMessage {
    LibraryMessage { conversation: Some(words.to_owned()), ..LibraryMessage::default() }
}

fn received(message: LibraryMessage, source: MessageSource) -> InboundMessage {
    let info = MessageInfo {
        source,
        id: "3EB0A".to_owned(),
        push_name: "Ana".to_owned(),
        timestamp: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        ..MessageInfo::default()
    };
    InboundMessage::builder().message(Arc::new(message)).info(Arc::new(info)).build()
}

fn source(chat: &str, sender: &str) -> MessageSource {
    MessageSource {
        chat: chat.parse().unwrap(),
        sender: sender.parse().unwrap(),
        ..MessageSource::default()
    }
}

fn told(message: &InboundMessage) -> Inbound {
    inbound(message, None, &own(), &Aliases::default()).unwrap()
}

#[test]
fn a_private_message_by_phone_number() {
    let source = MessageSource {
        sender_alt: Some(ANA_LID.parse().unwrap()),
        ..source(ANA, "5511999990001:2@s.whatsapp.net")
    };
    let Inbound { key, message, raw } = told(&received(text("olá"), source));
    assert_eq!(key.0, format!("message|{ANA}|{ANA}|3EB0A"));
    assert_eq!(message.direction, Direction::Incoming);
    assert_eq!(message.timestamp.timestamp(), 1_790_000_000);
    let ana = Party::of(
        Jid::parse(ANA).unwrap(),
        Some(Jid::parse(ANA_LID).unwrap()),
        Some("Ana".to_owned()),
    );
    assert_eq!((&message.sender, &message.chat.party), (&ana, &ana));
    assert_eq!(message.chat.kind, ChatKind::Private);
    assert_eq!((message.recipient, message.source, message.quote), (None, None, None));
    assert_eq!(message.content, Content::Text("olá".to_owned()));
    assert_eq!(waproto::codec::message_decode(&raw).unwrap(), text("olá"));
}

#[test]
fn a_private_message_by_lid_goes_by_the_phone_number() {
    let by_alternative =
        MessageSource { sender_alt: Some(ANA.parse().unwrap()), ..source(ANA_LID, ANA_LID) };
    let message = received(text("olá"), by_alternative);
    assert!(addresses(&message).is_empty());
    let first = told(&message);
    let message = received(text("olá"), source(ANA_LID, ANA_LID));
    assert!(!addresses(&message).is_empty());
    let mut aliases = Aliases::default();
    aliases.add("5511999990001", "101");
    let second = inbound(&message, None, &own(), &aliases).unwrap();
    for told in [first, second] {
        assert_eq!(told.message.chat.party.jid.to_string(), ANA);
        assert_eq!(told.message.sender.lid.unwrap().to_string(), ANA_LID);
        // As received, so that a later look-up does not change it.
        assert_eq!(told.key.0, format!("message|{ANA_LID}|{ANA_LID}|3EB0A"));
    }
}

#[test]
fn a_message_typed_on_our_phone_is_outgoing() {
    let source = MessageSource { is_from_me: true, ..source(ANA, OWN) };
    let wrapped = LibraryMessage {
        device_sent_message: MessageField::some(DeviceSentMessage {
            destination_jid: Some(ANA.to_owned()),
            message: MessageField::some(text("olá")),
            ..DeviceSentMessage::default()
        }),
        ..LibraryMessage::default()
    };
    let Inbound { message, raw, .. } = told(&received(wrapped, source));
    assert_eq!(message.direction, Direction::Outgoing);
    assert_eq!(message.sender.jid.to_string(), OWN);
    assert_eq!(message.sender.name.as_deref(), Some("Loja"));
    assert_eq!(message.recipient.as_ref(), Some(&message.chat.party));
    // The push name that came with it is ours, not the chat partner's.
    assert_eq!(message.chat.party.name, None);
    assert_eq!(message.source, None);
    assert_eq!(waproto::codec::message_decode(&raw).unwrap(), text("olá"));
}

#[test]
fn a_group_message_has_a_sender_and_a_group() {
    let source = MessageSource {
        is_group: true,
        sender_alt: Some(ANA.parse().unwrap()),
        ..source(GROUP, ANA_LID)
    };
    let Inbound { message, .. } = told(&received(text("olá"), source));
    assert_eq!(message.chat.kind, ChatKind::Group);
    assert_eq!(
        (message.chat.party.jid.to_string().as_str(), message.chat.party.name),
        (GROUP, None)
    );
    assert_eq!(message.sender.jid.to_string(), ANA);
}

#[test]
fn a_status_update_is_a_broadcast() {
    let Inbound { message, .. } = told(&received(text("olá"), source("status@broadcast", ANA)));
    assert_eq!(message.chat.kind, ChatKind::Broadcast);
    assert!(message.chat.party.jid.is_status());
    assert_eq!(message.sender.jid.to_string(), ANA);
}

#[test]
fn an_answer_carries_quote_mentions_and_origin() {
    let context = ContextInfo {
        stanza_id: Some("3EB0B".to_owned()),
        participant: Some("109@lid".to_owned()),
        quoted_message: MessageField::some(text("tudo bem?")),
        mentioned_jid: vec![ANA_LID.to_owned()],
        is_forwarded: Some(true),
        ..ContextInfo::default()
    };
    let message = LibraryMessage {
        extended_text_message: MessageField::some(ExtendedTextMessage {
            text: Some("sim".to_owned()),
            context_info: MessageField::some(context),
            ..ExtendedTextMessage::default()
        }),
        ..LibraryMessage::default()
    };
    let message = received(message, source(ANA, ANA));
    let mut aliases = Aliases::default();
    aliases.add("5511999990009", "109");
    let told = inbound(&message, None, &own(), &aliases).unwrap().message;
    let quote = told.quote.unwrap();
    assert_eq!(quote.message_id.as_str(), "3EB0B");
    assert_eq!(quote.author.unwrap().to_string(), OWN);
    assert_eq!(quote.text, "tudo bem?");
    assert_eq!(told.mentions, [Jid::parse(ANA_LID).unwrap()]);
    assert!(told.is_forwarded);
}

#[test]
fn what_is_meant_for_devices_is_not_told() {
    let mut message = received(text("olá"), source(OWN, OWN));
    Arc::make_mut(&mut message.info).category = MessageCategory::Peer;
    assert!(inbound(&message, None, &own(), &Aliases::default()).is_none());
}

#[test]
fn what_changes_a_message_is_not_taken_for_it() {
    let table = [
        (EditAttribute::Empty, ""),
        (EditAttribute::MessageEdit, "|1"),
        (EditAttribute::PinInChat, "|2"),
        (EditAttribute::SenderRevoke, "|7"),
        (EditAttribute::AdminRevoke, "|8"),
        (EditAttribute::Unknown("99".to_owned()), "|99"),
    ];
    for (edit, kind) in table {
        let plain = received(text("olá"), source(ANA, ANA));
        let info = MessageInfo { edit: edit.clone(), ..(*plain.info).clone() };
        let message =
            InboundMessage::builder().message(plain.message.clone()).info(Arc::new(info)).build();
        assert_eq!(key(&message).0, format!("message|{ANA}|{ANA}|3EB0A{kind}"), "{edit:?}");
    }
}

#[test]
fn an_edit_without_a_word_on_the_envelope_is_known_by_its_content() {
    use waproto::whatsapp::message::FutureProofMessage;
    let edited = LibraryMessage {
        edited_message: MessageField::some(FutureProofMessage {
            message: MessageField::some(text("olá!")),
        }),
        ..LibraryMessage::default()
    };
    let edit = key(&received(edited, source(ANA, ANA)));
    assert_ne!(edit, key(&received(text("olá"), source(ANA, ANA))));
}

#[test]
fn the_key_stays_short_whatever_a_peer_puts_into_it() {
    let plain = received(text("olá"), source(ANA, ANA));
    let edit = EditAttribute::Unknown("9".repeat(5_000));
    let info = MessageInfo { edit, ..(*plain.info).clone() };
    let message = InboundMessage::builder().message(plain.message).info(Arc::new(info)).build();
    assert!(key(&message).0.len() < 200);
}

#[test]
fn an_edit_mentions_whom_the_new_text_mentions() {
    use waproto::whatsapp::message::{ProtocolMessage, protocol_message::Type};
    let new = LibraryMessage {
        extended_text_message: MessageField::some(ExtendedTextMessage {
            text: Some("oi @101".to_owned()),
            context_info: MessageField::some(ContextInfo {
                mentioned_jid: vec![ANA_LID.to_owned()],
                ..ContextInfo::default()
            }),
            ..ExtendedTextMessage::default()
        }),
        ..LibraryMessage::default()
    };
    let protocol = ProtocolMessage {
        key: MessageField::some(waproto::whatsapp::MessageKey {
            id: Some("3EB0B".to_owned()),
            ..Default::default()
        }),
        r#type: Some(Type::MESSAGE_EDIT),
        edited_message: MessageField::some(new),
        ..ProtocolMessage::default()
    };
    let edit = LibraryMessage {
        protocol_message: MessageField::some(protocol),
        ..LibraryMessage::default()
    };
    let told = told(&received(edit, source(GROUP, ANA))).message;
    assert_eq!(told.mentions, [Jid::parse(ANA_LID).unwrap()]);
    assert_eq!((told.content.type_name(), told.content.text()), ("message_edit", "oi @101"));
}

#[test]
fn a_post_of_a_newsletter_is_from_the_newsletter() {
    let newsletter = "120363000000000009@newsletter";
    let mut message = received(text("novidades"), source(newsletter, newsletter));
    Arc::make_mut(&mut message.info).push_name = String::new();
    let told = told(&message).message;
    assert_eq!((told.chat.kind, told.direction), (ChatKind::Newsletter, Direction::Incoming));
    assert_eq!(told.chat.party.jid.to_string(), newsletter);
    assert_eq!(told.sender.jid.to_string(), newsletter);
    assert!(addresses(&message).iter().all(|jid| jid.to_string() == newsletter));
}

#[test]
fn what_came_with_a_message_is_not_looked_up() {
    let mut by_lid = source("101@lid", "101:3@lid");
    by_lid.sender_alt = Some(ANA.parse().unwrap());
    let message = received(text("olá"), by_lid);
    assert!(addresses(&message).is_empty());
    let pair =
        |one: &str, other: &str| Some((Jid::parse(one).unwrap(), Jid::parse(other).unwrap()));
    assert_eq!(pairs(&message), [pair(ANA_LID, ANA), pair(ANA_LID, ANA)]);
    let mut own = source(GROUP, OWN);
    (own.is_from_me, own.is_group) = (true, true);
    assert!(addresses(&received(text("olá"), own)).is_empty());
}

#[test]
fn a_comment_answers_the_post_it_is_on() {
    let mut message = received(text("boa!"), source(GROUP, ANA));
    let post = waproto::whatsapp::MessageKey {
        id: Some("3EB0B".to_owned()),
        participant: Some(OWN.to_owned()),
        ..Default::default()
    };
    Arc::make_mut(&mut message.info).comment_target = Some(post);
    let quote = told(&message).message.quote.unwrap();
    assert_eq!(
        (quote.message_id.as_str(), quote.author.unwrap().to_string().as_str()),
        ("3EB0B", OWN)
    );
}

#[test]
fn posts_are_changed_and_taken_back_under_their_own_id() {
    let newsletter = "120363000000000009@newsletter";
    let change = |edit: EditAttribute, message: LibraryMessage| {
        let mut post = received(message, source(newsletter, newsletter));
        Arc::make_mut(&mut post.info).edit = edit;
        told(&post)
    };
    let first = change(EditAttribute::AdminEdit, text("um"));
    let id = MessageId::parse("3EB0A").unwrap();
    let edit = Content::Edit { target: id.clone(), text: "um".to_owned() };
    assert_eq!(first.message.content, edit);
    let second = change(EditAttribute::AdminEdit, text("dois"));
    assert_ne!(first.key, second.key);
    assert_eq!(first.key, change(EditAttribute::AdminEdit, text("um")).key);
    // Nothing is left of it.
    let gone = change(EditAttribute::AdminRevoke, LibraryMessage::default());
    assert_eq!(gone.message.content, Content::Revoke { target: id });
    let post = change(EditAttribute::Empty, text("um"));
    assert_eq!(post.message.content, Content::Text("um".to_owned()));
}
