use serde::Serialize;
use serde_json::Value;
use wharf_domain::{
    event::{Event, EventBody},
    instance::InstanceName,
    token::Token,
};

use crate::{
    event::{InstanceStateView, MessageStatusView},
    message::MessageExchangeView,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    event: &'static str,
    event_id: String,
    data: Data,
    instance_data: InstanceData<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    Message(Box<MessageExchangeView>),
    Status(MessageStatusView),
    State(InstanceStateView),
    Unknown(Value),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstanceData<'a> {
    base_url: &'a str,
    instance: &'a str,
    token: &'a str,
}

/// Renders an event as JSON, as it goes out on every channel, with the instance's name and token and the server's address
/// as they are now.
#[must_use]
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "writing into memory with text keys cannot fail"
)]
pub fn envelope(event: &Event, instance: &InstanceName, token: &Token, base_url: &str) -> Vec<u8> {
    let data = match &event.body {
        EventBody::Message(message) => Data::Message(Box::new((&**message).into())),
        EventBody::Receipt(receipt) => Data::Status(receipt.into()),
        EventBody::State(change) => {
            Data::State(InstanceStateView::new(change, instance, event.recorded_at))
        }
        _ => Data::Unknown(Value::Null),
    };
    let envelope = Envelope {
        event: event.body.kind().as_str(),
        event_id: event.id.0.to_string(),
        data,
        instance_data: InstanceData {
            base_url,
            instance: instance.as_str(),
            token: token.expose(),
        },
    };
    serde_json::to_vec(&envelope).expect("an envelope can be written")
}
