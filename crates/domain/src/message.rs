//! Messages, received and sent.

use bytes::Bytes;

use crate::{
    Error, Result, Timestamp,
    address::{Jid, Party, Recipient},
};

/// The id a message has on WhatsApp. Chosen by its sender; unique within a chat and sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(String);

impl MessageId {
    /// Accepts 1 to 256 visible ASCII characters.
    pub fn parse(raw: impl Into<String>) -> Result<Self> {
        let raw = raw.into();
        let well_formed =
            (1..=256).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_graphic());
        well_formed
            .then_some(Self(raw))
            .ok_or(Error::invalid("messageId", "must be 1 to 256 visible characters"))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which way a message went, as the owner of the instance sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From somebody else.
    Incoming,
    /// From us: through the API, or typed on another device of the account.
    Outgoing,
}

impl Direction {
    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}

/// What kind of chat a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// Two people.
    Private,
    /// A group.
    Group,
    /// A channel.
    Newsletter,
    /// Everybody's status updates, or a broadcast list.
    Broadcast,
}

impl ChatKind {
    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Newsletter => "newsletter",
            Self::Broadcast => "broadcast",
        }
    }

    /// The kind of chat an address names.
    #[must_use]
    pub fn of(jid: &Jid) -> Self {
        use crate::address::Server;
        match jid.server() {
            Server::Phone | Server::Lid => Self::Private,
            Server::Group => Self::Group,
            Server::Newsletter => Self::Newsletter,
            Server::Broadcast => Self::Broadcast,
        }
    }
}

/// The chat a message belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Who or what it is with; for a group the name is the group's.
    pub party: Party,
    /// What kind of chat it is.
    pub kind: ChatKind,
    /// Whether it is the announcement chat of a community.
    pub is_community: bool,
}

/// What became of a message. The order is the order of progress; a status never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageStatus {
    /// Written, not yet acknowledged by WhatsApp's server.
    Pending,
    /// Refused by WhatsApp's server. A later acknowledgement or receipt proves that wrong.
    Failed,
    /// Acknowledged by WhatsApp's server.
    Sent,
    /// On a device of the recipient.
    Delivered,
    /// Seen.
    Read,
    /// Listened to or watched.
    Played,
}

impl MessageStatus {
    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
        }
    }
}

/// The kind of a piece of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A short round film (`ptv`).
    VideoNote,
    /// A sound file.
    Audio,
    /// A voice note (`ptt`).
    VoiceNote,
    /// Any file.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::VideoNote => "ptv",
            Self::Audio => "audio",
            Self::VoiceNote => "ptt",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }
}

/// A piece of media in a message, still encrypted on WhatsApp's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// Where WhatsApp keeps it, encrypted.
    pub url: Option<String>,
    /// The type its sender gave it.
    pub mime_type: Option<String>,
    /// The name its sender gave it.
    pub file_name: Option<String>,
    /// The text under it.
    pub caption: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its length in seconds.
    pub duration: Option<u32>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// Text.
    Text(String),
    /// Media, with or without a caption.
    Media(Media),
    /// A place.
    Location {
        /// Degrees.
        latitude: f64,
        /// Degrees.
        longitude: f64,
        /// What it is called.
        name: Option<String>,
        /// Where it is, in words.
        address: Option<String>,
    },
    /// Contact cards.
    Contacts(Vec<ContactCard>),
    /// An emoji on another message; `None` takes it back.
    Reaction {
        /// The message reacted to.
        target: MessageId,
        /// The emoji.
        emoji: Option<String>,
    },
    /// The tap on a button.
    ButtonReply {
        /// The button's id.
        id: String,
        /// The button's text.
        text: String,
    },
    /// The pick from a list.
    ListReply {
        /// The row's id.
        id: String,
        /// The row's title.
        title: String,
    },
    /// What was filled in or picked in an interactive message (a native flow).
    FlowReply {
        /// The flow's name in WhatsApp's protocol.
        name: String,
        /// The answer, as JSON text.
        params: String,
        /// What people are shown of it.
        text: String,
    },
    /// A poll.
    Poll {
        /// The question.
        title: String,
        /// The options, in their order.
        options: Vec<String>,
        /// How many may be picked; 0 is any number.
        selectable: u32,
    },
    /// Somebody's picks in a poll, in place of that person's earlier ones.
    PollVote {
        /// The poll.
        target: MessageId,
        /// The options picked; none takes the vote back.
        selected: Vec<String>,
    },
    /// The text of an earlier message was changed.
    Edit {
        /// The message that was changed.
        target: MessageId,
        /// Its new text.
        text: String,
    },
    /// An earlier message was deleted for everyone.
    Revoke {
        /// The message that was deleted.
        target: MessageId,
    },
    /// Something this version gives no details of, by the name WhatsApp's protocol has for it.
    Other(String),
}

/// A contact card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactCard {
    /// The name shown.
    pub display_name: String,
    /// The card itself, RFC 2426.
    pub vcard: String,
}

