use std::collections::HashSet;

use chrono::TimeDelta;
use wharf_domain::{
    Timestamp,
    message::{ChatKind, Content, Direction, MediaKind, StoredMessage},
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
        *metrics.by_type.entry(type_name(&message.content).to_owned()).or_default() += 1;
        if let Content::Media(media) = &message.content {
            metrics.with_media += 1;
            *metrics.by_media.entry(media_name(media.kind).to_owned()).or_default() += 1;
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

fn type_name(content: &Content) -> &str {
    match content {
        Content::Text(_) => "text",
        Content::Media(media) => match media.kind {
            MediaKind::Image => "image",
            MediaKind::Video | MediaKind::VideoNote => "video",
            MediaKind::Audio | MediaKind::VoiceNote => "audio",
            MediaKind::Document => "document",
            MediaKind::Sticker => "sticker",
        },
        Content::Location { .. } => "location",
        Content::Contacts(_) => "contact",
        Content::Reaction { .. } => "reaction",
        Content::ButtonReply { .. } => "buttons_response",
        Content::ListReply { .. } => "list_response",
        Content::Edit { .. } => "message_edit",
        Content::Revoke { .. } => "message_revoke",
        Content::Other(name) => name,
        _ => "unknown",
    }
}

fn media_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Video => "video",
        MediaKind::VideoNote => "ptv",
        MediaKind::Audio => "audio",
        MediaKind::VoiceNote => "ptt",
        MediaKind::Document => "document",
        MediaKind::Sticker => "sticker",
    }
}
