//! How messages and events are written down: a byte with the version, then JSON of that version's shapes.
//!
//! A version is never changed once rows may have it; a new one is added beside it and the old one stays readable.

mod v1;

use wharf_domain::{event::EventBody, message::Message};

pub(crate) use v1::configuration;

use crate::error::{Error, Result};

const V1: u8 = 1;

pub(crate) fn encode_message(message: &Message) -> Result<Vec<u8>> {
    write(&v1::message::Message::try_from(message)?)
}

pub(crate) fn decode_message(bytes: &[u8]) -> Result<Message> {
    read::<v1::message::Message>("message", bytes)?.try_into().map_err(nonsense("message"))
}

pub(crate) fn encode_event(body: &EventBody) -> Result<Vec<u8>> {
    write(&v1::event::Body::try_from(body)?)
}

pub(crate) fn decode_event(bytes: &[u8]) -> Result<EventBody> {
    read::<v1::event::Body>("event", bytes)?.try_into().map_err(nonsense("event"))
}

fn write(shape: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut bytes = vec![V1];
    serde_json::to_writer(&mut bytes, shape)?;
    Ok(bytes)
}

fn read<T: serde::de::DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T> {
    match bytes.split_first() {
        Some((&V1, json)) => Ok(serde_json::from_slice(json)?),
        _ => Err(Error::UnknownEncoding(what)),
    }
}

fn nonsense(what: &'static str) -> impl Fn(wharf_domain::Error) -> Error {
    move |source| Error::Nonsense { what, source: Some(source) }
}

#[cfg(test)]
mod tests {
    use wharf_domain::{
        Timestamp,
        address::{Jid, Party},
        call::{CallAction, CallUpdate},
        group::{GroupAction, GroupChange},
        label::{LabelAction, LabelChange},
        message::{Chat, ChatKind, Content, Direction, MessageId, Quote},
        state::StateChange,
    };

    use super::*;

    fn message() -> Message {
        let jid = Jid::parse("5511999990001@s.whatsapp.net").unwrap();
        let party = Party {
            jid: jid.clone(),
            lid: Some(Jid::parse("42@lid").unwrap()),
            name: Some("Ana".to_owned()),
        };
        Message {
            id: MessageId::parse("3EB0").unwrap(),
            direction: Direction::Incoming,
            timestamp: Timestamp::from_timestamp(1_767_225_600, 0).unwrap(),
            chat: Chat { party: party.clone(), kind: ChatKind::Private, is_community: false },
            sender: party,
            recipient: None,
            content: Content::Text("hi".to_owned()),
            quote: Some(Quote {
                message_id: MessageId::parse("3EAF").unwrap(),
                author: None,
                text: "ho".to_owned(),
            }),
            mentions: vec![jid],
            is_forwarded: true,
            source: None,
        }
    }

    // Rows of this shape are on people's disks: it may never stop being readable.
    const WRITTEN_BY_V1: &str = concat!(
        "\u{1}{\"id\":\"3EB0\",\"direction\":\"incoming\",\"timestamp\":1767225600000000,",
        "\"chat\":{\"party\":{\"jid\":\"5511999990001@s.whatsapp.net\",\"lid\":\"42@lid\",\"name\":\"Ana\"},",
        "\"kind\":\"private\",\"is_community\":false},",
        "\"sender\":{\"jid\":\"5511999990001@s.whatsapp.net\",\"lid\":\"42@lid\",\"name\":\"Ana\"},",
        "\"content\":{\"text\":\"hi\"},\"quote\":{\"message_id\":\"3EAF\",\"text\":\"ho\"},",
        "\"mentions\":[\"5511999990001@s.whatsapp.net\"],\"is_forwarded\":true}"
    );

