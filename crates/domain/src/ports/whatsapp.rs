use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use super::message_store::HistoricMessage;
use crate::{
    Result, Timestamp,
    address::{Jid, Party, PhoneNumber},
    call::CallUpdate,
    event::{EventKey, Receipt},
    group::GroupChange,
    instance::{InstanceId, Profile},
    label::LabelChange,
    media::{MediaBody, OutgoingMedia},
    message::{Chat, Message, MessageId, Quote},
    pairing::{PairingCode, QrCode},
    proxy::ProxyConfig,
};

/// What a session is started with.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// Whose session.
    pub instance: InstanceId,
    /// The way out. With one set, nothing goes around it.
    pub proxy: Option<ProxyConfig>,
    /// What is taken in of the history the phone offers.
    pub history: History,
    /// Whether to stay visible as online.
    pub keep_online: bool,
}

/// What is taken in of the history a phone offers to a device that is linked anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Nothing; it is not even downloaded.
    Skip,
    /// As much as the phone offers.
    All,
    /// The last so many days.
    Days(u32),
}

/// WhatsApp, as linked devices see it.
#[async_trait]
pub trait WhatsApp: Send + Sync {
    /// Starts a session with the instance's stored keys, or with new ones when it has none, which then asks to be
    /// paired. Returns once the session runs, not once it is connected: what becomes of it is told to `observer`,
    /// last of all its end, exactly once.
    ///
    /// A session is one connection, and the pairing's own reconnect where there is one: it never connects again by
    /// itself. At most one session of an instance may run at a time.
    ///
    /// Fails when the stored keys cannot be read or the request cannot be honoured.
    async fn start(
        &self,
        request: SessionRequest,
        observer: Arc<dyn SessionObserver>,
    ) -> Result<Arc<dyn Session>>;

    /// Whether the instance has the keys of a paired device.
    async fn is_paired(&self, instance: InstanceId) -> Result<bool>;

    /// The phone JIDs of people of whom the LID is known, as far as this instance has learnt them by now. Answers from
    /// what is stored, whether or not a session runs.
    async fn phones(&self, instance: InstanceId, lids: &[Jid]) -> Result<Vec<(Jid, Jid)>>;

    /// Forgets all keys of an instance, in one step. No session of it may run.
    async fn forget(&self, instance: InstanceId) -> Result<()>;
}

/// A running session.
#[async_trait]
pub trait Session: Send + Sync {
    /// Asks for a code that pairs this session with a number, once the socket is up. Asking again while a code is
    /// outstanding gives the same one for the same number.
    ///
    /// Fails with `Refused` when WhatsApp throttles, with `ConnectFailed` when there is no pairing under way.
    async fn pairing_code(&self, number: &PhoneNumber) -> Result<PairingCode>;

    /// Asks WhatsApp which of the forms of a number is registered, if any. The answer may be remembered for a while.
    ///
    /// Fails with `NotConnected` or `NotAcknowledged`.
    async fn look_up(&self, number: &PhoneNumber) -> Result<Option<Party>>;

    /// Sends a message and waits for the server's acknowledgement. Gives the server's time of it.
    ///
    /// Fails with `NotConnected` when nothing was sent, with `Refused` when the server said no, and with
    /// `NotAcknowledged` when it said nothing in time: then a later acknowledgement is told to the observer.
    async fn send(&self, outgoing: &Outgoing) -> Result<Timestamp>;

    /// Encodes a text in the adapter's own encoding, as [`Session::send`] takes it and the store keeps it.
    fn encode_text(&self, text: &str, quote: Option<(&Quote, &Jid, Option<&Bytes>)>) -> Bytes;

    /// Gives the chat of a message what is known of its group: the name, and whether it is a community's. What is not
    /// known yet may be there the next time.
    fn dress(&self, _chat: &mut Chat) {}

    /// Uploads media and encodes the message that carries it, as [`Session::send`] takes it.
    ///
    /// Fails with `NotConnected`, and with `Unavailable` when the media hosts do not take it.
    async fn prepare_media(
        &self,
        media: &OutgoingMedia,
        quote: Option<(&Quote, &Jid, Option<&Bytes>)>,
    ) -> Result<PreparedMedia>;

    /// Downloads and decrypts the media of a message given in the adapter's own encoding; what it gives has been
    /// verified. It goes the session's way out, and in pieces: memory does not grow with the media.
    ///
    /// Fails with `NotFound(Media)` when the message has none or WhatsApp keeps it no more, with `Invalid` when it is
    /// larger than `limit` bytes, and with `Unavailable` otherwise.
    async fn download(&self, raw: &Bytes, limit: u64) -> Result<MediaBody>;

    /// Rejects a call that rings.
    async fn reject_call(&self, call: &IncomingCall) -> Result<()>;

    /// Shows the device as online, or as not. What is set last also counts for the rest of the session.
    async fn set_online(&self, online: bool) -> Result<()>;

    /// Tells the authors that messages of a chat were read; `author` is needed in groups.
    async fn mark_read(&self, chat: &Jid, author: Option<&Jid>, ids: &[MessageId]) -> Result<()>;

    /// Shows "typing…" in a chat, or stops showing it.
    async fn set_typing(&self, chat: &Jid, typing: bool) -> Result<()>;

    /// Unlinks the device at WhatsApp and ends the session. Ends it too when WhatsApp cannot be told.
    async fn log_out(&self) -> Result<()>;

    /// Ends the session after writing out what it holds. Returns when nothing of it runs any more.
    async fn stop(&self);

    /// Ends the session at once, without writing anything more. Returns when nothing of it runs any more.
    async fn abort(&self);
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The id it shall have.
    pub id: MessageId,
    /// The chat.
    pub to: Jid,
    /// The message in the adapter's own encoding.
    pub raw: Bytes,
}

