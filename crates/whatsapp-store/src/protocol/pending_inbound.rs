//! Decrypted messages that the durability hook has not committed yet.

use std::collections::BTreeMap;

use sea_orm::Statement;
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};

use crate::SqlBackend;
use crate::backend::write;
use crate::error::Result;
use crate::health::PoisonUnlessDone;
use crate::key_text::key_hash;
use crate::sealing::{KeyPart, PENDING_INBOUND};
use crate::statement::{insert_rows, over_list, values};

impl SqlBackend {
    /// Buffers `rows`, all or none. Once begun it is seen through, whether or not the caller stays; unless it succeeds
    /// the backend is poisoned.
    pub(crate) async fn save_pending(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let unless_done = PoisonUnlessDone::new(&self.health);
        let statements = self.pending_statements(rows)?;
        self.health.check_retired()?;
        let db = self.db.clone();
        // Before the task runs, so that no Signal write that begins later gets in between.
        let turn = self.health.pending_write();
        let saving = async move {
            let _turn = turn.await;
            // Dropped before the turn is over: a Signal write that waits must find the backend poisoned.
            let unless_done = unless_done;
            if !statements.is_empty() {
                write(&db, statements).await?;
            }
            unless_done.done();
            Ok(())
        };
        let saved = self.health.see_through(saving).await;
        if let Err(error) = &saved {
            tracing::error!(instance = %self.instance, %error, "an inbound message was not buffered");
        }
        saved
    }

    pub(crate) async fn find_pending(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
    ) -> Result<Option<Vec<u8>>> {
        let key = key_hash(&[chat, sender, id]);
        self.query_sealed(
            &PENDING_INBOUND,
            &[KeyPart::Bytes(&key)],
            "SELECT message FROM wa_pending_inbound WHERE instance_id = $1 AND message_key = $2",
            values![self.instance, key.clone()],
        )
        .await
    }

    pub(crate) async fn remove_pending(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        self.write(over_list(
            self.backend(),
            "DELETE FROM wa_pending_inbound WHERE instance_id = $1 AND message_key",
            &[self.instance.into()],
            keys.iter().map(|key| key_hash(&[key.chat, key.sender, key.id]).into()),
        ))
        .await
        .map(drop)
    }

    pub(crate) async fn remove_pending_before(&self, cutoff: i64) -> Result<u64> {
        self.write_one(
            "DELETE FROM wa_pending_inbound WHERE instance_id = $1 AND stored_at < $2",
            values![self.instance, cutoff],
        )
        .await
    }

    fn pending_statements(&self, rows: &[PendingInboundRow<'_>]) -> Result<Vec<Statement>> {
        let now = wacore::time::now_secs();
        let rows: BTreeMap<_, &[u8]> = rows
            .iter()
            .map(|row| (key_hash(&[row.chat, row.sender, row.id]), row.message))
            .collect();
        let mut sealed_rows = Vec::with_capacity(rows.len());
        for (key, message) in rows {
            let sealed = self.seal(&PENDING_INBOUND, &[KeyPart::Bytes(&key)], message)?;
            sealed_rows.push(values![self.instance, key, sealed, now]);
        }
        Ok(insert_rows(
            self.backend(),
            "wa_pending_inbound (instance_id, message_key, message, stored_at)",
            "ON CONFLICT (instance_id, message_key)
             DO UPDATE SET message = excluded.message, stored_at = excluded.stored_at",
            sealed_rows,
        ))
    }
}
