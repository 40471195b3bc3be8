//! What an owner answers by tapping.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::{
    ButtonsResponseMessage, InteractiveResponseMessage, ListResponseMessage,
    TemplateButtonReplyMessage, buttons_response_message, interactive_response_message,
    list_response_message,
};

use super::{Saying, Scene};
use crate::error::{Error, Result};

pub(super) fn message(reply: &Saying, scene: &Scene<'_>) -> Result<wa::Message> {
    // Phones quote what was tapped on.
    let context = |id: &Option<String>| match id {
        Some(id) => scene.quote(id).map(MessageField::some),
        None => Ok(MessageField::none()),
    };
    Ok(match reply {
        Saying::ButtonReply { message_id, button_id, text } => wa::Message {
            buttons_response_message: MessageField::some(ButtonsResponseMessage {
                selected_button_id: Some(button_id.clone()),
                context_info: context(message_id)?,
                r#type: Some(buttons_response_message::Type::DISPLAY_TEXT),
                response: Some(buttons_response_message::Response::SelectedDisplayText(
                    text.clone(),
                )),
            }),
            ..Default::default()
        },
        Saying::TemplateReply { message_id, button_id, text, index } => wa::Message {
            template_button_reply_message: MessageField::some(TemplateButtonReplyMessage {
                selected_id: Some(button_id.clone()),
                selected_display_text: Some(text.clone()),
                context_info: context(message_id)?,
                selected_index: Some(*index),
                ..Default::default()
            }),
            ..Default::default()
        },
        Saying::ListReply { message_id, row_id, title, description } => wa::Message {
            list_response_message: MessageField::some(ListResponseMessage {
                title: Some(title.clone()),
                list_type: Some(list_response_message::ListType::SINGLE_SELECT),
                single_select_reply: MessageField::some(list_response_message::SingleSelectReply {
                    selected_row_id: Some(row_id.clone()),
                }),
                context_info: context(message_id)?,
                description: description.clone(),
            }),
            ..Default::default()
        },
        Saying::FlowReply { message_id, name, params, text } => {
            let flow = interactive_response_message::NativeFlowResponseMessage {
                name: Some(name.clone()),
                params_json: Some(params.to_string()),
                version: Some(3),
            };
            let body = interactive_response_message::Body {
                text: Some(text.clone()),
                ..Default::default()
            };
            wa::Message {
                interactive_response_message: MessageField::some(InteractiveResponseMessage {
                    body: MessageField::some(body),
                    context_info: context(message_id)?,
                    interactive_response_message: Some(flow.into()),
                }),
                ..Default::default()
            }
        }
        _ => return Err(Error::Invalid("not an answer by a tap".to_owned())),
    })
}
