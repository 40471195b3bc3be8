//! Decrypted messages that the durability hook has not committed yet.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::{DbBackend, Statement};
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};
use wharf_sql::Database;

use crate::SqlBackend;
use crate::backend::write;
use crate::error::Result;
use crate::health::PoisonUnlessDone;
use crate::key_text::key_hash;
use crate::sealing::{KeyPart, PENDING_INBOUND};
use crate::statement::{insert_rows, joined, over_list, values};

/// As many committed messages as are left for the next write to remove.
const MOST_COMMITTED: usize = 16;

/// Messages that are committed but still buffered: the next message that is buffered removes them in passing, or the end of
/// the backend. Should neither come, they are found once more if they are delivered once more, and the hook knows them.
#[derive(Debug, Default)]
pub(crate) struct Committed(Mutex<Vec<Vec<u8>>>);

impl Committed {
    fn keys(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // Each change is complete by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqlBackend {
    /// Buffers `rows`, all or none. Once begun it is seen through, whether or not the caller stays; unless it succeeds
    /// the backend is poisoned.
    pub(crate) async fn save_pending(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let unless_done = PoisonUnlessDone::new(&self.health);
        let insert = self.pending_statements(rows)?;
        self.health.check_retired()?;
        if insert.is_empty() {
            unless_done.done();
            return Ok(());
        }
        let committed = std::mem::take(&mut *self.committed.keys());
        let remove = self.removal_of(committed.into_iter());
        let db = self.db.clone();
        // Before the task runs, so that no Signal write that begins later gets in between.
        let turn = self.health.pending_write();
        let saving = async move {
            let _turn = turn.await;
            // Dropped before the turn is over: a Signal write that waits must find the backend poisoned.
            let unless_done = unless_done;
            write_in_one(&db, remove, insert).await?;
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
        if self.committed.keys().contains(&key) {
            return Ok(None);
        }
        self.query_sealed(
            &PENDING_INBOUND,
            &[KeyPart::Bytes(&key)],
            "SELECT message FROM wa_pending_inbound WHERE instance_id = $1 AND message_key = $2",
            values![self.instance, key.clone()],
        )
        .await
    }

    /// With the next message that is buffered, or now where there are many.
    pub(crate) async fn remove_pending(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let keys = keys.iter().map(|key| key_hash(&[key.chat, key.sender, key.id]));
        let many = {
            let mut committed = self.committed.keys();
            committed.extend(keys);
            if committed.len() <= MOST_COMMITTED {
                return Ok(());
            }
            std::mem::take(&mut *committed)
        };
        self.write(self.removal_of(many.into_iter())).await.map(drop)
    }

    /// For the end of the backend, where there is a runtime to see it through: no next message will take them along.
    pub(crate) fn clear_committed(&self) {
        let committed = std::mem::take(&mut *self.committed.keys());
        if committed.is_empty() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (db, statements) = (self.db.clone(), self.removal_of(committed.into_iter()));
        self.health.begin(async move { write(&db, statements).await.map(drop) });
    }

    fn removal_of(&self, keys: impl Iterator<Item = Vec<u8>>) -> Vec<Statement> {
        over_list(
            self.backend(),
            "DELETE FROM wa_pending_inbound WHERE instance_id = $1 AND message_key",
            &[self.instance.into()],
            keys.map(Into::into),
        )
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

/// Both in one transaction. A message after another, which is nearly all that is ever written, is one script on SQLite.
async fn write_in_one(db: &Database, remove: Vec<Statement>, insert: Vec<Statement>) -> Result<()> {
    if let ([remove], [insert], DbBackend::Sqlite) = (&*remove, &*insert, db.backend()) {
        db.script(joined(remove, insert)).await?;
        return Ok(());
    }
    write(db, [remove, insert].concat()).await.map(drop)
}
