//! Earlier messages, changed and taken away.

use wacore::message_edit::{MessageEditContext, encrypt_message_edit};
use wacore::proto_helpers::MessageExt as _;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type;
use waproto::whatsapp::message::secret_encrypted_message::SecretEncType;

use super::{Scene, written};
use crate::error::{Error, Result};
use crate::room::is_room;

pub(super) fn edit(
    scene: &Scene<'_>,
    target: &str,
    text: &str,
    sealed: bool,
) -> Result<wa::Message> {
    let entry = scene.entry(target)?;
    if !entry.shown.from_me {
        return Err(Error::Conflict("only one's own messages can be changed".to_owned()));
    }
    let original = entry.message().ok_or(Error::NotFound("message"))?;
    let protocol = wa::message::ProtocolMessage {
        key: MessageField::some(scene.key(entry)?),
        r#type: Some(Type::MessageEdit),
        edited_message: MessageField::some(reworded(&original, written(text)?)),
        timestamp_ms: Some(scene.now),
        ..Default::default()
    };
    let edit = wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() };
    if !sealed {
        return Ok(edit);
    }
    let secret = original.message_context_info.message_secret.as_deref();
    let secret = secret.ok_or_else(|| Error::Conflict("the message has no secret".to_owned()))?;
    let own = scene.own.to_string();
    let context =
        MessageEditContext { original_msg_id: target, original_sender_jid: &own, editor_jid: &own };
    let (payload, iv) = encrypt_message_edit(&edit, secret, &context)
        .map_err(|error| Error::Crypto(error.into()))?;
    let envelope = wa::message::SecretEncryptedMessage {
        target_message_key: MessageField::some(scene.key(entry)?),
        enc_payload: Some(payload),
        enc_iv: Some(iv.to_vec()),
        secret_enc_type: Some(SecretEncType::MessageEdit),
        ..Default::default()
    };
    Ok(wa::Message { secret_encrypted_message: MessageField::some(envelope), ..Default::default() })
}

/// The new words: a caption where the message has a file to write below.
fn reworded(original: &wa::Message, text: String) -> wa::Message {
    let mut message = original.get_base_message().clone();
    message.message_context_info = MessageField::none();
    if let Some(image) = message.image_message.as_option_mut() {
        image.caption = Some(text);
    } else if let Some(video) = message.video_message.as_option_mut() {
        video.caption = Some(text);
    } else if let Some(document) = message.document_message.as_option_mut() {
        document.caption = Some(text);
    } else {
        return wa::Message { conversation: Some(text), ..Default::default() };
    }
    message
}

pub(super) fn revoke(scene: &Scene<'_>, target: &str) -> Result<wa::Message> {
    let entry = scene.entry(target)?;
    if !entry.shown.from_me && !is_room(scene.chat) {
        return Err(Error::Conflict("only one's own messages can be taken away".to_owned()));
    }
    let protocol = wa::message::ProtocolMessage {
        key: MessageField::some(scene.key(entry)?),
        r#type: Some(Type::Revoke),
        ..Default::default()
    };
    Ok(wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() })
}
