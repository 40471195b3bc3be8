use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend};
use sea_orm_migration::MigratorTrait;

use crate::{Database, Error, Result};

/// Any number will do, as long as every Wharf process takes the same one.
const MIGRATION_LOCK: i64 = 0x77_68_61_72_66;

impl Database {
    /// Applies the migrations of `M` that are missing: all of them, or on failure none.
    ///
    /// Fails with [`Error::NewerSchema`], and changes nothing, when the database has one that `M`
    /// does not know. Several processes may do this at once.
    pub async fn migrate<M: MigratorTrait>(&self) -> Result<()> {
        self.write(|txn| {
            async move {
                if txn.get_database_backend() == DbBackend::Postgres {
                    let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
                    txn.execute_unprepared(&lock).await?;
                }
                refuse_newer_schema::<M>(txn).await?;
                Ok(M::up(txn, None).await?)
            }
            .boxed()
        })
        .await
    }
}

async fn refuse_newer_schema<M: MigratorTrait>(txn: &DatabaseTransaction) -> Result<()> {
    let known = M::migrations();
    let unknown = M::get_migration_models(txn)
        .await?
        .into_iter()
        .map(|applied| applied.version)
        .find(|applied| !known.iter().any(|migration| migration.name() == applied));
    unknown.map_or(Ok(()), |version| Err(Error::NewerSchema(version)))
}