impl Content {
    /// The contract's name for the kind of message; notes go by the name of what they are notes of.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Media(media) => match media.kind {
                MediaKind::VideoNote => MediaKind::Video.as_str(),
                MediaKind::VoiceNote => MediaKind::Audio.as_str(),
                kind => kind.as_str(),
            },
            Self::Location { .. } => "location",
            Self::Contacts(_) => "contact",
            Self::Reaction { .. } => "reaction",
            Self::ButtonReply { .. } => "buttons_response",
            Self::ListReply { .. } => "list_response",
            Self::FlowReply { .. } => "interactive",
            Self::Poll { .. } => "poll",
            Self::PollVote { .. } => "poll_vote",
            Self::Edit { .. } => "message_edit",
            Self::Revoke { .. } => "message_revoke",
            Self::Other(name) => name,
        }
    }

    /// The words in it: the text, a caption, a name; empty where there are none.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Edit { text, .. } | Self::FlowReply { text, .. } => text,
            Self::Poll { title, .. } => title,
            Self::Media(media) => media.caption.as_deref().unwrap_or_default(),
            Self::Reaction { emoji, .. } => emoji.as_deref().unwrap_or_default(),
            Self::Location { .. }
            | Self::Contacts(_)
            | Self::ButtonReply { .. }
            | Self::ListReply { .. }
            | Self::PollVote { .. }
            | Self::Revoke { .. }
            | Self::Other(_) => "",
        }
    }
}

/// The message another one answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Its id.
    pub message_id: MessageId,
    /// Who wrote it.
    pub author: Option<Jid>,
    /// Its words, as the quoting message repeats them.
    pub text: String,
}

/// A message, as it is told to the instance's sinks and stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id on WhatsApp.
    pub id: MessageId,
    /// Which way it went.
    pub direction: Direction,
    /// When it was sent, by WhatsApp's clock, to the second.
    pub timestamp: Timestamp,
    /// Where.
    pub chat: Chat,
    /// By whom.
    pub sender: Party,
    /// To whom, when it is outgoing.
    pub recipient: Option<Party>,
    /// What it says.
    pub content: Content,
    /// What it answers.
    pub quote: Option<Quote>,
    /// Who is mentioned in it.
    pub mentions: Vec<Jid>,
    /// Whether it was forwarded.
    pub is_forwarded: bool,
    /// The tag the API's caller gave it; `None` when it was not sent through the API.
    pub source: Option<String>,
}

/// A message in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// What became of it.
    pub status: MessageStatus,
    /// WhatsApp's code when it was refused.
    pub failure: Option<u16>,
    /// The message in the WhatsApp adapter's own encoding, for quoting and forwarding; it may hold secrets.
    pub raw: Option<Bytes>,
}

impl StoredMessage {
    /// Whether it is ours, and WhatsApp's server has not acknowledged it as far as is known.
    #[must_use]
    pub fn is_unacknowledged(&self) -> bool {
        self.message.direction == Direction::Outgoing && self.status < MessageStatus::Sent
    }
}

/// A text that a caller wants sent.
#[derive(Clone, Debug)]
pub struct SendText {
    /// To whom.
    pub recipient: Recipient,
    /// The text; not empty.
    pub text: String,
    /// The stored message it answers.
    pub reply_to: Option<MessageId>,
    /// How many seconds to show "typing…" first.
    pub delay: u32,
    /// The caller's tag.
    pub source: String,
}

impl SendText {
    /// The longest text accepted, in characters, which is WhatsApp's own limit.
    pub const MAX_TEXT: usize = 65_536;
    /// The longest typing time accepted, in seconds.
    pub const MAX_DELAY: u32 = 300;

    /// Checks what a caller sent.
    pub fn parse(
        recipient: &str,
        text: String,
        reply_to: Option<&str>,
        delay: Option<i64>,
        source: Option<String>,
    ) -> Result<Self> {
        let recipient = Recipient::parse(recipient)?;
        if text.trim().is_empty() {
            return Err(Error::invalid("message", "must not be empty"));
        }
        if text.chars().count() > Self::MAX_TEXT {
            return Err(Error::invalid("message", "must have at most 65536 characters"));
        }
        let reply_to = parse_reply_to(reply_to)?;
        let (delay, source) = (parse_delay(delay)?, parse_source(source)?);
        Ok(Self { recipient, text, reply_to, delay, source })
    }
}

/// Reads the id of the message to answer; a blank one is none.
pub(crate) fn parse_reply_to(raw: Option<&str>) -> Result<Option<MessageId>> {
    let given = raw.filter(|id| !id.is_empty()).map(|id| {
        MessageId::parse(id).map_err(|_| Error::invalid("replyTo", "is not a message id"))
    });
    given.transpose()
}

/// Reads how many seconds to show "typing…".
pub(crate) fn parse_delay(raw: Option<i64>) -> Result<u32> {
    u32::try_from(raw.unwrap_or(0))
        .ok()
        .filter(|delay| *delay <= SendText::MAX_DELAY)
        .ok_or(Error::invalid("delay", "must be 0 to 300 seconds"))
}

/// Reads the caller's tag; a blank one is `api`.
pub(crate) fn parse_source(raw: Option<String>) -> Result<String> {
    let source = raw.filter(|source| !source.is_empty()).unwrap_or_else(|| "api".to_owned());
    if source.chars().count() > 100 || source.chars().any(char::is_control) {
        return Err(Error::invalid("source", "must have at most 100 plain characters"));
    }
    Ok(source)
}
