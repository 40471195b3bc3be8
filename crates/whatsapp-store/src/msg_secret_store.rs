use async_trait::async_trait;
use sea_orm::Value;
use uuid::Uuid;
use wacore::store::error::Result;
use wacore::store::traits::{MsgSecretEntry, MsgSecretStore};
use wharf_seal::Keyring;

use crate::SqlBackend;
use crate::error::Error;
use crate::key_text::key_text;
use crate::sealing::{KeyPart, MSG_SECRET};
use crate::statement::{Rows, values};

/// How many secrets may wait in memory.
const MOST_SECRETS: usize = 1_000;

#[async_trait]
impl MsgSecretStore for SqlBackend {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let count = entries.len();
        for entry in entries {
            self.pending.put_secret(entry);
        }
        // A history comes with thousands: whoever brings it is not to be faster than the database.
        if self.pending.secrets() > MOST_SECRETS {
            self.write_pending().await?;
        }
        self.remind();
        Ok(count)
    }

    async fn get_msg_secret(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<Vec<u8>>> {
        let found = self.get_msg_secret_with_ts(chat, sender, msg_id).await?;
        Ok(found.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<(Vec<u8>, i64)>> {
        if self.pending.has_secret(chat, sender, msg_id) {
            // Whatever is known of it already is in the database.
            self.write_pending().await?;
        }
        let (chat, sender, msg_id) = (&*key_text(chat), &*key_text(sender), &*key_text(msg_id));
        let row = self
            .query_one(
                "SELECT secret, message_ts FROM wa_msg_secret
                 WHERE instance_id = $1 AND chat = $2 AND sender = $3 AND message_id = $4",
                values![self.instance, chat, sender, msg_id],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let sealed: Vec<u8> = row.try_get_by_index(0).map_err(Error::from)?;
        let message_ts: i64 = row.try_get_by_index(1).map_err(Error::from)?;
        let secret = self.open_plain(&MSG_SECRET, &key(chat, sender, msg_id), &sealed)?;
        Ok(Some((secret, message_ts)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.write_pending().await?;
        let removed = self
            .write_one(
                "DELETE FROM wa_msg_secret
                 WHERE instance_id = $1 AND expires_at <> 0 AND expires_at <= $2",
                values![self.instance, cutoff_timestamp],
            )
            .await?;
        Ok(u32::try_from(removed).unwrap_or(u32::MAX))
    }
}

fn key<'a>(chat: &'a str, sender: &'a str, id: &'a str) -> [KeyPart<'a>; 3] {
    [KeyPart::Text(chat), KeyPart::Text(sender), KeyPart::Text(id)]
}

pub(crate) fn secret_row(
    keyring: &Keyring,
    instance: Uuid,
    entry: &MsgSecretEntry,
) -> crate::error::Result<Vec<Value>> {
    // Peers choose the id, and a history names chats and senders as it likes.
    let (chat, sender, id) =
        (&*key_text(&entry.chat), &*key_text(&entry.sender), &*key_text(&entry.msg_id));
    let sealed = MSG_SECRET.seal(keyring, instance, &key(chat, sender, id), &entry.secret)?;
    Ok(values![instance, chat, sender, id, sealed, entry.expires_at, entry.message_ts])
}

impl Rows {
    /// For [`secret_row`]s.
    pub(crate) fn of_secrets() -> Self {
        // As `merge_msg_secret_expiry` (0 is never) and `merge_msg_secret_message_ts` do.
        Self::new(
            "wa_msg_secret
             (instance_id, chat, sender, message_id, secret, expires_at, message_ts)",
            "ON CONFLICT (instance_id, chat, sender, message_id) DO UPDATE SET
             secret = excluded.secret,
             expires_at = CASE
                 WHEN wa_msg_secret.expires_at = 0 OR excluded.expires_at = 0 THEN 0
                 WHEN wa_msg_secret.expires_at > excluded.expires_at
                     THEN wa_msg_secret.expires_at
                 ELSE excluded.expires_at END,
             message_ts = CASE
                 WHEN wa_msg_secret.message_ts > excluded.message_ts
                     THEN wa_msg_secret.message_ts
                 ELSE excluded.message_ts END",
            [],
        )
    }
}
