//! What messages say, each kind in the place clients look for it.

use serde_json::{Value, json};
use wharf_domain::{
    delivery::MediaCopy,
    message::{ContactCard, Content, MediaKind},
};

use crate::{
    base64::Base64,
    message::{ContactView, EditView, LocationView, MediaView, ReactionView},
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
        _ => None,
    }
}
