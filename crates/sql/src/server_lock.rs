use std::future::pending;
use std::time::Duration;

use sea_orm::sqlx::{self, Connection as _, PgConnection};
use sea_orm::{DbErr, RuntimeErr};

use crate::{Config, Error, Result, open};

/// Keeps the locks of servers apart from other locks in the same database.
const CLASS: i32 = 0x77_68_72_66;
/// How long to wait for the lock: PostgreSQL may take a moment to notice that a server has crashed.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause between two tries for the lock.
const RETRY: Duration = Duration::from_millis(100);
/// How often the connection is tried out.
const WATCH: Duration = Duration::from_secs(5);
/// How long the database may take to answer then.
const ANSWER: Duration = Duration::from_secs(10);

/// Holds a PostgreSQL schema: while it lives, and its connection does, no other process can get one for the same
/// schema, from whatever machine.
///
/// A SQLite database has no such lock, since a [`DataDirLock`](crate::DataDirLock) is enough for a file: there it is
/// always had and never lost.
#[derive(Debug)]
pub struct ServerLock {
    connection: Option<PgConnection>,
}

impl ServerLock {
    /// Locks the schema that `config` leads to; fails with [`Error::DatabaseInUse`] when another process holds it.
    pub async fn acquire(config: &Config) -> Result<Self> {
        if !open::is_postgres(&config.url) {
            return Ok(Self { connection: None });
        }
        let mut options = open::postgres_options(config)?;
        if let Some(schema) = &config.schema {
            options = options.options([("search_path", schema)]);
        }
        let connecting = PgConnection::connect_with(&options);
        let connection = tokio::time::timeout(config.connect_timeout, connecting).await;
        let mut connection = connection
            .unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut))
            .map_err(|error| Error::Open(DbErr::Conn(RuntimeErr::SqlxError(error.into()))))?;
        let waited_enough = tokio::time::Instant::now() + PATIENCE;
        while !try_lock(&mut connection).await? {
            if tokio::time::Instant::now() >= waited_enough {
                return Err(Error::DatabaseInUse);
            }
            tokio::time::sleep(RETRY).await;
        }
        Ok(Self { connection: Some(connection) })
    }

    /// Returns once the connection that holds the lock does not answer any more: then another process may have taken
    /// the database over, and this one must stop using it.
    pub async fn lost(&mut self) {
        let Some(connection) = &mut self.connection else { return pending().await };
        loop {
            tokio::time::sleep(WATCH).await;
            if !matches!(tokio::time::timeout(ANSWER, connection.ping()).await, Ok(Ok(()))) {
                return;
            }
        }
    }
}

async fn try_lock(connection: &mut PgConnection) -> Result<bool> {
    // The schema's number, because two schemas of one database are two installations.
    let tried = sqlx::query_scalar(
        "SELECT pg_try_advisory_lock($1, coalesce( \
         (SELECT oid::int4 FROM pg_namespace WHERE nspname = current_schema()), 0))",
    );
    let answer = tried.bind(CLASS).fetch_one(connection).await;
    answer.map_err(|error| Error::Statement(DbErr::Query(RuntimeErr::SqlxError(error.into()))))
}
