//! Figures, as API answers show them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use wharf_domain::{message::MessageStatus, metrics::Metrics};

use crate::rfc3339;

/// Figures of the stored messages of an instance, or of several together.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsView {
    /// The names that were asked for.
    #[schema(example = "sales,support")]
    pub instance: String,
    /// All messages.
    pub total_messages: u64,
    /// Incoming ones.
    pub messages_received: u64,
    /// Outgoing ones.
    pub messages_sent: u64,
    /// By what they are: `text`, `image`, …
    pub messages_by_type: BTreeMap<String, u64>,
    /// In groups.
    pub group_messages: u64,
    /// In private chats.
    pub individual_messages: u64,
    /// With media.
    pub messages_with_media: u64,
    /// By what media it is: `image`, `ptt`, …
    pub media_by_type: BTreeMap<String, u64>,
    /// Outgoing ones by what became of them.
    pub messages_by_status: StatusCounts,
    /// Chats of whichever kind.
    pub unique_chats: u64,
    /// Groups among them.
    pub unique_groups: u64,
    /// People among them.
    pub unique_contacts: u64,
    /// In the seven days before now.
    #[serde(rename = "messagesLast7Days")]
    pub messages_last_7_days: u64,
    /// In the thirty days before now.
    #[serde(rename = "messagesLast30Days")]
    pub messages_last_30_days: u64,
    /// When the first was sent, RFC 3339.
    pub first_message_at: Option<String>,
    /// When the last was sent, RFC 3339.
    pub last_message_at: Option<String>,
}

/// How many messages have each status; all six are always there.
#[derive(Serialize, ToSchema)]
pub struct StatusCounts {
    /// Not yet acknowledged by WhatsApp's server.
    pub pending: u64,
    /// Acknowledged by WhatsApp's server.
    pub sent: u64,
    /// On a device of the recipient.
    pub delivered: u64,
    /// Seen.
    pub read: u64,
    /// Listened to or watched.
    pub played: u64,
    /// Refused by WhatsApp's server.
    pub failed: u64,
}

impl MetricsView {
    /// Shows figures under the names they were asked for by.
    #[must_use]
    pub fn new(instance: String, metrics: Metrics) -> Self {
        let of = |status| metrics.by_status.get(&status).copied().unwrap_or_default();
        Self {
            instance,
            messages_by_status: StatusCounts {
                pending: of(MessageStatus::Pending),
                sent: of(MessageStatus::Sent),
                delivered: of(MessageStatus::Delivered),
                read: of(MessageStatus::Read),
                played: of(MessageStatus::Played),
                failed: of(MessageStatus::Failed),
            },
            total_messages: metrics.total,
            messages_received: metrics.received,
            messages_sent: metrics.sent,
            messages_by_type: metrics.by_type,
            group_messages: metrics.in_groups,
            individual_messages: metrics.in_private,
            messages_with_media: metrics.with_media,
            media_by_type: metrics.by_media,
            unique_chats: metrics.chats,
            unique_groups: metrics.groups,
            unique_contacts: metrics.contacts,
            messages_last_7_days: metrics.last_7_days,
            messages_last_30_days: metrics.last_30_days,
            first_message_at: metrics.first_at.map(rfc3339),
            last_message_at: metrics.last_at.map(rfc3339),
        }
    }
}
