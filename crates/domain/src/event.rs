//! Events: what happens to an instance, as its sinks are told.

use uuid::Uuid;

use crate::{
    Error, Result, Timestamp,
    address::{Jid, Party, Server},
    call::CallUpdate,
    group::GroupChange,
    instance::InstanceId,
    label::{LabelAction, LabelChange},
    message::{Chat, Message, MessageId},
    state::StateChange,
};

/// Identifies an event on every channel, every retry and every replay. A UUIDv7, so ids sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub Uuid);

impl EventId {
    /// The moment in the id, to the millisecond.
    #[must_use]
    pub fn moment(self) -> Timestamp {
        // The first 48 of 128 bits.
        let millis = self.0.as_u128() >> 80;
        // 48 bits of milliseconds are more years than a `Timestamp` has.
        i64::try_from(millis).ok().and_then(Timestamp::from_timestamp_millis).unwrap_or_default()
    }
}

/// The six kinds of events that sinks know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A message was received or sent.
    MessageExchange,
    /// A message was delivered, read, played.
    MessageStatus,
    /// Something about a call.
    CallUpdate,
    /// Something about a group.
    GroupFlow,
    /// Something about the link with WhatsApp.
    InstanceState,
    /// Something about labels.
    LabelUpdate,
}

impl EventKind {
    /// Every kind, in the contract's order.
    pub const ALL: [Self; 6] = [
        Self::MessageExchange,
        Self::MessageStatus,
        Self::CallUpdate,
        Self::GroupFlow,
        Self::InstanceState,
        Self::LabelUpdate,
    ];

    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessageExchange => "message.exchange",
            Self::MessageStatus => "message.status",
            Self::CallUpdate => "call.update",
            Self::GroupFlow => "group.flow",
            Self::InstanceState => "instance.state",
            Self::LabelUpdate => "label.update",
        }
    }

    /// Reads the contract's spelling.
    pub fn parse(raw: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw).ok_or_else(|| {
            let valid: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            let shown: String = raw.chars().take(100).collect();
            Error::invalid(
                "events",
                format!("Unknown event: {shown}. Valid events: {}", valid.join(", ")),
            )
        })
    }
}

/// Which kinds of events a sink wants, in the caller's order. Empty is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter(Vec<EventKind>);

impl EventFilter {
    /// Reads the contract's spellings; repeats count once.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut kinds = Vec::new();
        for name in names {
            let kind = EventKind::parse(name)?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Ok(Self(kinds))
    }

    /// Whether a kind passes.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.0.is_empty() || self.0.contains(&kind)
    }

    /// The kinds as they were given; empty is all of them.
    #[must_use]
    pub fn kinds(&self) -> &[EventKind] {
        &self.0
    }
}

/// The kinds of receipts WhatsApp knows, spelled as the contract does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceiptKind {
    /// On a device of the recipient.
    Delivered,
    /// Seen.
    Read,
    /// Listened to or watched.
    Played,
    /// One of our own devices sent it.
    Sender,
    /// Seen on another device of ours.
    ReadSelf,
    /// Played on another device of ours.
    PlayedSelf,
    /// The recipient could not decrypt it and asks for it again.
    Retry,
    /// Delivered to a device that is not in use.
    Inactive,
    /// The server could not deliver it.
    ServerError,
}

impl ReceiptKind {
    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Sender => "sender",
            Self::ReadSelf => "read_self",
            Self::PlayedSelf => "played_self",
            Self::Retry => "retry",
            Self::Inactive => "inactive",
            Self::ServerError => "server_error",
        }
    }
}

/// A receipt for one or more messages of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// What it says.
    pub kind: ReceiptKind,
    /// Which messages it speaks of.
    pub message_ids: Vec<MessageId>,
    /// Where they are.
    pub chat: Chat,
    /// Who gave it.
    pub from: Party,
    /// Who wrote the messages, where the receipt says so (groups).
    pub author: Option<Jid>,
    /// When, by WhatsApp's clock.
    pub timestamp: Timestamp,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventBody {
    /// A message was received or sent.
    Message(Box<Message>),
    /// A receipt came.
    Receipt(Receipt),
    /// The link changed.
    State(StateChange),
    /// Something about a call.
    Call(CallUpdate),
    /// Something about a group.
    Group(GroupChange),
    /// Something about a label.
    Label(LabelChange),
}

