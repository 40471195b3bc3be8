use waproto::whatsapp::{
    Message, MessageKey,
    message::{
        ButtonsResponseMessage, ContactMessage, InteractiveResponseMessage, ProtocolMessage,
        buttons_response_message, interactive_response_message, protocol_message::Type,
    },
};
use wharf_domain::message::{ContactCard, Content, MessageId};

use super::{media, wrapping::unwrapped};

/// What an unwrapped message says; `None` when it says nothing to people, such as keys for other devices.
pub(super) fn of(message: &Message) -> Option<Content> {
    text(message)
        .or_else(|| media::of(message).map(Content::Media))
        .or_else(|| location(message))
        .or_else(|| contacts(message))
        .or_else(|| reaction(message))
        .or_else(|| answer(message))
        .or_else(|| {
            let (title, options, selectable) = poll(message)?;
            Some(Content::Poll { title, options, selectable })
        })
        .or_else(|| match message.protocol_message.as_option() {
            Some(protocol) => about_another(protocol),
            None => name_of_other(message).map(|name| Content::Other(name.to_owned())),
        })
}

fn text(message: &Message) -> Option<Content> {
    let extended = message.extended_text_message.as_option().and_then(|text| text.text.clone());
    message.conversation.clone().filter(|text| !text.is_empty()).or(extended).map(Content::Text)
}

fn location(message: &Message) -> Option<Content> {
    if let Some(place) = message.location_message.as_option() {
        return Some(Content::Location {
            latitude: place.degrees_latitude.unwrap_or_default(),
            longitude: place.degrees_longitude.unwrap_or_default(),
            name: place.name.clone().filter(|name| !name.is_empty()),
            address: place.address.clone().filter(|address| !address.is_empty()),
        });
    }
    let live = message.live_location_message.as_option()?;
    Some(Content::Location {
        latitude: live.degrees_latitude.unwrap_or_default(),
        longitude: live.degrees_longitude.unwrap_or_default(),
        name: live.caption.clone().filter(|caption| !caption.is_empty()),
        address: None,
    })
}

fn contacts(message: &Message) -> Option<Content> {
    let card = |contact: &ContactMessage| ContactCard {
        display_name: contact.display_name.clone().unwrap_or_default(),
        vcard: contact.vcard.clone().unwrap_or_default(),
    };
    if let Some(contact) = message.contact_message.as_option() {
        return Some(Content::Contacts(vec![card(contact)]));
    }
    let several = message.contacts_array_message.as_option()?;
    Some(Content::Contacts(several.contacts.iter().map(card).collect()))
}

fn reaction(message: &Message) -> Option<Content> {
    let reaction = message.reaction_message.as_option()?;
    let target = target(reaction.key.as_option()?)?;
    Some(Content::Reaction { target, emoji: reaction.text.clone().filter(|text| !text.is_empty()) })
}

/// The answer to buttons or a list.
fn answer(message: &Message) -> Option<Content> {
    if let Some(button) = message.buttons_response_message.as_option() {
        return Some(button_reply(button));
    }
    if let Some(button) = message.template_button_reply_message.as_option() {
        let id = button.selected_id.clone().unwrap_or_default();
        let text = button.selected_display_text.clone().unwrap_or_default();
        return Some(Content::ButtonReply { id, text });
    }
    if let Some(flow) = message.interactive_response_message.as_option() {
        return flow_reply(flow);
    }
    let list = message.list_response_message.as_option()?;
    let row = list.single_select_reply.as_option().and_then(|row| row.selected_row_id.clone());
    Some(Content::ListReply {
        id: row.unwrap_or_default(),
        title: list.title.clone().unwrap_or_default(),
    })
}

fn flow_reply(flow: &InteractiveResponseMessage) -> Option<Content> {
    let interactive_response_message::InteractiveResponseMessage::NativeFlowResponseMessage(reply) =
        flow.interactive_response_message.as_ref()?;
    let text = flow.body.as_option().and_then(|body| body.text.clone());
    Some(Content::FlowReply {
        name: reply.name.clone().unwrap_or_default(),
        params: reply.params_json.clone().unwrap_or_default(),
        text: text.unwrap_or_default(),
    })
}

/// The question, the options and how many of them may be picked, of an unwrapped poll. Its fourth version is a wrapper.
pub(super) fn poll(message: &Message) -> Option<(String, Vec<String>, u32)> {
    let poll = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
        &message.poll_creation_message_v6,
    ]
    .into_iter()
    .find_map(|poll| poll.as_option())?;
    let options = poll.options.iter().filter_map(|option| option.option_name.clone()).collect();
    let selectable = poll.selectable_options_count.unwrap_or_default();
    Some((poll.name.clone().unwrap_or_default(), options, selectable))
}

fn button_reply(button: &ButtonsResponseMessage) -> Content {
    let text = match &button.response {
        Some(buttons_response_message::Response::SelectedDisplayText(text)) => text.clone(),
        None => String::new(),
    };
    Content::ButtonReply { id: button.selected_button_id.clone().unwrap_or_default(), text }
}

/// What an unwrapped message edits another one to.
pub(super) fn edited(message: &Message) -> Option<&Message> {
    let protocol = message.protocol_message.as_option()?;
    if protocol.r#type != Some(Type::MESSAGE_EDIT) {
        return None;
    }
    protocol.edited_message.as_option().map(unwrapped)
}

