//! What a person sees of a message's content.

use wacore::proto_helpers::MessageExt as _;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type;

/// What a decrypted message is to the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Something to show.
    Shown(Shown),
    /// A companion asks for app-state keys.
    KeyRequest(Vec<Vec<u8>>),
    /// Traffic between devices that nobody sees.
    Silent,
}

/// What is shown of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// `text`, `image`, …; `unknown` for what this phone has no name for.
    pub(super) kind: &'static str,
    /// The text or caption, the name, the question, the emoji.
    pub(super) text: Option<String>,
    /// The message this one answers, reacts to, edits or revokes.
    pub(super) quoted: Option<String>,
}

/// Reads a message, out of whatever wraps it.
pub(super) fn read(message: &wa::Message) -> Content {
    let message = message.get_base_message();
    if let Some(protocol) = message.protocol_message.as_option() {
        return protocol_content(protocol);
    }
    let shown = text(message)
        .or_else(|| media(message))
        .or_else(|| reply(message))
        .or_else(|| other(message));
    if let Some(shown) = shown {
        return Content::Shown(shown);
    }
    let only_keys = message.sender_key_distribution_message.is_set()
        || message.fast_ratchet_key_sender_key_distribution_message.is_set();
    if only_keys || *message == wa::Message::default() {
        return Content::Silent;
    }
    Content::Shown(Shown { kind: "unknown", ..Default::default() })
}

fn protocol_content(protocol: &wa::message::ProtocolMessage) -> Content {
    let target = protocol.key.id.clone();
    match protocol.r#type {
        // The protobuf's default, so a revocation may leave the type out.
        Some(Type::Revoke) | None if target.is_some() => {
            Content::Shown(Shown { kind: "revoke", text: None, quoted: target })
        }
        Some(Type::MessageEdit) => {
            let edited = protocol.edited_message.get_base_message();
            let text = edited.text_content().or_else(|| edited.get_caption()).map(str::to_owned);
            Content::Shown(Shown { kind: "edit", text, quoted: target })
        }
        Some(Type::AppStateSyncKeyRequest) => {
            let ids = &protocol.app_state_sync_key_request.key_ids;
            Content::KeyRequest(ids.iter().filter_map(|id| id.key_id.clone()).collect())
        }
        _ => Content::Silent,
    }
}

fn text(message: &wa::Message) -> Option<Shown> {
    let text = message.text_content()?.to_owned();
    let quoted = message.extended_text_message.context_info.stanza_id.clone();
    Some(Shown { kind: "text", text: Some(text), quoted })
}

fn media(message: &wa::Message) -> Option<Shown> {
    let (kind, text, context) = if let Some(m) = message.image_message.as_option() {
        ("image", m.caption.clone(), &m.context_info)
    } else if let Some(m) = message.video_message.as_option().or(message.ptv_message.as_option()) {
        ("video", m.caption.clone(), &m.context_info)
    } else if let Some(m) = message.audio_message.as_option() {
        ("audio", None, &m.context_info)
    } else if let Some(m) = message.document_message.as_option() {
        ("document", m.caption.clone().or_else(|| m.file_name.clone()), &m.context_info)
    } else if let Some(m) = message.sticker_message.as_option() {
        ("sticker", None, &m.context_info)
    } else if let Some(m) = message.location_message.as_option() {
        ("location", m.name.clone(), &m.context_info)
    } else if let Some(m) = message.contact_message.as_option() {
        ("contact", m.display_name.clone(), &m.context_info)
    } else if let Some(m) = message.live_location_message.as_option() {
        ("live-location", m.caption.clone(), &m.context_info)
    } else if let Some(m) = message.contacts_array_message.as_option() {
        ("contacts", m.display_name.clone(), &m.context_info)
    } else {
        return None;
    };
    Some(Shown { kind, text, quoted: context.stanza_id.clone() })
}

/// What is tapped in answer to a message.
fn reply(message: &wa::Message) -> Option<Shown> {
    use wa::message::buttons_response_message::Response;
    use wa::message::interactive_response_message::InteractiveResponseMessage as Flow;
    let (kind, text, context) = if let Some(m) = message.buttons_response_message.as_option() {
        let text = m.response.as_ref().map(|Response::SelectedDisplayText(text)| text.clone());
        ("button-reply", text, &m.context_info)
    } else if let Some(m) = message.template_button_reply_message.as_option() {
        ("template-reply", m.selected_display_text.clone(), &m.context_info)
    } else if let Some(m) = message.list_response_message.as_option() {
        ("list-reply", m.title.clone(), &m.context_info)
    } else if let Some(m) = message.interactive_response_message.as_option() {
        let params = m.interactive_response_message.as_ref();
        let params =
            params.and_then(|Flow::NativeFlowResponseMessage(flow)| flow.params_json.clone());
        let text = m.body.text.clone().filter(|text| !text.is_empty());
        ("flow-reply", text.or(params), &m.context_info)
    } else {
        return None;
    };
    Some(Shown { kind, text, quoted: context.stanza_id.clone() })
}

/// The poll a message asks, under whichever of the names clients have for polls.
pub(super) fn poll_of(message: &wa::Message) -> Option<&wa::message::PollCreationMessage> {
    message
        .poll_creation_message
        .as_option()
        .or(message.poll_creation_message_v2.as_option())
        .or(message.poll_creation_message_v3.as_option())
        .or(message.poll_creation_message_v5.as_option())
}

fn other(message: &wa::Message) -> Option<Shown> {
    if let Some(reaction) = message.reaction_message.as_option() {
        let quoted = reaction.key.id.clone();
        return Some(Shown { kind: "reaction", text: reaction.text.clone(), quoted });
    }
    if let Some(sealed) = message.secret_encrypted_message.as_option() {
        let quoted = sealed.target_message_key.id.clone();
        return Some(Shown { kind: "sealed-edit", text: None, quoted });
    }
    if let Some(update) = message.poll_update_message.as_option() {
        let quoted = update.poll_creation_message_key.id.clone();
        return Some(Shown { kind: "poll-vote", text: None, quoted });
    }
    let poll = poll_of(message)?;
    let quoted = poll.context_info.stanza_id.clone();
    Some(Shown { kind: "poll", text: poll.name.clone(), quoted })
}
