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
