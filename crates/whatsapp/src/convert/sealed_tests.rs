use std::sync::Arc;

use wacore::{
    message_edit::{MessageEditContext, encrypt_message_edit},
    reaction::encrypt_reaction_with_secret,
    types::message::MessageSource,
};
use waproto::whatsapp::{
    MessageContextInfo,
    message::{
        EncReactionMessage, PollCreationMessage, PollEncValue, PollUpdateMessage, ProtocolMessage,
        SecretEncryptedMessage, poll_creation_message, protocol_message,
        secret_encrypted_message::SecretEncType,
    },
};

use super::*;

const SECRET: [u8; 32] = [7; 32];
const OWN: &str = "5511999990009@s.whatsapp.net";
const OWN_LID: &str = "109@lid";
const ANA: &str = "5511999990001@s.whatsapp.net";
const ANA_LID: &str = "101@lid";
const GROUP: &str = "120363000000000001@g.us";

fn own() -> Profile {
    Profile {
        jid: Some(Jid::parse(OWN).unwrap()),
        lid: Some(Jid::parse(OWN_LID).unwrap()),
        ..Profile::default()
    }
}

fn with_secret(message: Message) -> Message {
    let context = MessageContextInfo {
        message_secret: Some(SECRET.to_vec()),
        ..MessageContextInfo::default()
    };
    Message { message_context_info: MessageField::some(context), ..message }
}

fn poll() -> Message {
    let option = |name: &str| poll_creation_message::Option {
        option_name: Some(name.to_owned()),
        ..poll_creation_message::Option::default()
    };
    let poll = PollCreationMessage {
        name: Some("Almoço?".to_owned()),
        options: vec![option("Pizza"), option("Sushi"), option("Salada")],
        selectable_options_count: Some(0),
        ..PollCreationMessage::default()
    };
    with_secret(Message {
        poll_creation_message_v3: MessageField::some(poll),
        ..Message::default()
    })
}

fn key(chat: &str, from_me: bool, participant: Option<&str>) -> MessageKey {
    MessageKey {
        remote_jid: Some(chat.to_owned()),
        from_me: Some(from_me),
        id: Some("3EB0POLL".to_owned()),
        participant: participant.map(str::to_owned),
    }
}

fn received(message: Message, chat: &str, sender: &str, is_from_me: bool) -> InboundMessage {
    let chat: LibraryJid = chat.parse().unwrap();
    let info = MessageInfo {
        id: "3EB0VOTE".to_owned(),
        source: MessageSource {
            is_group: chat.to_string().ends_with("g.us"),
            chat,
            sender: sender.parse().unwrap(),
            is_from_me,
            ..MessageSource::default()
        },
        ..MessageInfo::default()
    };
    InboundMessage::builder().message(Arc::new(message)).info(Arc::new(info)).build()
}

fn vote(key: MessageKey, picks: &[&str], creator: &str, voter: &str) -> Message {
    let hashes: Vec<_> =
        picks.iter().map(|name| poll::compute_option_hash(name).to_vec()).collect();
    let (payload, iv) =
        poll::encrypt_poll_vote_with_secret(&hashes, &SECRET, "3EB0POLL", creator, voter).unwrap();
    let update = PollUpdateMessage {
        poll_creation_message_key: MessageField::some(key),
        vote: MessageField::some(PollEncValue {
            enc_payload: Some(payload),
            enc_iv: Some(iv.to_vec()),
        }),
        ..PollUpdateMessage::default()
    };
    Message { poll_update_message: MessageField::some(update), ..Message::default() }
}

fn selected(opened: Option<Opened>) -> Vec<String> {
    match opened {
        Some(Opened::Vote(Content::PollVote { target, selected })) => {
            assert_eq!(target.as_str(), "3EB0POLL");
            selected
        }
        other => panic!("no vote: {other:?}"),
    }
}

fn aliases() -> Aliases {
    let mut aliases = Aliases::default();
    aliases.add("5511999990001", "101");
    aliases
}

#[test]
fn votes_open_however_both_sides_are_addressed() {
    // The poll's author and the voter as the voter's phone addressed them, and as we got it.
    let table = [
        // In a private chat, on our poll and on Ana's own.
        (key(OWN, false, None), OWN, ANA, ANA, ANA, false),
        (key(OWN_LID, false, None), OWN_LID, ANA_LID, ANA, ANA, false),
        (key(ANA, true, None), ANA, ANA, ANA_LID, ANA_LID, false),
        // Ours on Ana's poll, from our phone.
        (key(ANA, false, None), ANA, OWN, ANA, OWN, true),
        (key(ANA_LID, false, None), ANA_LID, OWN_LID, ANA, OWN, true),
        // In a group.
        (key(GROUP, false, Some(OWN_LID)), OWN_LID, ANA_LID, GROUP, ANA, false),
        (key(GROUP, false, Some("102@lid")), "102@lid", ANA_LID, GROUP, ANA_LID, false),
        (key(GROUP, true, None), ANA, ANA, GROUP, ANA_LID, false),
    ];
    for (n, (key, creator, voter, chat, sender, is_from_me)) in table.into_iter().enumerate() {
        let message = vote(key, &["Salada", "Pizza"], creator, voter);
        assert_eq!(opened_with(&message).unwrap().as_str(), "3EB0POLL");
        let received = received(message, chat, sender, is_from_me);
        let opened = open(&received, &poll(), &own(), &aliases());
        assert_eq!(selected(opened), ["Pizza", "Salada"], "case {n}");
    }
}