/// A message about another one, or among devices.
fn about_another(protocol: &ProtocolMessage) -> Option<Content> {
    let about = || protocol.key.as_option().and_then(target);
    match protocol.r#type {
        Some(Type::REVOKE) => Some(Content::Revoke { target: about()? }),
        Some(Type::MESSAGE_EDIT) => {
            let edited = unwrapped(protocol.edited_message.as_option()?);
            let text = of(edited).map(|content| content.text().to_owned()).unwrap_or_default();
            Some(Content::Edit { target: about()?, text })
        }
        Some(Type::EPHEMERAL_SETTING) => Some(Content::Other("ephemeralSetting".to_owned())),
        Some(Type::SHARE_PHONE_NUMBER) => Some(Content::Other("sharePhoneNumber".to_owned())),
        Some(Type::GROUP_MEMBER_LABEL_CHANGE) => {
            Some(Content::Other("groupMemberLabelChange".to_owned()))
        }
        Some(Type::LIMIT_SHARING) => Some(Content::Other("limitSharing".to_owned())),
        // Keys, history, requests among our own devices.
        _ => None,
    }
}

fn target(key: &MessageKey) -> Option<MessageId> {
    MessageId::parse(key.id.as_deref()?).ok()
}

/// The name WhatsApp's protocol has for a kind of message we give no details of.
fn name_of_other(message: &Message) -> Option<&'static str> {
    macro_rules! first {
        ($($field:ident = $name:literal),+ $(,)?) => {
            $(if message.$field.is_set() { return Some($name); })+
        };
    }
    first!(
        poll_creation_message_v4 = "pollCreationMessageV4",
        poll_update_message = "pollUpdateMessage",
        poll_add_option_message = "pollAddOptionMessage",
        poll_result_snapshot_message = "pollResultSnapshotMessage",
        interactive_response_message = "interactiveResponseMessage",
        interactive_message = "interactiveMessage",
        buttons_message = "buttonsMessage",
        list_message = "listMessage",
        template_message = "templateMessage",
        highly_structured_message = "highlyStructuredMessage",
        group_invite_message = "groupInviteMessage",
        newsletter_admin_invite_message = "newsletterAdminInviteMessage",
        product_message = "productMessage",
        order_message = "orderMessage",
        invoice_message = "invoiceMessage",
        payment_invite_message = "paymentInviteMessage",
        send_payment_message = "sendPaymentMessage",
        request_payment_message = "requestPaymentMessage",
        decline_payment_request_message = "declinePaymentRequestMessage",
        cancel_payment_request_message = "cancelPaymentRequestMessage",
        event_message = "eventMessage",
        event_invite_message = "eventInviteMessage",
        enc_event_response_message = "encEventResponseMessage",
        enc_reaction_message = "encReactionMessage",
        enc_comment_message = "encCommentMessage",
        comment_message = "commentMessage",
        secret_encrypted_message = "secretEncryptedMessage",
        pin_in_chat_message = "pinInChatMessage",
        keep_in_chat_message = "keepInChatMessage",
        album_message = "albumMessage",
        sticker_pack_message = "stickerPackMessage",
        scheduled_call_creation_message = "scheduledCallCreationMessage",
        scheduled_call_edit_message = "scheduledCallEditMessage",
        call_log_messsage = "callLogMessage",
        bcall_message = "bcallMessage",
        call = "call",
        request_phone_number_message = "requestPhoneNumberMessage",
        placeholder_message = "placeholderMessage",
        rich_response_message = "richResponseMessage",
        status_mention_message = "statusMentionMessage",
        group_status_mention_message = "groupStatusMentionMessage",
        group_status_message = "groupStatusMessage",
        group_status_message_v2 = "groupStatusMessageV2",
        status_add_yours = "statusAddYours",
        status_notification_message = "statusNotificationMessage",
        status_question_answer_message = "statusQuestionAnswerMessage",
        status_quoted_message = "statusQuotedMessage",
        status_sticker_interaction_message = "statusStickerInteractionMessage",
        event_cover_image = "eventCoverImage",
        poll_creation_option_image_message = "pollCreationOptionImageMessage",
        limit_sharing_message = "limitSharingMessage",
        bot_task_message = "botTaskMessage",
        bot_forwarded_message = "botForwardedMessage",
        question_reply_message = "questionReplyMessage",
        question_response_message = "questionResponseMessage",
        message_history_bundle = "messageHistoryBundle",
        message_history_notice = "messageHistoryNotice",
        newsletter_follower_invite_message_v2 = "newsletterFollowerInviteMessageV2",
        newsletter_admin_profile_message = "newsletterAdminProfileMessage",
        newsletter_admin_profile_message_v2 = "newsletterAdminProfileMessageV2",
        conditional_reveal_message = "conditionalRevealMessage",
        payment_reminder_message = "paymentReminderMessage",
        split_payment_message = "splitPaymentMessage",
    );
    // Keys for a group's messages travel in messages of their own, and context says nothing by itself.
    let mut rest = message.clone();
    rest.sender_key_distribution_message.take();
    rest.fast_ratchet_key_sender_key_distribution_message.take();
    rest.message_context_info.take();
    (waproto::codec::message_encoded_len(&rest) > 0).then_some("unknown")
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
