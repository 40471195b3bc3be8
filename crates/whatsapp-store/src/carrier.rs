//! Writes of Signal state, and what they carry along.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Statement, Value};
use uuid::Uuid;
use wharf_seal::Keyring;
use wharf_sql::{Together, Work};

use crate::error::{Error, Result};
use crate::msg_secret_store::secret_row;
use crate::pending::{Pending, Taken};
use crate::protocol::pending_row;
use crate::statement::{Rows, delete_pairs};

/// What is to be written for an instance.
pub(crate) enum Change {
    Rows(Rows),
    Statements(Vec<Statement>),
}

impl Change {
    /// As many rows or statements.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.len(),
            Self::Statements(statements) => statements.len(),
        }
    }
}

impl From<Rows> for Change {
    fn from(rows: Rows) -> Self {
        Self::Rows(rows)
    }
}

impl From<Vec<Statement>> for Change {
    fn from(statements: Vec<Statement>) -> Self {
        Self::Statements(statements)
    }
}

/// A write of one instance.
pub(crate) struct Write {
    pub(crate) instance: Uuid,
    pub(crate) change: Change,
    pub(crate) pending: Arc<Pending>,
}

impl Write {
    /// Has it done, together with others; in a [turn](Pending::turn) of its own.
    pub(crate) async fn carry(self, carriers: &Together<Carrier>) -> Result<()> {
        let pending = self.pending.clone();
        let taken = carriers.ask(self).await?;
        pending.stored(&taken);
        Ok(())
    }
}

/// Writes Signal state, of however many instances at once; each with what is pending of its instance, so that no ratchet is
/// saved without the message that it was moved by.
pub(crate) struct Carrier {
    pub(crate) keyring: Arc<Keyring>,
}

impl Work for Carrier {
    type Request = Write;
    type Answer = Taken;
    type Error = Error;

    fn weight(write: &Write) -> usize {
        write.change.len() + write.pending.owed()
    }

    fn carry_out<'a>(
        &'a self,
        txn: &'a DatabaseTransaction,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<Taken>>> {
        self.write(txn, writes).boxed()
    }
}

impl Carrier {
    async fn write(&self, txn: &DatabaseTransaction, writes: &[Write]) -> Result<Vec<Taken>> {
        let backend = txn.get_database_backend();
        // As late as can be, for the sake of whatever is put down while this waits for its turn.
        let taken: Vec<_> = writes.iter().map(|write| write.pending.take()).collect();
        let mut committed: Vec<[Value; 2]> = Vec::new();
        let mut rows = vec![Rows::of_pending(), Rows::of_secrets()];
        for (Write { instance, .. }, taken) in writes.iter().zip(&taken) {
            committed
                .extend(taken.committed.iter().map(|key| [(*instance).into(), key.clone().into()]));
            for row in &taken.messages {
                rows[0].push(pending_row(&self.keyring, *instance, row)?);
            }
            for entry in &taken.secrets {
                rows[1].push(secret_row(&self.keyring, *instance, entry)?);
            }
        }
        let mut others = Vec::new();
        for write in writes {
            match &write.change {
                Change::Rows(change) => match rows.iter_mut().find(|rows| rows.is_like(change)) {
                    Some(rows) => rows.append(change),
                    None => rows.push(change.clone()),
                },
                Change::Statements(statements) => others.extend(statements.iter().cloned()),
            }
        }
        let table = "wa_pending_inbound";
        let deletions = delete_pairs(backend, table, ["instance_id", "message_key"], &committed);
        let insertions = rows.iter().flat_map(|rows| rows.statements(backend));
        for statement in deletions.into_iter().chain(insertions).chain(others) {
            txn.execute_raw(statement).await?;
        }
        Ok(taken)
    }
}
