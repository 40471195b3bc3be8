use bytes::Bytes;
use wacore::proto_helpers::MessageExt;
use waproto::{
    buffa::MessageField,
    codec,
    whatsapp::{ContextInfo, Message},
};
use wharf_domain::{
    address::Jid,
    message::{MessageId, Quote},
};

use super::{
    address::Aliases,
    content,
    wrapping::{unwrapped, without_device_note},
};

/// What is answered: the quote with who wrote what is quoted, and with that message itself where it is still stored.
pub(crate) type Quoted<'a> = (&'a Quote, &'a Jid, Option<&'a Bytes>);

/// The context of an answer.
pub(super) fn answering((quote, author, stored): Quoted<'_>) -> ContextInfo {
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

/// What surrounds the content of an unwrapped message: the message it answers, mentions, where it came from.
pub(super) fn of(message: &Message) -> Option<&ContextInfo> {
    macro_rules! first {
        ($($kind:ident),+ $(,)?) => {
            None$(.or_else(|| message.$kind.as_option().and_then(|m| m.context_info.as_option())))+
        };
    }
    first!(
        extended_text_message,
        image_message,
        video_message,
        ptv_message,
        audio_message,
        document_message,
        sticker_message,
        location_message,
        live_location_message,
        contact_message,
        contacts_array_message,
        buttons_response_message,
        list_response_message,
        template_button_reply_message,
        interactive_response_message,
        interactive_message,
        buttons_message,
        list_message,
        template_message,
        poll_creation_message,
        poll_creation_message_v2,
        poll_creation_message_v3,
        poll_creation_message_v5,
        poll_creation_message_v6,
        event_message,
        group_invite_message,
        product_message,
        order_message,
    )
}

/// Who wrote the message that is answered, as the answer has it.
pub(super) fn quoted_author(context: &ContextInfo) -> Option<wacore_binary::Jid> {
    context.participant.as_deref()?.parse().ok()
}

/// The message that is answered.
pub(super) fn quote(context: &ContextInfo, aliases: &Aliases) -> Option<Quote> {
    let message_id = MessageId::parse(context.stanza_id.as_deref()?).ok()?;
    let author = quoted_author(context)
        .and_then(|author| super::from_library(&author))
        .map(|author| aliases.by_phone(author));
    let text = context
        .quoted_message
        .as_option()
        .and_then(|quoted| content::of(unwrapped(quoted)))
        .map(|content| content.text().to_owned())
        .unwrap_or_default();
    Some(Quote { message_id, author, text })
}

/// Who is mentioned, as it was received.
pub(super) fn mentions(context: &ContextInfo) -> Vec<Jid> {
    context.mentioned_jid.iter().filter_map(|raw| Jid::parse(raw).ok()).collect()
}

/// Whether it was forwarded.
pub(super) fn is_forwarded(context: &ContextInfo) -> bool {
    context.is_forwarded.unwrap_or(false) || context.forwarding_score.unwrap_or(0) > 0
}
