use waproto::whatsapp::{Message, message::FutureProofMessage};

/// How deep wrappers are followed. Real messages have two or three.
const DEPTH: usize = 8;

/// The message inside its wrappers (view once, disappearing, sent by another device of ours, …).
pub(super) fn unwrapped(message: &Message) -> &Message {
    let mut current = message;
    for _ in 0..DEPTH {
        match inner(current) {
            Some(inner) => current = inner,
            None => break,
        }
    }
    current
}

/// The message without the wrapper that only says which device of ours sent it.
pub(super) fn without_device_note(message: &Message) -> &Message {
    message
        .device_sent_message
        .as_option()
        .and_then(|sent| sent.message.as_option())
        .unwrap_or(message)
}

fn inner(message: &Message) -> Option<&Message> {
    let sent = message.device_sent_message.as_option().and_then(|sent| sent.message.as_option());
    sent.or_else(|| {
        let wrapper: &FutureProofMessage = [
            &message.ephemeral_message,
            &message.view_once_message,
            &message.view_once_message_v2,
            &message.view_once_message_v2_extension,
            &message.document_with_caption_message,
            &message.edited_message,
            &message.group_mentioned_message,
            &message.bot_invoke_message,
            &message.lottie_sticker_message,
            &message.associated_child_message,
            &message.spoiler_message,
            &message.question_message,
            &message.poll_creation_message_v4,
        ]
        .into_iter()
        .find_map(|wrapper| wrapper.as_option())?;
        wrapper.message.as_option()
    })
}

#[cfg(test)]
mod tests {
    use waproto::{buffa::MessageField, whatsapp::message::DeviceSentMessage};

    use super::*;

    fn wrap(message: Message) -> MessageField<FutureProofMessage> {
        MessageField::some(FutureProofMessage { message: MessageField::some(message) })
    }

    #[test]
    fn wrappers_are_taken_off_in_any_order() {
        let text = Message { conversation: Some("olá".to_owned()), ..Message::default() };
        let once = Message { view_once_message_v2: wrap(text), ..Message::default() };
        let gone = Message { ephemeral_message: wrap(once), ..Message::default() };
        let sent = Message {
            device_sent_message: MessageField::some(DeviceSentMessage {
                message: MessageField::some(gone),
                ..DeviceSentMessage::default()
            }),
            ..Message::default()
        };
        assert_eq!(unwrapped(&sent).conversation.as_deref(), Some("olá"));
        assert!(without_device_note(&sent).ephemeral_message.is_set());
    }
}
