use std::collections::HashSet;

use chrono::TimeDelta;
use wharf_domain::{
    Timestamp,
    message::{ChatKind, Content, Direction, StoredMessage},
    metrics::Metrics,
};

/// The figures of these messages as of `now`.
pub(super) fn of<'a>(messages: impl Iterator<Item = &'a StoredMessage>, now: Timestamp) -> Metrics {
    let mut metrics = Metrics::default();
    let mut chats = HashSet::new();
    for StoredMessage { message, status, .. } in messages {
        metrics.total += 1;
        match message.direction {
            Direction::Incoming => metrics.received += 1,
            Direction::Outgoing => {
                metrics.sent += 1;
                *metrics.by_status.entry(*status).or_default() += 1;
            }
        }
        match message.chat.kind {
            ChatKind::Group => metrics.in_groups += 1,
            ChatKind::Private => metrics.in_private += 1,
            ChatKind::Newsletter | ChatKind::Broadcast => {}
        }
        *metrics.by_type.entry(message.content.type_name().to_owned()).or_default() += 1;
        if let Content::Media(media) = &message.content {
            metrics.with_media += 1;
            *metrics.by_media.entry(media.kind.as_str().to_owned()).or_default() += 1;
        }
        if chats.insert(&message.chat.party.jid) {
            metrics.chats += 1;
            metrics.groups += u64::from(message.chat.kind == ChatKind::Group);
            metrics.contacts += u64::from(message.chat.kind == ChatKind::Private);
        }
        let sent_at = message.timestamp;
        metrics.last_7_days += u64::from(sent_at >= now - TimeDelta::days(7));
        metrics.last_30_days += u64::from(sent_at >= now - TimeDelta::days(30));
        metrics.first_at = Some(metrics.first_at.map_or(sent_at, |first| first.min(sent_at)));
        metrics.last_at = metrics.last_at.max(Some(sent_at));
    }
    metrics
}