#[test]
fn a_vote_that_was_taken_back_has_no_picks_and_an_unknown_option_opens_nothing() {
    let opened = |picks: &[&str]| {
        let received = received(vote(key(OWN, false, None), picks, OWN, ANA), ANA, ANA, false);
        open(&received, &poll(), &own(), &aliases())
    };
    assert!(selected(opened(&[])).is_empty());
    assert_eq!(opened(&["Feijoada"]), None);
}

#[test]
fn what_does_not_fit_stays_sealed() {
    let received = received(vote(key(OWN, false, None), &["Pizza"], OWN, ANA), ANA, ANA, false);
    let text = Message { conversation: Some("olá".to_owned()), ..Message::default() };
    for about in [text.clone(), with_secret(text)] {
        assert_eq!(open(&received, &about, &own(), &aliases()), None);
    }
    let mut other = poll();
    other.message_context_info.as_option_mut().unwrap().message_secret = Some(vec![8; 32]);
    assert_eq!(open(&received, &other, &own(), &aliases()), None);
}

fn edit(author: &str, editor: &str) -> Message {
    let protocol = ProtocolMessage {
        key: MessageField::some(key(GROUP, false, Some(author))),
        r#type: Some(protocol_message::Type::MESSAGE_EDIT),
        edited_message: MessageField::some(Message {
            conversation: Some("corrigido".to_owned()),
            ..Message::default()
        }),
        ..ProtocolMessage::default()
    };
    let inner = Message { protocol_message: MessageField::some(protocol), ..Message::default() };
    let context = MessageEditContext {
        original_msg_id: "3EB0POLL",
        original_sender_jid: author,
        editor_jid: editor,
    };
    let (payload, iv) = encrypt_message_edit(&inner, &SECRET, &context).unwrap();
    let sealed = SecretEncryptedMessage {
        target_message_key: MessageField::some(key(GROUP, false, Some(author))),
        enc_payload: Some(payload),
        enc_iv: Some(iv.to_vec()),
        secret_enc_type: Some(SecretEncType::MESSAGE_EDIT),
        ..SecretEncryptedMessage::default()
    };
    Message { secret_encrypted_message: MessageField::some(sealed), ..Message::default() }
}

#[test]
fn a_sealed_edit_opens_for_whoever_wrote_the_message_and_for_nobody_else() {
    let about = with_secret(Message::default());
    let own_edit = received(edit(ANA_LID, ANA_LID), GROUP, ANA, false);
    let Some(Opened::Message(inner)) = open(&own_edit, &about, &own(), &aliases()) else {
        panic!("sealed")
    };
    let Some(Content::Edit { target, text }) = content::of(&inner) else { panic!("{inner:?}") };
    assert_eq!((target.as_str(), text.as_str()), ("3EB0POLL", "corrigido"));
    let forged = received(edit(OWN, ANA), GROUP, ANA, false);
    assert_eq!(open(&forged, &about, &own(), &aliases()), None);
}

#[test]
fn a_sealed_reaction_knows_what_it_is_on() {
    let (payload, iv) =
        encrypt_reaction_with_secret("👍", 1, &SECRET, "3EB0POLL", OWN_LID, ANA_LID).unwrap();
    let sealed = EncReactionMessage {
        target_message_key: MessageField::some(key(GROUP, false, Some(OWN_LID))),
        enc_payload: Some(payload),
        enc_iv: Some(iv.to_vec()),
    };
    let message =
        Message { enc_reaction_message: MessageField::some(sealed), ..Message::default() };
    let received = received(message, GROUP, ANA, false);
    let about = with_secret(Message::default());
    let Some(Opened::Message(inner)) = open(&received, &about, &own(), &aliases()) else {
        panic!("sealed")
    };
    let expected = Content::Reaction {
        target: MessageId::parse("3EB0POLL").unwrap(),
        emoji: Some("👍".to_owned()),
    };
    assert_eq!(content::of(&inner), Some(expected));
}

#[test]
fn open_messages_need_no_other() {
    assert_eq!(opened_with(&poll()), None);
    let malformed = Message {
        poll_update_message: MessageField::some(PollUpdateMessage::default()),
        ..Message::default()
    };
    assert_eq!(opened_with(&malformed), None);
}
