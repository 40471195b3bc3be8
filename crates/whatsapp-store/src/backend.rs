use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DbBackend, QueryResult, Statement, Value};
use uuid::Uuid;
use wharf_seal::Keyring;
use wharf_sql::{Database, Together};
use zeroize::Zeroizing;

use crate::carrier::{Carrier, Change, Write};
use crate::error::Result;
use crate::known_addresses::KnownAddresses;
use crate::pending::Pending;
use crate::protocol::TcTokenCache;
use crate::sealing::{KeyPart, SealedColumn};
use crate::writes::Writes;

/// How long what is pending waits for a Signal write to take it along.
const REMINDER: Duration = Duration::from_millis(250);
/// The longest pause between attempts to write it while the database fails.
const LONGEST_REMINDER: Duration = Duration::from_secs(30);

/// The store of one instance's session; whatsapp-rust's `Backend`.
///
/// Only one may be in use for an instance at a time: it remembers what it has written.
pub struct SqlBackend {
    pub(crate) db: Database,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) instance: Uuid,
    pub(crate) writes: Arc<Writes>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) carriers: Together<Carrier>,
    pub(crate) writes_through: bool,
    pub(crate) addresses: KnownAddresses,
    pub(crate) tc_tokens: Arc<TcTokenCache>,
}

impl SqlBackend {
    pub(crate) fn backend(&self) -> DbBackend {
        self.db.backend()
    }

    pub(crate) fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    pub(crate) async fn query_one(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<QueryResult>> {
        Ok(self.db.reader().query_one_raw(self.statement(sql, values)).await?)
    }

    pub(crate) async fn query_all(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<QueryResult>> {
        Ok(self.db.reader().query_all_raw(self.statement(sql, values)).await?)
    }

    /// Runs `statements` in one transaction and says how many rows they touched. Once begun it is
    /// seen through, whether or not the caller stays.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<u64> {
        if statements.is_empty() {
            return Ok(0);
        }
        let db = self.db.clone();
        self.writes.see_through(async move { write(&db, statements).await }).await
    }

    pub(crate) async fn write_one(&self, sql: &str, values: Vec<Value>) -> Result<u64> {
        self.write(vec![self.statement(sql, values)]).await
    }

    /// As [`write`](Self::write), for what messages hang on: takes along what is [`Pending`].
    pub(crate) async fn write_signal(&self, change: impl Into<Change>) -> Result<()> {
        let change = change.into();
        if change.len() == 0 { Ok(()) } else { self.carry(change).await }
    }

    /// Writes what is [`Pending`].
    pub(crate) async fn write_pending(&self) -> Result<()> {
        self.carry(Change::Statements(Vec::new())).await
    }

    async fn carry(&self, change: Change) -> Result<()> {
        let turn = self.writes.turn(&self.pending).await?;
        let write = Write { instance: self.instance, change, pending: self.pending.clone() };
        let carriers = self.carriers.clone();
        let write = async move {
            let _turn = turn;
            write.carry(&carriers).await
        };
        self.writes.see_through(write).await
    }

    /// Sees to it that what is pending is written soon, should no Signal write take it along.
    pub(crate) fn remind(&self) {
        if !self.pending.needs_reminder() {
            return;
        }
        let (pending, carriers, instance) =
            (self.pending.clone(), self.carriers.clone(), self.instance);
        tokio::spawn(async move {
            let mut pause = REMINDER;
            loop {
                tokio::time::sleep(pause).await;
                let _turn = pending.turn().await;
                pending.reminded();
                if pending.owed() == 0 {
                    return;
                }
                let Err(error) = write_pending(&carriers, instance, &pending).await else { return };
                // Somebody else has been asked meanwhile, or nobody can write any more.
                if error.is_closed() || !pending.needs_reminder() {
                    return;
                }
                tracing::warn!(%instance, %error, "what a session has put down is not written yet");
                pause = (2 * pause).min(LONGEST_REMINDER);
            }
        });
    }

    pub(crate) async fn write_signal_one(&self, sql: &str, values: Vec<Value>) -> Result<()> {
        self.write_signal(vec![self.statement(sql, values)]).await
    }

    pub(crate) fn seal(
        &self,
        column: &SealedColumn,
        key: &[KeyPart<'_>],
        plaintext: &[u8],
    ) -> Result<Vec<u8>> {
        column.seal(&self.keyring, self.instance, key, plaintext)
    }

    pub(crate) fn open(
        &self,
        column: &SealedColumn,
        key: &[KeyPart<'_>],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        column.open(&self.keyring, self.instance, key, sealed)
    }

    /// Reads the one sealed value `sql` selects, `None` when there is no row.
    pub(crate) async fn query_sealed(
        &self,
        column: &SealedColumn,
        key: &[KeyPart<'_>],
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<Vec<u8>>> {
        let Some(row) = self.query_one(sql, values).await? else { return Ok(None) };
        self.open_plain(column, key, &row.try_get_by_index::<Vec<u8>>(0)?).map(Some)
    }

    /// Opens a value for the library, which wants plain bytes.
    pub(crate) fn open_plain(
        &self,
        column: &SealedColumn,
        key: &[KeyPart<'_>],
        sealed: &[u8],
    ) -> Result<Vec<u8>> {
        Ok(std::mem::take(&mut *self.open(column, key, sealed)?))
    }
}

/// Writes what is `pending` of an instance, whose [turn](Pending::turn) it is.
pub(crate) async fn write_pending(
    carriers: &Together<Carrier>,
    instance: Uuid,
    pending: &Arc<Pending>,
) -> Result<()> {
    let change = Change::Statements(Vec::new());
    Write { instance, change, pending: pending.clone() }.carry(carriers).await
}

/// Runs `statements` in one transaction and says how many rows they touched.
pub(crate) async fn write(db: &Database, mut statements: Vec<Statement>) -> Result<u64> {
    if statements.len() == 1
        && let Some(only) = statements.pop()
    {
        return Ok(db.execute(only).await?.rows_affected());
    }
    db.write(|txn| {
        async move {
            let mut rows = 0;
            for statement in statements {
                rows += txn.execute_raw(statement).await?.rows_affected();
            }
            Ok(rows)
        }
        .boxed()
    })
    .await
}

impl fmt::Debug for SqlBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlBackend").field("instance", &self.instance).finish_non_exhaustive()
    }
}
