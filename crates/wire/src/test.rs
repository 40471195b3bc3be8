//! The event a caller has sent to a webhook to see whether it arrives.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{Timestamp, event::EventId, instance::InstanceName, token::Token};

use crate::{
    envelope::{InstanceData, json},
    rfc3339,
};

/// The event `test`: a webhook is tried out. It is in no log and comes once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestEvent<'a> {
    /// Always `test`.
    #[schema(example = "test")]
    event: &'static str,
    /// Identifies the event.
    #[schema(example = "0199a3c2-7a44-7cc0-8d7c-3a5b2f0c9a11")]
    event_id: String,
    /// Always true; no other event has this key.
    test: bool,
    /// What the event says of itself.
    data: TestView,
    /// Whose webhook it is, and how to reach the API for it.
    instance_data: InstanceData<'a>,
}

/// What a test event says of itself.
#[derive(Serialize, ToSchema)]
pub struct TestView {
    /// Always true.
    test: bool,
    /// What it is, in words.
    #[schema(example = "This is a test event of Wharf. Nothing happened on WhatsApp.")]
    message: &'static str,
    /// When it was made, RFC 3339.
    timestamp: String,
}

/// Renders the test event as JSON.
#[must_use]
pub fn test_envelope(
    id: EventId,
    at: Timestamp,
    instance: &InstanceName,
    token: &Token,
    base_url: &str,
) -> Vec<u8> {
    let event = TestEvent {
        event: "test",
        event_id: id.0.to_string(),
        test: true,
        data: TestView {
            test: true,
            message: "This is a test event of Wharf. Nothing happened on WhatsApp.",
            timestamp: rfc3339(at),
        },
        instance_data: InstanceData::new(instance, token, base_url),
    };
    json(&event, 512)
}
