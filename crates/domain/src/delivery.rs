//! Deliveries: an event on its way to one sink.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use crate::{
    Timestamp,
    event::{Event, Lane},
    instance::InstanceName,
    token::Token,
    webhook::{WebhookId, WebhookTarget},
};

/// Identifies one delivery: one event to one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub Uuid);

/// The sink a delivery goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SinkRef {
    /// A webhook of the event's instance.
    Webhook(WebhookId),
}

/// A delivery that a deliverer has claimed.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Identifies it.
    pub id: DeliveryId,
    /// Where it goes.
    pub sink: SinkRef,
    /// The line it waits in.
    pub lane: Lane,
    /// How often it was tried before.
    pub attempts: u32,
    /// What it carries.
    pub event: Event,
}

/// A delivery ready to go out: with the instance and the sink as they are now.
#[derive(Clone, Debug)]
pub struct Dispatch<'a> {
    /// The event.
    pub event: &'a Event,
    /// The name of its instance.
    pub instance: &'a InstanceName,
    /// The token of its instance, which envelopes carry.
    pub token: &'a Token,
    /// The sink's configuration.
    pub target: &'a WebhookTarget,
    /// What can be told of its media beyond the message itself.
    pub media: Option<&'a MediaCopy>,
}

/// Where the media of an event can be had, as told to one sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaCopy {
    /// A URL of the instance's bucket.
    pub s3_url: Option<String>,
    /// Why there is no such URL although the instance has a bucket.
    pub s3_error: Option<String>,
    /// The media itself, for a sink that wants it along.
    pub bytes: Option<Bytes>,
    /// Why the media itself is not along although the sink wants it.
    pub bytes_error: Option<String>,
}

/// How a sink says an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It did not work this time; try again, not before the given pause where the receiver named one.
    Retry {
        /// Why, without secrets.
        reason: String,
        /// What the receiver asked for.
        after: Option<Duration>,
    },
    /// It cannot work however often it is tried.
    Failed {
        /// Why, without secrets.
        reason: String,
    },
}

/// What becomes of a claimed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done; the row may go.
    Delivered,
    /// Wait until `due` and try again; counts an attempt.
    Retry {
        /// When.
        due: Timestamp,
        /// Why the attempt failed.
        reason: String,
    },
    /// Wait until `due` and go on then; no attempt was made, and none is counted.
    Postponed {
        /// When.
        due: Timestamp,
    },
    /// A dead letter: kept, listed, replayed on request; its lane goes on without it.
    Dead {
        /// Why the last attempt failed.
        reason: String,
    },
    /// The sink is gone or disabled; the row may go.
    Dropped,
}
