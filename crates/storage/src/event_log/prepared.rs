use sea_orm::{QueryResult, Value};
use uuid::Uuid;
use wharf_domain::{
    event::{Event, EventBody, EventId, EventKind, NewEvent, Receipt, ReceiptKind},
    instance::InstanceId,
    message::{Direction, MessageStatus},
};
use wharf_seal::Keyring;

use crate::{
    encoding,
    error::{Error, Result},
    message_row::{self, MessageKey},
    micros,
    sealing::{Column, SealedTable},
};

/// Where an event's body is sealed, for the row of its id.
pub(crate) const EVENT_BODY: Column = Column::new("event", "body");

pub(crate) const SEALED: SealedTable = SealedTable {
    name: "event",
    key: &["id"],
    also: &[],
    columns: &[EVENT_BODY],
    sealed_for: |row| Ok(row.try_get::<Uuid>("", "id")?.as_bytes().to_vec()),
};

/// An event that is encoded and sealed, so that little is left to do while the transaction is open.
pub(super) struct Prepared {
    pub(super) id: Uuid,
    pub(super) key: Option<String>,
    pub(super) kind: EventKind,
    pub(super) lane: String,
    pub(super) recorded_at: i64,
    pub(super) effect: Effect,
    /// Where there is media that its deliveries may wait for.
    pub(super) media: Option<Media>,
    pub(super) body: Vec<u8>,
}

/// Media of an event that is to be brought into the instance's bucket.
pub(super) struct Media {
    pub(super) message: MessageKey,
    pub(super) sent_at: i64,
    /// Until when deliveries are held for it.
    pub(super) until: i64,
}

/// What an event does to messages.
pub(super) enum Effect {
    None,
    /// The message is written, with its cells.
    Message(MessageKey, Vec<Value>),
    /// The messages of these ids come to a status.
    Progress(MessageStatus, Vec<String>),
}

impl Prepared {
    pub(super) fn new(keyring: &Keyring, instance: InstanceId, event: &NewEvent) -> Result<Self> {
        let id = event.id.0;
        let body = encoding::encode_event(&event.body)?;
        Ok(Self {
            id,
            key: event.key.as_ref().map(|key| key.0.clone()),
            kind: event.body.kind(),
            lane: event.body.lane().0,
            recorded_at: micros::from_time(event.recorded_at),
            effect: effect(keyring, instance, event)?,
            media: media(event),
            body: EVENT_BODY.seal(keyring, id.as_bytes(), &body)?,
        })
    }

    /// How large its body is.
    pub(super) fn size(&self) -> i64 {
        i64::try_from(self.body.len()).unwrap_or(i64::MAX)
    }
}

fn effect(keyring: &Keyring, instance: InstanceId, event: &NewEvent) -> Result<Effect, Error> {
    Ok(match &event.body {
        EventBody::Message(message) => {
            let status = match message.direction {
                // It is on a device of its recipient: ours.
                Direction::Incoming => MessageStatus::Delivered,
                Direction::Outgoing => MessageStatus::Sent,
            };
            let raw = event.raw.as_ref();
            let cells = message_row::values(keyring, instance, message, raw, status)?;
            Effect::Message(MessageKey::of(message), cells)
        }
        EventBody::Receipt(receipt) => progress(receipt),
        _ => Effect::None,
    })
}

fn media(event: &NewEvent) -> Option<Media> {
    let EventBody::Message(message) = &event.body else { return None };
    Some(Media {
        message: MessageKey::of(message),
        sent_at: micros::from_time(message.timestamp),
        until: micros::from_time(event.media_until?),
    })
}

fn progress(receipt: &Receipt) -> Effect {
    let status = match receipt.kind {
        ReceiptKind::Delivered | ReceiptKind::Inactive => MessageStatus::Delivered,
        ReceiptKind::Read => MessageStatus::Read,
        ReceiptKind::Played => MessageStatus::Played,
        ReceiptKind::Sender
        | ReceiptKind::ReadSelf
        | ReceiptKind::PlayedSelf
        | ReceiptKind::Retry
        | ReceiptKind::ServerError => return Effect::None,
    };
    Effect::Progress(status, receipt.message_ids.iter().map(ToString::to_string).collect())
}

pub(crate) fn kind_code(kind: EventKind) -> i16 {
    match kind {
        EventKind::MessageExchange => 0,
        EventKind::MessageStatus => 1,
        EventKind::CallUpdate => 2,
        EventKind::GroupFlow => 3,
        EventKind::InstanceState => 4,
        EventKind::LabelUpdate => 5,
    }
}

pub(crate) fn read_kind(code: i16) -> Result<EventKind> {
    let kind = EventKind::ALL.into_iter().find(|kind| kind_code(*kind) == code);
    kind.ok_or(Error::nonsense("event kind"))
}

/// An event as a row of the log, still sealed.
pub(crate) struct StoredEvent {
    id: Uuid,
    instance: Uuid,
    sequence: i64,
    recorded_at: i64,
    body: Vec<u8>,
}

impl StoredEvent {
    /// Reads the columns of the same names.
    pub(crate) fn read(row: &QueryResult) -> Result<Self> {
        Ok(Self {
            id: row.try_get("", "id")?,
            instance: row.try_get("", "instance_id")?,
            sequence: row.try_get("", "sequence")?,
            recorded_at: row.try_get("", "recorded_at")?,
            body: row.try_get("", "body")?,
        })
    }

    pub(crate) fn open(self, keyring: &Keyring) -> Result<Event> {
        let body = EVENT_BODY.open(keyring, self.id.as_bytes(), &self.body)?;
        Ok(Event {
            id: EventId(self.id),
            instance: InstanceId(self.instance),
            sequence: self.sequence,
            recorded_at: micros::to_time(self.recorded_at)?,
            body: encoding::decode_event(&body)?,
        })
    }
}
