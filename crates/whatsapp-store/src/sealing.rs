//! Which columns are sealed, and how the place of each value is named.

use sea_orm::{QueryResult, Value};
use uuid::Uuid;
use wharf_seal::{Keyring, Place};
use zeroize::Zeroizing;

use crate::error::Result;

/// A column whose values are sealed, and the columns that name a row of it within its instance.
pub(crate) struct SealedColumn {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) key: &'static [KeyColumn],
}

/// A column of a row's key, by the type of its values.
#[derive(Clone, Copy)]
pub(crate) enum KeyColumn {
    Text(&'static str),
    Bytes(&'static str),
    Number(&'static str),
}

/// One part of a row's key.
#[derive(Clone, Copy)]
pub(crate) enum KeyPart<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Number(i64),
}

use KeyColumn::{Bytes, Number, Text};

const fn sealed(
    table: &'static str,
    column: &'static str,
    key: &'static [KeyColumn],
) -> SealedColumn {
    SealedColumn { table, column, key }
}

pub(crate) const DEVICE: SealedColumn = sealed("wa_device", "device", &[]);
pub(crate) const SESSION: SealedColumn = sealed("wa_session", "record", &[Text("address")]);
pub(crate) const PREKEY: SealedColumn = sealed("wa_prekey", "record", &[Number("id")]);
pub(crate) const SIGNED_PREKEY: SealedColumn =
    sealed("wa_signed_prekey", "record", &[Number("id")]);
pub(crate) const SENDER_KEY: SealedColumn = sealed("wa_sender_key", "record", &[Text("address")]);
pub(crate) const SYNC_KEY: SealedColumn = sealed("wa_sync_key", "sync_key", &[Bytes("key_id")]);
/// Holds the message secret of what was sent.
pub(crate) const SENT_MESSAGE: SealedColumn =
    sealed("wa_sent_message", "payload", &[Text("chat"), Text("message_id")]);
/// Holds the message secret of what was received.
pub(crate) const PENDING_INBOUND: SealedColumn =
    sealed("wa_pending_inbound", "message", &[Bytes("message_key")]);
pub(crate) const MSG_SECRET: SealedColumn =
    sealed("wa_msg_secret", "secret", &[Text("chat"), Text("sender"), Text("message_id")]);

/// Every sealed column.
pub(crate) const ALL: &[SealedColumn] = &[
    DEVICE,
    SESSION,
    PREKEY,
    SIGNED_PREKEY,
    SENDER_KEY,
    SYNC_KEY,
    SENT_MESSAGE,
    PENDING_INBOUND,
    MSG_SECRET,
];

impl SealedColumn {
    pub(crate) fn seal(
        &self,
        keyring: &Keyring,
        instance: Uuid,
        key: &[KeyPart<'_>],
        plaintext: &[u8],
    ) -> Result<Vec<u8>> {
        let row = row(instance, key);
        Ok(keyring.seal(&Place::new(self.table, self.column, &row), plaintext)?)
    }

    pub(crate) fn open(
        &self,
        keyring: &Keyring,
        instance: Uuid,
        key: &[KeyPart<'_>],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let row = row(instance, key);
        Ok(keyring.open(&Place::new(self.table, self.column, &row), sealed)?)
    }

    /// Seals with the newest data key what was sealed with an older one.
    pub(crate) fn reseal(
        &self,
        keyring: &Keyring,
        instance: Uuid,
        key: &[KeyPart<'_>],
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let row = row(instance, key);
        Ok(keyring.reseal(&Place::new(self.table, self.column, &row), sealed)?)
    }
}

impl KeyColumn {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Text(name) | Bytes(name) | Number(name) => name,
        }
    }

    /// The value of this column in `row`.
    pub(crate) fn read(self, row: &QueryResult) -> Result<Value> {
        Ok(match self {
            Text(name) => row.try_get::<String>("", name)?.into(),
            Bytes(name) => row.try_get::<Vec<u8>>("", name)?.into(),
            Number(name) => row.try_get::<i64>("", name)?.into(),
        })
    }
}

impl<'a> KeyPart<'a> {
    /// The same part as it is bound to a statement; `None` for a value that is no part of a key.
    pub(crate) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::String(Some(text)) => Some(Self::Text(text)),
            Value::Bytes(Some(bytes)) => Some(Self::Bytes(bytes)),
            Value::BigInt(Some(number)) => Some(Self::Number(*number)),
            _ => None,
        }
    }
}

/// Names a row: the instance and the parts of the key, each led by its length, so that no two rows
/// have the same name.
fn row(instance: Uuid, key: &[KeyPart<'_>]) -> Vec<u8> {
    let mut row = instance.as_bytes().to_vec();
    for part in key {
        let number;
        let bytes = match part {
            KeyPart::Text(text) => text.as_bytes(),
            KeyPart::Bytes(bytes) => bytes,
            KeyPart::Number(n) => {
                number = n.to_be_bytes();
                &number[..]
            }
        };
        row.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        row.extend_from_slice(bytes);
    }
    row
}
