//! An instance's WebSocket channel.

use crate::event::EventFilter;

/// How the WebSocket of an instance is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// Whether clients may attach.
    pub enabled: bool,
    /// Which events they get.
    pub events: EventFilter,
    /// Whether media comes along as base64.
    pub media_base64: bool,
}
