//! PostgreSQL for tests: each gets a schema of its own.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::ConnectionTrait as _;

use crate::{Config, Database};

/// Where the tests' PostgreSQL listens unless `WHARF_TEST_POSTGRES_URL` says otherwise.
pub const DEFAULT_POSTGRES_URL: &str = "postgres://postgres@127.0.0.1:5432/test";

/// A PostgreSQL schema that is empty at first and dropped at the end.
#[derive(Debug)]
pub struct PostgresSchema {
    url: String,
    name: String,
}

#[expect(clippy::expect_used, reason = "a failed set-up should panic")]
impl PostgresSchema {
    /// Makes a schema in the tests' database.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wharf_test_{}_{count}", std::process::id());
        let schema = Self { url: postgres_url(), name };
        // One of the same name can only be a leftover of a process that was killed.
        let drop_and_make = format!("{}; CREATE SCHEMA {}", schema.drop_statement(), schema.name);
        execute(&schema.url, &drop_and_make).await.expect("a PostgreSQL for the tests");
        schema
    }

    /// How to open it.
    #[must_use]
    pub fn config(&self) -> Config {
        let mut config = Config::new(&self.url);
        config.schema = Some(self.name.clone());
        config.max_connections = Some(4);
        config
    }

    fn drop_statement(&self) -> String {
        format!("SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS {} CASCADE", self.name)
    }
}

impl Drop for PostgresSchema {
    fn drop(&mut self) {
        let (url, statement) = (self.url.clone(), self.drop_statement());
        // `drop` cannot wait for the runtime it is called on, so it brings its own.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(execute(&url, &statement)).map_err(std::io::Error::other)
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            tracing::warn!(schema = self.name, "a test schema was left behind");
        }
    }
}

async fn execute(url: &str, sql: &str) -> crate::Result<()> {
    let mut config = Config::new(url);
    config.max_connections = Some(1);
    let db = Database::open(&config).await?;
    db.reader().execute_unprepared(sql).await?;
    db.close().await
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration to be given it by")]
fn postgres_url() -> String {
    std::env::var("WHARF_TEST_POSTGRES_URL").unwrap_or_else(|_| DEFAULT_POSTGRES_URL.to_owned())
}
