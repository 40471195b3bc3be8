//! The spellings callers compare with.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{
    event::{EventFilter, EventKind},
    state::ConnectionState,
};

/// The state of an instance's link to WhatsApp.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// No connection, and none being made.
    Disconnected,
    /// A connection or a pairing is under way.
    Connecting,
    /// Connected.
    Connected,
    /// The device was unlinked; only a new pairing helps.
    LoggedOut,
    /// WhatsApp has banned the account.
    Banned,
}

impl From<ConnectionState> for StateName {
    fn from(state: ConnectionState) -> Self {
        match state {
            ConnectionState::Disconnected => Self::Disconnected,
            ConnectionState::Connecting => Self::Connecting,
            ConnectionState::Connected => Self::Connected,
            ConnectionState::LoggedOut => Self::LoggedOut,
            ConnectionState::Banned => Self::Banned,
        }
    }
}

/// How others see an instance.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PresenceName {
    /// Online.
    Available,
    /// Not online.
    Unavailable,
}

/// The kinds of events.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub enum EventName {
    /// A message was received or sent.
    #[serde(rename = "message.exchange")]
    MessageExchange,
    /// A message was delivered, read, played.
    #[serde(rename = "message.status")]
    MessageStatus,
    /// Something about a call.
    #[serde(rename = "call.update")]
    CallUpdate,
    /// Something about a group.
    #[serde(rename = "group.flow")]
    GroupFlow,
    /// Something about the link with WhatsApp.
    #[serde(rename = "instance.state")]
    InstanceState,
    /// Something about labels.
    #[serde(rename = "label.update")]
    LabelUpdate,
}

impl From<EventKind> for EventName {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::MessageExchange => Self::MessageExchange,
            EventKind::MessageStatus => Self::MessageStatus,
            EventKind::CallUpdate => Self::CallUpdate,
            EventKind::GroupFlow => Self::GroupFlow,
            EventKind::InstanceState => Self::InstanceState,
            EventKind::LabelUpdate => Self::LabelUpdate,
        }
    }
}

pub(crate) fn event_names(filter: &EventFilter) -> Vec<EventName> {
    filter.kinds().iter().copied().map(EventName::from).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::to_value;

    use super::*;

    #[test]
    fn names_are_the_ones_the_inside_reads() {
        for kind in EventKind::ALL {
            assert_eq!(to_value(EventName::from(kind)).unwrap(), kind.as_str());
        }
        for state in [
            ConnectionState::Disconnected,
            ConnectionState::Connecting,
            ConnectionState::Connected,
            ConnectionState::LoggedOut,
            ConnectionState::Banned,
        ] {
            assert_eq!(to_value(StateName::from(state)).unwrap(), state.as_str());
        }
    }
}
