//! Decrypted messages that the durability hook has not committed yet.

use sea_orm::Value;
use uuid::Uuid;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use wharf_seal::Keyring;

use crate::SqlBackend;
use crate::error::Result;
use crate::key_text::key_hash;
use crate::pending::{Known, Row};
use crate::sealing::{KeyPart, PENDING_INBOUND};
use crate::statement::{Rows, values};

impl SqlBackend {
    /// Buffers `rows` in memory; the next Signal write takes along what is not removed by then.
    pub(crate) async fn save_pending(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let now = wacore::time::now_secs();
        for row in rows {
            self.pending.put(key_hash(&[row.chat, row.sender, row.id]), row.message, now);
        }
        if self.writes_through {
            return self.write_pending().await;
        }
        self.remind();
        Ok(())
    }

    pub(crate) async fn find_pending(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
    ) -> Result<Option<Vec<u8>>> {
        let key = key_hash(&[chat, sender, id]);
        match self.pending.get(&key) {
            Known::Here(message) => return Ok(Some(message)),
            Known::Committed => return Ok(None),
            Known::NotHere => {}
        }
        let stored = self
            .query_sealed(
                &PENDING_INBOUND,
                &[KeyPart::Bytes(&key)],
                "SELECT message FROM wa_pending_inbound WHERE instance_id = $1 AND message_key = $2",
                values![self.instance, key.clone()],
            )
            .await?;
        if stored.is_some() {
            self.pending.found(key, wacore::time::now_secs());
        }
        Ok(stored)
    }

    pub(crate) fn remove_pending(&self, keys: &[PendingInboundKey<'_>]) {
        let keys = keys.iter().map(|key| key_hash(&[key.chat, key.sender, key.id]));
        self.pending.remove(keys);
        self.remind();
    }

    pub(crate) async fn remove_pending_before(&self, cutoff: i64) -> Result<u64> {
        let kept = self.pending.remove_before(cutoff);
        let stored = self
            .write_one(
                "DELETE FROM wa_pending_inbound WHERE instance_id = $1 AND stored_at < $2",
                values![self.instance, cutoff],
            )
            .await?;
        Ok(stored + kept as u64)
    }
}

pub(crate) fn pending_row(keyring: &Keyring, instance: Uuid, row: &Row) -> Result<Vec<Value>> {
    let key = [KeyPart::Bytes(&row.key)];
    let sealed = PENDING_INBOUND.seal(keyring, instance, &key, &row.message)?;
    Ok(values![instance, row.key.clone(), sealed, row.stored_at])
}

impl Rows {
    /// For [`pending_row`]s.
    pub(crate) fn of_pending() -> Self {
        Self::new(
            "wa_pending_inbound (instance_id, message_key, message, stored_at)",
            "ON CONFLICT (instance_id, message_key)
             DO UPDATE SET message = excluded.message, stored_at = excluded.stored_at",
            [],
        )
    }
}
