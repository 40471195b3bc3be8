//! A message as a row.

use bytes::Bytes;
use sea_orm::{QueryResult, Value};
use uuid::Uuid;
use wharf_domain::{
    instance::InstanceId,
    message::{ChatKind, Direction, Message, MessageStatus, StoredMessage},
};
use wharf_seal::Keyring;

use crate::{
    encoding,
    error::{Error, Result},
    message_kinds::Kinds,
    micros,
    sealing::{Column, SealedTable},
    statement,
};

const BODY: Column = Column::new("message", "body");
const RAW: Column = Column::new("message", "raw");

pub(crate) const SEALED: SealedTable = SealedTable {
    name: "message",
    key: &["instance_id", "message_id", "chat", "sender"],
    also: &[],
    columns: &[BODY, RAW],
    sealed_for,
};

/// The columns in the order of [`values`].
pub(crate) const INSERT_INTO: &str = "INSERT INTO message (instance_id, message_id, chat, sender, \
    direction, chat_kind, content_kind, content_name, media_kind, has_sender_name, status, \
    sent_at, body, raw)";

/// How many values [`values`] gives.
pub(crate) const COLUMNS: usize = 14;

/// All that is read of a row.
pub(crate) const SELECT: &str = "SELECT instance_id, message_id, chat, sender, status, failure, \
    sent_at, body, raw FROM message";

/// The direction of what we sent, for statements.
pub(crate) const OUTGOING: i16 = 1;

/// What identifies a message within its instance: WhatsApp's ids are unique within a chat and sender only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageKey {
    pub(crate) id: String,
    pub(crate) chat: String,
    pub(crate) sender: String,
}

impl MessageKey {
    pub(crate) fn of(message: &Message) -> Self {
        Self {
            id: message.id.to_string(),
            chat: message.chat.party.jid.to_string(),
            sender: message.sender.jid.to_string(),
        }
    }

    /// What its cells are sealed for. None of the parts may contain a line feed.
    fn sealed_for(&self, instance: Uuid) -> Vec<u8> {
        let text = format!("{}\n{}\n{}", self.id, self.chat, self.sender);
        [instance.as_bytes(), text.as_bytes()].concat()
    }
}

/// The values of a row, encoded and sealed.
pub(crate) fn values(
    keyring: &Keyring,
    instance: InstanceId,
    message: &Message,
    raw: Option<&Bytes>,
    status: MessageStatus,
) -> Result<Vec<Value>> {
    let key = MessageKey::of(message);
    let sealed_for = key.sealed_for(instance.0);
    let body = BODY.seal(keyring, &sealed_for, &encoding::encode_message(message)?)?;
    let raw = raw.map(|raw| RAW.seal(keyring, &sealed_for, raw)).transpose()?;
    let direction: i16 = match message.direction {
        Direction::Incoming => 0,
        Direction::Outgoing => OUTGOING,
    };
    let kinds = Kinds::of(&message.content);
    Ok(statement::values![
        instance.0,
        key.id,
        key.chat,
        key.sender,
        direction,
        chat_code(message.chat.kind),
        kinds.content,
        kinds.name,
        kinds.media,
        message.sender.name.is_some(),
        status_code(status),
        micros::from_time(message.timestamp),
        body,
        raw,
    ])
}

/// Reads what [`SELECT`] gives.
pub(crate) fn read(keyring: &Keyring, row: &QueryResult) -> Result<StoredMessage> {
    let sealed_for = sealed_for(row)?;
    let body: Vec<u8> = row.try_get("", "body")?;
    let mut message = encoding::decode_message(&BODY.open(keyring, &sealed_for, &body)?)?;
    message.timestamp = micros::to_time(row.try_get("", "sent_at")?)?;
    let failure: Option<i32> = row.try_get("", "failure")?;
    Ok(StoredMessage {
        message,
        status: read_status(row.try_get("", "status")?)?,
        failure: failure
            .map(u16::try_from)
            .transpose()
            .map_err(|_| Error::nonsense("failure code"))?,
        raw: read_raw(keyring, row)?,
    })
}

/// Reads the message alone, from a row with its key and body.
pub(crate) fn read_message(keyring: &Keyring, row: &QueryResult) -> Result<Message> {
    let body: Vec<u8> = row.try_get("", "body")?;
    encoding::decode_message(&BODY.open(keyring, &sealed_for(row)?, &body)?)
}

/// Reads the adapter's encoding alone, from a row with its key and `raw`.
pub(crate) fn read_raw(keyring: &Keyring, row: &QueryResult) -> Result<Option<Bytes>> {
    let raw: Option<Vec<u8>> = row.try_get("", "raw")?;
    let Some(raw) = raw else { return Ok(None) };
    Ok(Some(Bytes::copy_from_slice(&RAW.open(keyring, &sealed_for(row)?, &raw)?)))
}

fn sealed_for(row: &QueryResult) -> Result<Vec<u8>> {
    let key = MessageKey {
        id: row.try_get("", "message_id")?,
        chat: row.try_get("", "chat")?,
        sender: row.try_get("", "sender")?,
    };
    Ok(key.sealed_for(row.try_get("", "instance_id")?))
}

/// In the order of progress, so that statements can compare.
pub(crate) fn status_code(status: MessageStatus) -> i16 {
    match status {
        MessageStatus::Pending => 0,
        MessageStatus::Failed => 1,
        MessageStatus::Sent => 2,
        MessageStatus::Delivered => 3,
        MessageStatus::Read => 4,
        MessageStatus::Played => 5,
    }
}

pub(crate) fn read_status(code: i16) -> Result<MessageStatus> {
    Ok(match code {
        0 => MessageStatus::Pending,
        1 => MessageStatus::Failed,
        2 => MessageStatus::Sent,
        3 => MessageStatus::Delivered,
        4 => MessageStatus::Read,
        5 => MessageStatus::Played,
        _ => return Err(Error::nonsense("message status")),
    })
}

pub(crate) fn chat_code(kind: ChatKind) -> i16 {
    match kind {
        ChatKind::Private => 0,
        ChatKind::Group => 1,
        ChatKind::Newsletter => 2,
        ChatKind::Broadcast => 3,
    }
}