/// Media that has been uploaded, in the message that carries it.
#[derive(Clone, Debug)]
pub struct PreparedMedia {
    /// The message in the adapter's own encoding.
    pub raw: Bytes,
    /// Where WhatsApp keeps the media, encrypted.
    pub url: Option<String>,
}

/// A call that rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingCall {
    /// The call's id.
    pub id: String,
    /// Who calls.
    pub from: Party,
    /// Where the call came from as WhatsApp addresses it, for the answer.
    pub creator: Jid,
    /// Whether it is a call of a group.
    pub is_group: bool,
    /// Whether it is a video call.
    pub is_video: bool,
    /// Since when it rings, by WhatsApp's clock.
    pub timestamp: Timestamp,
}

/// A piece of the history that a phone offered.
#[derive(Clone, Debug)]
pub struct HistoryBatch {
    /// How far the phone is with handing it over, in percent, where it says so.
    pub progress: Option<u32>,
    /// The messages in it, of the days that were asked for.
    pub messages: Vec<HistoricMessage>,
}

/// A message that has been received and decrypted, and is not acknowledged to WhatsApp yet.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// What it is recognised by when WhatsApp delivers it again: chat, sender, id and kind as received.
    pub key: EventKey,
    /// The message.
    pub message: Message,
    /// The same in the adapter's own encoding.
    pub raw: Bytes,
}

/// Who is told what happens in a session. Calls come one after the other, in the order of what happened.
#[async_trait]
pub trait SessionObserver: Send + Sync {
    /// Takes messages over. WhatsApp hears of their receipt only after this has returned `Ok`; an error ends the
    /// session, and WhatsApp delivers them again to the next one. Must not call the session.
    async fn on_inbound(&self, messages: Vec<Inbound>) -> Result<()>;

    /// Takes note of anything else. An error, which only what is recorded may give, ends the session as it does for
    /// messages. Receipts, calls and changes of groups and labels are acknowledged by the library on arrival, so whoever
    /// implements this tries hard.
    async fn on_event(&self, event: SessionEvent) -> Result<()>;

    /// Takes over a piece of the history that the phone offered. WhatsApp does not offer it again, so whoever
    /// implements this tries hard.
    async fn on_history(&self, batch: HistoryBatch) -> Result<()>;

    /// The stored message of that id in the adapter's own encoding, for what can only be understood together with it,
    /// such as votes in a poll.
    async fn recall(&self, id: &MessageId) -> Result<Option<Bytes>>;
}

/// What happens in a session besides messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// There is a new code to scan, for so long.
    Qr {
        /// The code.
        code: QrCode,
        /// How long it is the current one.
        valid_for: Duration,
    },
    /// The pairing code that was asked for was renewed on WhatsApp's demand.
    PairingCodeRenewed(PairingCode),
    /// The phone has accepted the device; the session goes on to connect.
    Paired {
        /// Who that is.
        profile: Profile,
        /// What the phone says it is.
        platform: String,
    },
    /// The pairing failed, and may be tried again in this session as long as it has not ended.
    PairingFailed(String),
    /// The phone scanned the code but cannot link devices.
    ScannedWithoutMultidevice,
    /// Authenticated and ready.
    Connected {
        /// Who we are.
        profile: Profile,
    },
    /// Who we are has changed.
    ProfileChanged(Profile),
    /// A receipt came. `key` tells a repeat.
    Receipt {
        /// What it is recognised by.
        key: EventKey,
        /// The receipt.
        receipt: Receipt,
    },
    /// The server acknowledged, late, a message whose sender has stopped waiting; or refused it.
    LateAck {
        /// The message.
        id: MessageId,
        /// The server's time.
        timestamp: Option<Timestamp>,
        /// The code, when it was refused.
        refused: Option<u16>,
    },
    /// Something about a call. `key` tells a repeat.
    Call {
        /// What it is recognised by.
        key: EventKey,
        /// What happened.
        update: CallUpdate,
        /// The call, when it rings here and may be rejected.
        ringing: Option<IncomingCall>,
    },
    /// Something about a group. `key` tells a repeat.
    Group {
        /// What it is recognised by.
        key: EventKey,
        /// What changed.
        change: GroupChange,
    },
    /// Something about labels. `key` tells a repeat.
    Label {
        /// What it is recognised by.
        key: EventKey,
        /// What changed.
        change: LabelChange,
    },
    /// The server has stopped answering on a connection that is still open.
    KeepaliveTimeout,
    /// The server answers again.
    KeepaliveRestored,
    /// The session is over. Nothing follows.
    Ended(SessionEnd),
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEnd {
    /// It was stopped or aborted by us.
    Stopped,
    /// The connection could not be made: refused, unreachable, proxy trouble.
    Unreachable(String),
    /// The connection broke.
    Lost(String),
    /// The server ended the stream with a code (`429`, `503`, …).
    StreamError(String),
    /// No phone scanned any of the codes.
    PairingExpired,
    /// The device was unlinked: 401, 406, or removed while connected. The keys are worthless.
    LoggedOut(String),
    /// Another connection took over with the same keys.
    Replaced,
    /// Banned for a while (402).
    TempBanned {
        /// WhatsApp's code.
        code: u16,
        /// How long.
        expires_in: Duration,
    },
    /// The login was refused for good (403).
    Banned {
        /// WhatsApp's code.
        code: u16,
        /// WhatsApp's words.
        reason: String,
    },
    /// The login was refused for another reason.
    LoginRefused {
        /// WhatsApp's code.
        code: u16,
        /// WhatsApp's words.
        reason: String,
    },
    /// This version of the protocol is too old (405).
    Outdated,
    /// Our own store or log failed; what was not acknowledged comes again in the next session.
    StoreFailed(String),
}
