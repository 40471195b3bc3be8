use async_trait::async_trait;
use wharf_domain::{Result, ports::HealthCheck};
use wharf_sql::Database;

use crate::{error::Error, statement::Run as _};

/// Whether the database answers.
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
        self.db.reader().one("SELECT id FROM keyring", vec![]).await.map_err(Error::into).map(drop)
    }
}
