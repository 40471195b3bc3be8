//! The envelope around what events tell.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use wharf_domain::{
    delivery::MediaCopy,
    event::{Event, EventBody},
    instance::InstanceName,
    token::Token,
};

use crate::{
    Base64,
    call::CallUpdateView,
    event::{InstanceStateView, MessageStatusView},
    group::GroupFlowView,
    label::LabelUpdateView,
    message::MessageExchangeView,
};

/// Room for everything in an envelope but media.
const USUAL: usize = 2048;

/// An event on its way to a receiver.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a, T> {
    /// What kind of event it is.
    #[schema(value_type = crate::instance::EventName)]
    event: &'static str,
    /// Identifies the event, the same on every channel and every attempt.
    #[schema(example = "0199a3c2-7a44-7cc0-8d7c-3a5b2f0c9a11")]
    event_id: String,
    /// What happened.
    data: T,
    /// Whose event it is, and how to reach the API for it.
    instance_data: InstanceData<'a>,
}

/// The event `message.exchange`: a message was received or sent.
pub type MessageExchangeEvent = Envelope<'static, MessageExchangeView>;
/// The event `message.status`: messages were delivered, read or played.
pub type MessageStatusEvent = Envelope<'static, MessageStatusView>;
/// The event `call.update`: something about a call.
pub type CallUpdateEvent = Envelope<'static, CallUpdateView>;
/// The event `group.flow`: a group changed.
pub type GroupFlowEvent = Envelope<'static, GroupFlowView>;
/// The event `label.update`: something about labels.
pub type LabelUpdateEvent = Envelope<'static, LabelUpdateView>;
/// The event `instance.state`: the link with WhatsApp changed.
pub type InstanceStateEvent = Envelope<'static, InstanceStateView>;

/// Whose event it is, and how to reach the API for it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceData<'a> {
    /// The server's own address.
    base_url: &'a str,
    /// The instance's name.
    instance: &'a str,
    /// The instance's token.
    token: &'a str,
}

impl<'a> InstanceData<'a> {
    pub(crate) fn new(instance: &'a InstanceName, token: &'a Token, base_url: &'a str) -> Self {
        Self { base_url, instance: instance.as_str(), token: token.expose() }
    }
}

/// Renders an event as JSON, as it goes out on every channel, with the instance's name and token and the server's address
/// as they are now, and with what can be told of its media beyond the message itself.
#[must_use]
pub fn envelope(
    event: &Event,
    instance: &InstanceName,
    token: &Token,
    base_url: &str,
    media: Option<&MediaCopy>,
) -> Vec<u8> {
    let instance_data = InstanceData::new(instance, token, base_url);
    match &event.body {
        EventBody::Message(message) => {
            let view = MessageExchangeView::new(message, media);
            let base64 = view.message.media.as_ref().and_then(|media| media.base64.as_ref());
            let size = USUAL + base64.map_or(0, Base64::len);
            written(event, view, instance_data, size)
        }
        EventBody::Receipt(receipt) => {
            written(event, MessageStatusView::from(receipt), instance_data, USUAL)
        }
        EventBody::State(change) => {
            let view = InstanceStateView::new(change, instance, event.recorded_at);
            written(event, view, instance_data, USUAL)
        }
        EventBody::Call(call) => written(event, CallUpdateView::from(call), instance_data, USUAL),
        EventBody::Group(change) => {
            written(event, GroupFlowView::from(change), instance_data, USUAL)
        }
        EventBody::Label(change) => {
            written(event, LabelUpdateView::from(change), instance_data, USUAL)
        }
        _ => written(event, Value::Null, instance_data, USUAL),
    }
}

fn written<T: Serialize>(
    event: &Event,
    data: T,
    instance_data: InstanceData<'_>,
    size: usize,
) -> Vec<u8> {
    let kind = event.body.kind().as_str();
    let envelope = Envelope { event: kind, event_id: event.id.0.to_string(), data, instance_data };
    json(&envelope, size)
}

/// Writes an envelope that will be about so large.
#[expect(clippy::expect_used, reason = "writing into memory with text keys cannot fail")]
pub(crate) fn json(envelope: &impl Serialize, size: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(size);
    serde_json::to_writer(&mut body, envelope).expect("an envelope can be written");
    body
}
