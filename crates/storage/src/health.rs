use async_trait::async_trait;
use wharf_domain::{Result, ports::HealthCheck};
use wharf_sql::Database;

use crate::{error, statement::Run as _};

/// Whether the database answers, and its writer too.
#[derive(Clone, Debug)]
pub struct DatabaseHealth {
    db: Database,
}

impl DatabaseHealth {
    /// Watches over `db`.
    #[must_use]
    pub fn new(db: Database) -> Self {
        Self { db }
    }
}

#[async_trait]
impl HealthCheck for DatabaseHealth {
    fn name(&self) -> &'static str {
        "db"
    }

    async fn check(&self) -> Result<()> {
        // A table of ours, so that a database that answers but was emptied is not called well.
        self.db.reader().one("SELECT id FROM keyring", vec![]).await?;
        // Stands in line behind everybody who writes.
        let written: error::Result<()> = self.db.write(|_| Box::pin(async { Ok(()) })).await;
        Ok(written?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sea_orm::{
        ConnectionTrait as _, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
    };
    use wharf_migrations::Migrator;
    use wharf_sql::Config;

    use super::*;

    #[tokio::test]
    async fn a_database_that_can_only_be_read_is_not_well() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("wharf.db").display());
        let mut config = Config::new(&url);
        config.busy_timeout = Duration::from_millis(50);
        let db = Database::open(&config).await.unwrap();
        db.migrate::<Migrator>().await.unwrap();
        let health = DatabaseHealth::new(db.clone());
        health.check().await.unwrap();

        // Somebody else writes and does not end.
        let other = sea_orm::Database::connect(&url).await.unwrap();
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let writing = other.begin_with_options(immediate).await.unwrap();
        db.reader().execute_unprepared("SELECT id FROM keyring").await.unwrap();
        health.check().await.unwrap_err();

        writing.rollback().await.unwrap();
        health.check().await.unwrap();
    }
}
