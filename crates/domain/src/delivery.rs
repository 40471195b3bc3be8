//! Deliveries: an event on its way to one sink.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use crate::{
    Error, Result, Timestamp,
    event::{Event, EventId, EventKind, Lane},
    instance::InstanceName,
    token::Token,
    webhook::{WebhookId, WebhookLabel, WebhookTarget},
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

/// The line that deliveries to one sink wait in, each for those before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SinkLane {
    /// The sink.
    pub sink: SinkRef,
    /// Its lane.
    pub lane: Lane,
}

/// A delivery that waits, as whoever makes it is given it.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Identifies it.
    pub id: DeliveryId,
    /// Where it goes.
    pub sink: SinkRef,
    /// The line it waits in at its sink.
    pub lane: Lane,
    /// How often it was tried before.
    pub attempts: u32,
    /// How long it has waited between attempts so far, as [`Settlement::Retry`] counted it.
    pub waited: Duration,
    /// What it carries.
    pub event: Event,
}

impl Delivery {
    /// The line it waits in.
    #[must_use]
    pub fn sink_lane(&self) -> SinkLane {
        SinkLane { sink: self.sink, lane: self.lane.clone() }
    }
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

/// A test event for one sink; it is in no log, and marked as what it is.
#[derive(Clone, Debug)]
pub struct Probe<'a> {
    /// The id it goes by.
    pub id: EventId,
    /// When it was made.
    pub at: Timestamp,
    /// The name of the instance.
    pub instance: &'a InstanceName,
    /// The token of the instance, which envelopes carry.
    pub token: &'a Token,
    /// The sink's configuration.
    pub target: &'a WebhookTarget,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The receiver's HTTP status, when it answered.
    pub status: Option<u16>,
    /// How it went.
    pub outcome: Outcome,
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
    /// The receiver refuses this very event (400, 413, 422); trying again seldom helps.
    Refused {
        /// Why, without secrets.
        reason: String,
    },
    /// The receiver wants nothing more, of any event (410).
    Gone {
        /// Why, without secrets.
        reason: String,
    },
    /// It cannot work however often it is tried.
    Failed {
        /// Why, without secrets.
        reason: String,
    },
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done; counts an attempt. The row is kept as long as its event.
    Delivered {
        /// The receiver's status.
        status: Option<u16>,
    },
    /// Wait until `due` and try again; counts an attempt.
    Retry {
        /// When.
        due: Timestamp,
        /// What is added to how long the delivery has waited: none while the sink as a whole was away.
        pause: Duration,
        /// The receiver's status, when it answered.
        status: Option<u16>,
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
        /// The receiver's status, when it answered.
        status: Option<u16>,
        /// Why the last attempt failed.
        reason: String,
    },
    /// The sink is gone; the row may go.
    Dropped,
}

/// What state a delivery is in, as callers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// On its way: waiting, or being tried.
    Pending,
    /// The receiver has it.
    Delivered,
    /// Given up.
    Dead,
    /// It would be on its way if its webhook were not disabled.
    Held,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Dead, Self::Held];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Held => "held",
        }
    }

    /// Reads the API's spelling.
    pub fn parse(raw: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == raw)
            .ok_or(Error::invalid("state", "must be pending, delivered, dead or held"))
    }
}

/// A delivery, as callers are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Identifies it; pages go on from here.
    pub id: DeliveryId,
    /// The event it carries.
    pub event: EventId,
    /// What kind of event that is.
    pub kind: EventKind,
    /// The label of the webhook it goes to.
    pub label: WebhookLabel,
    /// What state it is in.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; only of what is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// The receiver's status at the last attempt, when it answered.
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// Which events are to be delivered once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// These, whatever became of them, and whether or not the webhook asks for their kind.
    Events(Vec<EventId>),
    /// The dead letters, or those of events recorded since then.
    Dead(Option<Timestamp>),
    /// What was recorded since then and is of a kind the webhook asks for.
    Since(Timestamp),
}

/// How many deliveries are in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// The state.
    pub state: DeliveryState,
    /// How many.
    pub count: u64,
    /// When the event of the oldest was recorded.
    pub oldest: Option<Timestamp>,
}
