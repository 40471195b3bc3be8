//! Appends as they are asked for.

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};
use sea_orm::DatabaseTransaction;
use wharf_domain::{instance::InstanceId, ports::Appended};
use wharf_seal::Keyring;
use wharf_sql::Work;

use super::{append::append, prepared::Prepared};
use crate::error::{Error, Result};

/// Events of one instance that are appended together, all or none.
pub(super) struct Batch {
    pub(super) instance: InstanceId,
    pub(super) events: Vec<Prepared>,
}

/// Writes appends, of however many instances at once.
pub(super) struct Appender {
    pub(super) keyring: Arc<Keyring>,
}

impl Work for Appender {
    type Request = Batch;
    /// `None` where there is no such instance.
    type Answer = Option<Vec<Appended>>;
    type Error = Error;

    fn weight(batch: &Batch) -> usize {
        batch.events.len()
    }

    fn carry_out<'a>(
        &'a self,
        txn: &'a DatabaseTransaction,
        batches: &'a [Batch],
    ) -> BoxFuture<'a, Result<Vec<Option<Vec<Appended>>>>> {
        append(txn, &self.keyring, batches).boxed()
    }
}
