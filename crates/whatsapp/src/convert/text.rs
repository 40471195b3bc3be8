use bytes::Bytes;
use wacore::proto_helpers::MessageExt;
use waproto::{
    buffa::MessageField,
    codec,
    whatsapp::{ContextInfo, Message, message::ExtendedTextMessage},
};
use wharf_domain::{address::Jid, message::Quote};

use super::wrapping::without_device_note;

/// A text in the library's encoding. The quote comes with who wrote what is quoted, and with that message itself where
/// it is still stored.
pub(crate) fn encode_text(text: &str, quote: Option<(&Quote, &Jid, Option<&Bytes>)>) -> Bytes {
    let message = match quote {
        None => Message { conversation: Some(text.to_owned()), ..Message::default() },
        Some((quote, author, stored)) => Message {
            extended_text_message: MessageField::some(ExtendedTextMessage {
                text: Some(text.to_owned()),
                context_info: MessageField::some(context(quote, author, stored)),
                ..ExtendedTextMessage::default()
            }),
            ..Message::default()
        },
    };
    codec::message_to_vec(&message).into()
}

fn context(quote: &Quote, author: &Jid, stored: Option<&Bytes>) -> ContextInfo {
    let decoded = stored.and_then(|stored| codec::message_decode(stored).ok());
    let quoted = match &decoded {
        // Without its own quote and mentions, or people would be notified again.
        Some(quoted) => without_device_note(quoted).prepare_for_quote(),
        None => Box::new(Message { conversation: Some(quote.text.clone()), ..Message::default() }),
    };
    ContextInfo {
        stanza_id: Some(quote.message_id.as_str().to_owned()),
        participant: Some(quote.author.as_ref().unwrap_or(author).to_string()),
        quoted_message: MessageField::some(*quoted),
        ..ContextInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use wharf_domain::message::{Content, MessageId};

    use super::{
        super::{address::Aliases, content, context as surroundings},
        *,
    };

    fn decode(raw: &Bytes) -> Message {
        codec::message_decode(raw).unwrap()
    }

    #[test]
    fn a_plain_text_is_a_conversation() {
        let message = decode(&encode_text("olá", None));
        assert_eq!(message, Message { conversation: Some("olá".to_owned()), ..Message::default() });
    }

    #[test]
    fn an_answer_repeats_what_it_answers() {
        let author = Jid::parse("5511999990001@s.whatsapp.net").unwrap();
        let quote = Quote {
            message_id: MessageId::parse("3EB0A").unwrap(),
            author: None,
            text: "tudo bem?".to_owned(),
        };
        let stored = encode_text("tudo bem?", None);
        for stored in [Some(&stored), None, Some(&Bytes::from_static(b"\xff"))] {
            let message = decode(&encode_text("sim", Some((&quote, &author, stored))));
            assert_eq!(content::of(&message), Some(Content::Text("sim".to_owned())));
            let context = surroundings::of(&message).unwrap();
            let expected = Quote { author: Some(author.clone()), ..quote.clone() };
            assert_eq!(surroundings::quote(context, &Aliases::default()), Some(expected));
        }
    }

    #[test]
    fn what_is_quoted_loses_its_own_quote() {
        let author = Jid::parse("5511999990001@s.whatsapp.net").unwrap();
        let quote = |id: &str| Quote {
            message_id: MessageId::parse(id).unwrap(),
            author: None,
            text: String::new(),
        };
        let first = encode_text("um", None);
        let second = encode_text("dois", Some((&quote("3EB0A"), &author, Some(&first))));
        let third = decode(&encode_text("três", Some((&quote("3EB0B"), &author, Some(&second)))));
        let quoted = surroundings::of(&third).unwrap().quoted_message.as_option().unwrap();
        assert!(surroundings::of(quoted).is_none_or(|context| context.stanza_id.is_none()));
    }
}
