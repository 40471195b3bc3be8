//! What messages say, each kind in the place clients look for it.

use serde_json::{Value, json};
use wharf_domain::{
    delivery::MediaCopy,
    message::{ContactCard, Content, MediaKind},
};

use crate::{
    base64::Base64,
    message::{
        ContactView, EditView, LocationView, MediaView, OptionView, PollView, PollVoteView,
        ReactionView,
    },
    vcard,
};

pub(crate) fn edit(content: &Content) -> Option<EditView> {
    match content {
        Content::Edit { target, text } => {
            Some(EditView { original_id: target.to_string(), text: text.clone() })
        }
        _ => None,
    }
}

pub(crate) fn media(content: &Content, copy: Option<&MediaCopy>) -> Option<MediaView> {
    let Content::Media(media) = content else { return None };
    let copy = copy.cloned().unwrap_or_default();
    Some(MediaView {
        r#type: media.kind.as_str().to_owned(),
        url: media.url.clone(),
        s3_url: copy.s3_url,
        s3_error: copy.s3_error,
        base64: copy.bytes.map(Base64),
        base64_error: copy.bytes_error,
        mimetype: media.mime_type.clone(),
        mime_type: media.mime_type.clone(),
        mime_type_snake: media.mime_type.clone(),
        file_name: media.file_name.clone(),
        caption: media.caption.clone(),
        file_size: media.size,
        duration: media.duration,
        is_voice_note: media.kind == MediaKind::VoiceNote,
    })
}

pub(crate) fn location(content: &Content) -> Option<LocationView> {
    match content {
        Content::Location { latitude, longitude, name, address } => Some(LocationView {
            latitude: *latitude,
            longitude: *longitude,
            name: name.clone(),
            address: address.clone(),
        }),
        _ => None,
    }
}

/// All cards of a message; clients that know of one look at the first.
pub(crate) fn contacts(content: &Content) -> Vec<ContactView> {
    let Content::Contacts(cards) = content else { return Vec::new() };
    cards
        .iter()
        .map(|ContactCard { display_name, vcard }| ContactView {
            display_name: display_name.clone(),
            phone_number: vcard::phone_number(vcard),
            vcard: vcard.clone(),
        })
        .collect()
}

// The key names of the live service are not known for certain, so both spellings that clients read are given.
pub(crate) fn reaction(content: &Content) -> Option<ReactionView> {
    let Content::Reaction { target, emoji } = content else { return None };
    let emoji = emoji.clone().unwrap_or_default();
    let target = target.to_string();
    Some(ReactionView {
        text: emoji.clone(),
        emoji,
        message_id: target.clone(),
        message_id_snake: target,
    })
}

pub(crate) fn poll(content: &Content) -> Option<PollView> {
    let Content::Poll { title, options, selectable } = content else { return None };
    let options = options.iter().map(OptionView::from).collect();
    Some(PollView { title: title.clone(), options, selectable: *selectable })
}

pub(crate) fn poll_vote(content: &Content) -> Option<PollVoteView> {
    let Content::PollVote { target, selected } = content else { return None };
    let options = selected.iter().map(OptionView::from).collect();
    Some(PollVoteView { message_id: target.to_string(), options })
}

/// The live shape, and beside it the one of the event catalogue.
pub(crate) fn interactive(content: &Content) -> Option<Value> {
    match content {
        Content::ButtonReply { id, text } => Some(json!({
            "selectedButtonId": id,
            "button_response": { "title": text, "body": "", "selected_button_id": id },
        })),
        Content::ListReply { id, title } => Some(json!({
            "selectedReply": { "selectedRowID": id },
            "title": title,
            "list_response": {
                "title": title,
                "body": "",
                "single_select_reply": { "option_name": id },
            },
        })),
        Content::FlowReply { name, params, text } => Some(flow_reply(name, params, text)),
        _ => None,
    }
}

/// The answer to a flow: whole, and what clients look for in it where buttons and flows have it too.
fn flow_reply(name: &str, params: &str, text: &str) -> Value {
    // What is no JSON stays text.
    let parsed = serde_json::from_str(params).unwrap_or_else(|_| Value::from(params));
    let lifted = [
        ("flow_token", &["flow_token"][..]),
        ("selectedButtonId", &["id"]),
        (
            "selectedCarouselCardIndex",
            &["selectedCarouselCardIndex", "selected_carousel_card_index"],
        ),
    ];
    let mut reply = json!({ "name": name, "body": text });
    for (key, spellings) in lifted {
        if let Some(value) = spellings.iter().find_map(|spelling| parsed.get(*spelling)) {
            reply[key] = value.clone();
        }
    }
    reply["params"] = parsed;
    reply
}