impl EventBody {
    /// The kind sinks filter by.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Message(_) => EventKind::MessageExchange,
            Self::Receipt(_) => EventKind::MessageStatus,
            Self::State(_) => EventKind::InstanceState,
            Self::Call(_) => EventKind::CallUpdate,
            Self::Group(_) => EventKind::GroupFlow,
            Self::Label(_) => EventKind::LabelUpdate,
        }
    }

    /// Which lane the event waits in: events of one lane reach a sink in order, lanes do not wait for each other.
    /// All that concerns a chat shares one, calls and changes of a group too; so do all changes of the link, and all
    /// changes of labels themselves.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Message(message) => Lane(message.chat.party.jid.to_string()),
            Self::Receipt(receipt) => Lane(receipt.chat.party.jid.to_string()),
            Self::Call(call) => Lane(call.group.as_ref().unwrap_or(&call.from.jid).to_string()),
            Self::Group(change) => Lane(change.group.jid.to_string()),
            Self::Label(LabelChange { action: LabelAction::Chat { chat, .. }, .. }) => {
                Lane(chat.jid.to_string())
            }
            Self::Label(_) => Lane("labels".to_owned()),
            Self::State(_) => Lane(String::new()),
        }
    }

    /// The people in it of whom only the LID is known.
    pub fn hidden(&mut self) -> impl Iterator<Item = &mut Party> {
        self.parties().into_iter().filter(|party| party.jid.server() == Server::Lid)
    }

    fn parties(&mut self) -> Vec<&mut Party> {
        match self {
            Self::Message(message) => {
                let Message { chat, sender, recipient, .. } = &mut **message;
                [&mut chat.party, sender].into_iter().chain(recipient).collect()
            }
            Self::Receipt(receipt) => vec![&mut receipt.chat.party, &mut receipt.from],
            Self::Call(call) => vec![&mut call.from],
            Self::Group(change) => {
                change.author.iter_mut().chain(&mut change.participants).collect()
            }
            Self::Label(LabelChange { action: LabelAction::Chat { chat, .. }, .. }) => vec![chat],
            Self::Label(_) | Self::State(_) => Vec::new(),
        }
    }
}

/// A line of events that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub String);

impl Lane {
    /// The lane in which an event is delivered once more: its own, so it neither waits for its chat nor holds it back.
    #[must_use]
    pub fn of_replay(event: EventId) -> Self {
        Self(format!("replay|{}", event.0))
    }
}

/// What makes an event the same event when WhatsApp delivers it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventKey(pub String);

/// An event that is not yet in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Its id, should it turn out to be new.
    pub id: EventId,
    /// When we learnt of it.
    pub recorded_at: Timestamp,
    /// What it is recognised by; `None` is always new.
    pub key: Option<EventKey>,
    /// What happened.
    pub body: EventBody,
    /// A message in the WhatsApp adapter's own encoding, to be stored with it.
    pub raw: Option<bytes::Bytes>,
    /// Until when its deliveries may be held for its media: set where there is media to be fetched.
    pub media_until: Option<Timestamp>,
}

/// An event of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Whose it is.
    pub instance: InstanceId,
    /// Its place in the instance's log; grows without gaps being promised.
    pub sequence: i64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What happened.
    pub body: EventBody,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_filter_wants_everything_and_others_what_they_name() {
        assert!(EventFilter::default().wants(EventKind::LabelUpdate));
        let filter =
            EventFilter::parse(["call.update", "message.exchange", "call.update"]).unwrap();
        assert_eq!(filter.kinds(), [EventKind::CallUpdate, EventKind::MessageExchange]);
        assert!(!filter.wants(EventKind::LabelUpdate));
    }

    #[test]
    fn an_unknown_event_is_refused_with_the_list_of_known_ones() {
        let refusal = EventFilter::parse(["message.gone"]).unwrap_err().to_string();
        assert!(
            refusal.contains("Unknown event: message.gone. Valid events: message.exchange, "),
            "{refusal}"
        );
    }
}
