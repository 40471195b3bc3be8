//! Decrypted messages that the durability hook has not committed yet.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, Statement};
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};

use crate::SqlBackend;
use crate::error::{Error, Result};
use crate::sealing::{KeyPart, PENDING_INBOUND};
use crate::statement::{insert_rows, over_rows, values};

fn key<'a>(chat: &'a str, sender: &'a str, id: &'a str) -> [KeyPart<'a>; 3] {
    [KeyPart::Text(chat), KeyPart::Text(sender), KeyPart::Text(id)]
}

impl SqlBackend {
    /// Buffers `rows`, all or none; on failure the backend is poisoned.
    pub(crate) async fn save_pending(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let _turn = self.health.pending_write().await?;
        let saved = match self.pending_statements(rows) {
            Ok(statements) => self.run_pending(statements).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &saved {
            self.health.poison();
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
        self.query_sealed(
            &PENDING_INBOUND,
            &key(chat, sender, id),
            "SELECT message FROM wa_pending_inbound
             WHERE instance_id = $1 AND chat = $2 AND sender = $3 AND message_id = $4",
            values![self.instance, chat, sender, id],
        )
        .await
    }

    pub(crate) async fn remove_pending(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        self.write(over_rows(
            self.backend(),
            "DELETE FROM wa_pending_inbound
             WHERE instance_id = $1 AND (chat, sender, message_id)",
            &[self.instance.into()],
            keys.iter().map(|key| values![key.chat, key.sender, key.id]),
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
        let rows: BTreeMap<_, &[u8]> =
            rows.iter().map(|row| ((row.chat, row.sender, row.id), row.message)).collect();
        let mut sealed_rows = Vec::with_capacity(rows.len());
        for ((chat, sender, id), message) in rows {
            let sealed = self.seal(&PENDING_INBOUND, &key(chat, sender, id), message)?;
            sealed_rows.push(values![self.instance, chat, sender, id, sealed, now]);
        }
        Ok(insert_rows(
            self.backend(),
            "wa_pending_inbound (instance_id, chat, sender, message_id, message, stored_at)",
            "ON CONFLICT (instance_id, chat, sender, message_id)
             DO UPDATE SET message = excluded.message, stored_at = excluded.stored_at",
            sealed_rows,
        ))
    }

    async fn run_pending(&self, statements: Vec<Statement>) -> Result<()> {
        let health = self.health.clone();
        self.db
            .write(|txn| {
                async move {
                    for statement in statements {
                        if let Err(error) = txn.execute_raw(statement).await {
                            // At once, for the caller may have gone away.
                            health.poison();
                            return Err(Error::from(error));
                        }
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}
