use bytes::Bytes;
use waproto::{
    buffa::MessageField,
    codec,
    whatsapp::{Message, message::ExtendedTextMessage},
};

use super::context::{Quoted, answering};

/// A text in the library's encoding.
pub(crate) fn encode_text(text: &str, quote: Option<Quoted<'_>>) -> Bytes {
    let message = match quote {
        None => Message { conversation: Some(text.to_owned()), ..Message::default() },
        Some(quote) => Message {
            extended_text_message: MessageField::some(ExtendedTextMessage {
                text: Some(text.to_owned()),
                context_info: MessageField::some(answering(quote)),
                ..ExtendedTextMessage::default()
            }),
            ..Message::default()
        },
    };
    codec::message_to_vec(&message).into()
}

#[cfg(test)]
mod tests {
    use wharf_domain::{
        address::Jid,
        message::{Content, MessageId, Quote},
    };

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
