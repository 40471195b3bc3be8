//! The kinds of content and media as the columns hold them for counting, and the names that figures go by, which are
//! those of the events. What a message says is in its body.

use wharf_domain::message::{Content, MediaKind};

/// What is kept of a message's kind.
pub(crate) struct Kinds {
    /// Code of the column `content_kind`.
    pub(crate) content: i16,
    /// The column `content_name`: the protocol's name for what has no code of its own.
    pub(crate) name: Option<String>,
    /// Code of the column `media_kind`.
    pub(crate) media: Option<i16>,
}

/// Code of content that goes by its name.
const OTHER: i16 = 0;
/// Code of media of any kind.
const MEDIA: i16 = 2;

impl Kinds {
    pub(crate) fn of(content: &Content) -> Self {
        let (content, name, media) = match content {
            Content::Text(_) => (1, None, None),
            Content::Media(media) => (MEDIA, None, Some(media_code(media.kind))),
            Content::Location { .. } => (3, None, None),
            Content::Contacts(_) => (4, None, None),
            Content::Reaction { .. } => (5, None, None),
            Content::ButtonReply { .. } => (6, None, None),
            Content::ListReply { .. } => (7, None, None),
            Content::Edit { .. } => (8, None, None),
            Content::Revoke { .. } => (9, None, None),
            Content::FlowReply { .. } => (10, None, None),
            Content::Poll { .. } => (11, None, None),
            Content::PollVote { .. } => (12, None, None),
            Content::Other(name) => (OTHER, Some(name.clone()), None),
            _ => (OTHER, None, None),
        };
        Self { content, name, media }
    }

    /// The name that events have for the type.
    pub(crate) fn type_name(&self) -> &str {
        match (self.content, self.media) {
            (OTHER, _) => self.name.as_deref().unwrap_or("unknown"),
            (1, _) => "text",
            (MEDIA, Some(0)) => "image",
            (MEDIA, Some(1 | 2)) => "video",
            (MEDIA, Some(3 | 4)) => "audio",
            (MEDIA, Some(5)) => "document",
            (MEDIA, Some(6)) => "sticker",
            (3, _) => "location",
            (4, _) => "contact",
            (5, _) => "reaction",
            (6, _) => "buttons_response",
            (7, _) => "list_response",
            (8, _) => "message_edit",
            (9, _) => "message_revoke",
            (10, _) => "interactive",
            (11, _) => "poll",
            (12, _) => "poll_vote",
            _ => "unknown",
        }
    }

    /// The name that events have for the media.
    pub(crate) fn media_name(&self) -> Option<&'static str> {
        self.media.map(|media| match media {
            0 => "image",
            1 => "video",
            2 => "ptv",
            3 => "audio",
            4 => "ptt",
            5 => "document",
            6 => "sticker",
            _ => "unknown",
        })
    }
}

fn media_code(kind: MediaKind) -> i16 {
    match kind {
        MediaKind::Image => 0,
        MediaKind::Video => 1,
        MediaKind::VideoNote => 2,
        MediaKind::Audio => 3,
        MediaKind::VoiceNote => 4,
        MediaKind::Document => 5,
        MediaKind::Sticker => 6,
    }
}