    #[test]
    fn what_version_one_wrote_is_read_and_written_the_same() {
        assert_eq!(decode_message(WRITTEN_BY_V1.as_bytes()).unwrap(), message());
        let written = encode_message(&message()).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), WRITTEN_BY_V1);
    }

    #[test]
    fn what_version_one_wrote_of_a_state_is_read_and_written_the_same() {
        let until = Timestamp::from_timestamp(1_767_225_600, 0).unwrap();
        let body = EventBody::State(StateChange::TempBanned { code: 402, until });
        let expected =
            "\u{1}{\"state\":{\"temp_banned\":{\"code\":402,\"until\":1767225600000000}}}";
        let written = encode_event(&body).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(decode_event(expected.as_bytes()).unwrap(), body);
    }

    /// Checks both ways.
    fn is_written_as(body: &EventBody, json: &str) {
        let expected = format!("\u{1}{json}");
        let written = encode_event(body).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(decode_event(expected.as_bytes()).unwrap(), *body);
    }

    fn ana() -> Party {
        message().sender
    }

    const ANA: &str = r#"{"jid":"5511999990001@s.whatsapp.net","lid":"42@lid","name":"Ana"}"#;

    #[test]
    fn what_version_one_wrote_of_a_call_is_read_and_written_the_same() {
        let full = CallUpdate {
            action: CallAction::Terminated,
            id: "C1".to_owned(),
            from: ana(),
            group: Some(Jid::parse("120363000000000001@g.us").unwrap()),
            is_group: true,
            is_video: true,
            reason: Some("missed".to_owned()),
            duration: Some(61),
            timestamp: message().timestamp,
        };
        let json = r#"{"call":{"action":"terminated","id":"C1","from":ANA,"group":"120363000000000001@g.us","is_group":true,"is_video":true,"reason":"missed","duration":61,"timestamp":1767225600000000}}"#;
        is_written_as(&EventBody::Call(full.clone()), &json.replace("ANA", ANA));
        let bare = CallUpdate {
            action: CallAction::Offer,
            group: None,
            is_group: false,
            is_video: false,
            reason: None,
            duration: None,
            ..full
        };
        let json = r#"{"call":{"action":"offer","id":"C1","from":ANA,"is_group":false,"is_video":false,"timestamp":1767225600000000}}"#;
        is_written_as(&EventBody::Call(bare), &json.replace("ANA", ANA));
    }

    #[test]
    fn what_version_one_wrote_of_a_group_is_read_and_written_the_same() {
        let group =
            Party { jid: Jid::parse("120363000000000001@g.us").unwrap(), lid: None, name: None };
        let change = |action| GroupChange {
            action,
            group: group.clone(),
            author: Some(ana()),
            participants: vec![ana()],
            reason: Some("invite".to_owned()),
            timestamp: message().timestamp,
        };
        let json = r#"{"group":{"action":"joined","group":{"jid":"120363000000000001@g.us"},"author":ANA,"participants":[ANA],"reason":"invite","timestamp":1767225600000000}}"#;
        let joined = EventBody::Group(change(GroupAction::Joined));
        is_written_as(&joined, &json.replace("ANA", ANA));
        for (action, written) in [
            (GroupAction::Created, r#""created""#),
            (GroupAction::NumberChanged, r#""number_changed""#),
            (GroupAction::Name("Sales".to_owned()), r#"{"name":"Sales"}"#),
            (GroupAction::Topic(None), r#"{"topic":null}"#),
            (GroupAction::Topic(Some("Go".to_owned())), r#"{"topic":"Go"}"#),
            (GroupAction::Announce(true), r#"{"announce":true}"#),
            (GroupAction::Locked(false), r#"{"locked":false}"#),
            (GroupAction::Link, r#""link""#),
            (GroupAction::Ephemeral(60), r#"{"ephemeral":60}"#),
            (GroupAction::Approval(true), r#"{"approval":true}"#),
            (GroupAction::MemberAddMode("all".to_owned()), r#"{"member_add_mode":"all"}"#),
            (GroupAction::JoinRequested, r#""join_requested""#),
            (GroupAction::JoinRequestRevoked, r#""join_request_revoked""#),
            (GroupAction::Other("x".to_owned()), r#"{"other":"x"}"#),
        ] {
            let bare = GroupChange {
                author: None,
                participants: Vec::new(),
                reason: None,
                ..change(action)
            };
            let json = r#"{"group":{"action":ACTION,"group":{"jid":"120363000000000001@g.us"},"timestamp":1767225600000000}}"#;
            is_written_as(&EventBody::Group(bare), &json.replace("ACTION", written));
        }
    }

    #[test]
    fn what_version_one_wrote_of_a_label_is_read_and_written_the_same() {
        for (action, written) in [
            (
                LabelAction::Edited { name: "New".to_owned(), color: 3 },
                r#"{"edited":{"name":"New","color":3}}"#,
            ),
            (
                LabelAction::Deleted { name: None, color: None },
                r#"{"deleted":{"name":null,"color":null}}"#,
            ),
            (
                LabelAction::Chat { chat: ana(), labeled: true },
                r#"{"chat":{"chat":ANA,"labeled":true}}"#,
            ),
        ] {
            let timestamp = message().timestamp;
            let change = LabelChange { label: "5".to_owned(), action, timestamp };
            let json = r#"{"label":{"label":"5","action":ACTION,"timestamp":1767225600000000}}"#;
            let json = json.replace("ACTION", written).replace("ANA", ANA);
            is_written_as(&EventBody::Label(change), &json);
        }
    }

    #[test]
    fn what_version_one_wrote_of_polls_and_flows_is_read_and_written_the_same() {
        for (content, written) in [
            (
                Content::Poll {
                    title: "When?".to_owned(),
                    options: vec!["now".to_owned(), "never".to_owned()],
                    selectable: 1,
                },
                r#"{"poll":{"title":"When?","options":["now","never"],"selectable":1}}"#,
            ),
            (
                Content::PollVote {
                    target: MessageId::parse("3EB1").unwrap(),
                    selected: vec!["now".to_owned()],
                },
                r#"{"poll_vote":{"target":"3EB1","selected":["now"]}}"#,
            ),
            (
                Content::FlowReply {
                    name: "address".to_owned(),
                    params: "{}".to_owned(),
                    text: "Sent".to_owned(),
                },
                r#"{"flow_reply":{"name":"address","params":"{}","text":"Sent"}}"#,
            ),
        ] {
            let expected = WRITTEN_BY_V1.replace(r#"{"text":"hi"}"#, written);
            let message = Message { content, ..message() };
            assert_eq!(String::from_utf8(encode_message(&message).unwrap()).unwrap(), expected);
            assert_eq!(decode_message(expected.as_bytes()).unwrap(), message);
        }
    }

    #[test]
    fn an_unknown_version_is_refused() {
        for bytes in [&b""[..], b"\x02{}", b"{}"] {
            assert!(matches!(decode_message(bytes), Err(Error::UnknownEncoding("message"))));
        }
    }

    #[test]
    fn a_value_the_domain_refuses_is_refused() {
        let broken = WRITTEN_BY_V1.replace("42@lid", "nobody");
        let refusal = decode_message(broken.as_bytes()).unwrap_err();
        assert!(matches!(refusal, Error::Nonsense { what: "message", source: Some(_) }));
    }
}
