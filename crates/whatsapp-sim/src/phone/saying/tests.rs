use serde_json::json;
use wacore::poll::{PollVoteCiphertext, compute_option_hash, decrypt_poll_vote_with_secret};
use wacore::proto_helpers::MessageExt as _;

use super::*;
use crate::phone::inbox::Origin;

const ANA: &str = "5511999990001@s.whatsapp.net";
const BRUNO: &str = "5511999990002@s.whatsapp.net";
const BRUNO_LID: &str = "100000000000002@lid";
const GROUP: &str = "120363000000000001@g.us";

fn saying(json: serde_json::Value) -> Saying {
    serde_json::from_value(json).unwrap()
}

/// Writes as Ana, on whose phone `inbox` is, in a chat where Bruno goes by LID.
fn write(inbox: &Inbox, chat: &str, say: &Saying, manner: &Manner) -> Result<wa::Message> {
    let address = |called: &str| match called {
        ANA => ANA.parse().ok(),
        BRUNO => BRUNO_LID.parse().ok(),
        _ => None,
    };
    let (chat, own) = (chat.parse().unwrap(), ANA.parse().unwrap());
    say.message(&Scene { chat: &chat, own: &own, inbox, address: &address, now: 7 }, manner)
}

fn said(inbox: &Inbox, say: serde_json::Value) -> Result<wa::Message> {
    write(inbox, GROUP, &saying(say), &Manner::default())
}

fn origin<'s>(from: &'s str, id: &'s str) -> Origin<'s> {
    Origin { id, chat: GROUP, from, from_me: from == ANA, timestamp: 1 }
}

/// With a question of Bruno's, `A1`, and an answer of Ana's, `B1`.
fn inbox() -> Inbox {
    let mut inbox = Inbox::default();
    let question = said(&inbox, json!({ "kind": "text", "text": "question?" })).unwrap();
    inbox.receive(origin(BRUNO, "A1"), &question);
    let answer = said(&inbox, json!({ "kind": "text", "text": "answer" })).unwrap();
    inbox.sent(origin(ANA, "B1"), &answer);
    inbox
}

#[test]
fn an_answer_names_what_it_quotes_as_the_chat_does_and_carries_it() {
    let manner = Manner {
        quoted: Some("A1".to_owned()),
        mentions: vec![BRUNO.to_owned()],
        forwarded: true,
        viewers: Vec::new(),
    };
    let text = saying(json!({ "kind": "text", "text": "@Bruno answer" }));
    let message = write(&inbox(), GROUP, &text, &manner).unwrap();
    let context = &message.extended_text_message.context_info;
    assert_eq!(context.stanza_id.as_deref(), Some("A1"));
    assert_eq!(context.participant.as_deref(), Some(BRUNO_LID));
    assert_eq!(context.quoted_message.text_content(), Some("question?"));
    assert_eq!(context.mentioned_jid, [BRUNO_LID]);
    assert_eq!(context.is_forwarded, Some(true));
}

#[test]
fn what_is_not_on_the_phone_can_be_neither_quoted_nor_changed() {
    let quoting = Manner { quoted: Some("unknown".to_owned()), ..Manner::default() };
    let text = saying(json!({ "kind": "text", "text": "answer" }));
    assert!(matches!(write(&inbox(), GROUP, &text, &quoting), Err(Error::NotFound(_))));
    for say in [
        json!({ "kind": "reaction", "messageId": "unknown", "emoji": "👍" }),
        json!({ "kind": "edit", "messageId": "unknown", "text": "x" }),
        json!({ "kind": "revoke", "messageId": "unknown" }),
        json!({ "kind": "poll-vote", "messageId": "B1", "options": [] }),
    ] {
        assert!(matches!(said(&inbox(), say), Err(Error::NotFound(_))));
    }
}

#[test]
fn anothers_message_is_named_with_its_author() {
    let reaction = json!({ "kind": "reaction", "messageId": "A1", "emoji": "👍" });
    let message = said(&inbox(), reaction).unwrap();
    let key = &message.reaction_message.key;
    assert_eq!((key.from_me, key.participant.as_deref()), (Some(false), Some(BRUNO_LID)));
    assert_eq!(key.remote_jid.as_deref(), Some(GROUP));
    assert!(!message.message_context_info.is_set());

    let own = said(&inbox(), json!({ "kind": "revoke", "messageId": "B1" })).unwrap();
    let key = &own.protocol_message.key;
    assert_eq!((key.from_me, key.participant.as_deref()), (Some(true), None));
}

#[test]
fn only_ones_own_words_are_changed() {
    let edit = |id: &str| said(&inbox(), json!({ "kind": "edit", "messageId": id, "text": "new" }));
    assert!(matches!(edit("A1"), Err(Error::Conflict(_))));
    let protocol = edit("B1").unwrap().protocol_message;
    assert_eq!(protocol.edited_message.text_content(), Some("new"));
    let anothers = saying(json!({ "kind": "revoke", "messageId": "A1" }));
    assert!(write(&inbox(), BRUNO, &anothers, &Manner::default()).is_err());
}

#[test]
fn a_vote_opens_with_the_polls_secret() {
    let mut inbox = inbox();
    let poll = json!({ "kind": "poll", "question": "When?", "options": ["now", "later"] });
    let poll = said(&inbox, poll).unwrap();
    inbox.receive(origin(BRUNO, "P1"), &poll);
    let vote = json!({ "kind": "poll-vote", "messageId": "P1", "options": ["later"] });
    let update = said(&inbox, vote).unwrap().poll_update_message;
    let secret = poll.message_context_info.message_secret.as_deref().unwrap();
    let (payload, iv) = (update.vote.enc_payload.as_deref(), update.vote.enc_iv.as_deref());
    let sealed = PollVoteCiphertext { enc_payload: payload.unwrap(), enc_iv: iv.unwrap() };
    let opened = decrypt_poll_vote_with_secret(sealed, secret, "P1", BRUNO_LID, ANA);
    assert_eq!(opened.unwrap(), [compute_option_hash("later").to_vec()]);
    let unknown = json!({ "kind": "poll-vote", "messageId": "P1", "options": ["never"] });
    assert!(matches!(said(&inbox, unknown), Err(Error::Invalid(_))));
}

#[test]
fn polls_cards_and_words_have_to_be_some() {
    for senseless in [
        json!({ "kind": "text", "text": " " }),
        json!({ "kind": "poll", "question": "When?", "options": ["now"] }),
        json!({ "kind": "poll", "question": "When?", "options": ["now", "now"] }),
        json!({ "kind": "poll", "question": "When?", "options": ["a", "b"], "selectable": 3 }),
        json!({ "kind": "contacts", "contacts": [] }),
    ] {
        assert!(matches!(said(&inbox(), senseless), Err(Error::Invalid(_))));
    }
    let misspelt = json!({ "kind": "text", "txet": "x" });
    assert!(serde_json::from_value::<Saying>(misspelt).is_err());
}
