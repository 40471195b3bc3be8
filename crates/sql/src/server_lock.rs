use std::future::pending;
use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{self, Connection as _, Executor as _, PgConnection};
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
/// The pause between two tries to get a lost lock back.
const REGAIN: Duration = Duration::from_millis(500);

/// Holds a PostgreSQL schema: while it lives, no other process can get one for the same schema, from whatever machine.
///
/// The lock goes with its connection. When that breaks, as it does when the database is restarted, it is taken again, and
/// each holder has left a number in the schema by which it is seen whether somebody else held it meanwhile.
///
/// A SQLite database has no such lock, since a [`DataDirLock`](crate::DataDirLock) is enough for a file: there it is
/// always had and never lost.
#[derive(Debug)]
pub struct ServerLock(Option<Held>);

#[derive(Debug)]
struct Held {
    connection: PgConnection,
    options: PgConnectOptions,
    connect_timeout: Duration,
    /// Which holder this is, counted from the first.
    number: i64,
}

/// What a try to get a lost lock back came to.
enum Tried {
    Regained(PgConnection),
    /// The database does not answer, or still keeps the lock for the connection that broke.
    NotYet,
    SomebodyElses,
}

impl ServerLock {
    /// Locks the schema that `config` leads to; fails with [`Error::DatabaseInUse`] when another process holds it.
    pub async fn acquire(config: &Config) -> Result<Self> {
        if !open::is_postgres(&config.url) {
            return Ok(Self(None));
        }
        let mut options = open::postgres_options(config)?;
        if let Some(schema) = &config.schema {
            options = options.options([("search_path", schema)]);
        }
        let connect_timeout = config.connect_timeout;
        let mut connection = connect(&options, connect_timeout).await.map_err(opening)?;
        let waited_enough = tokio::time::Instant::now() + PATIENCE;
        while !try_lock(&mut connection).await.map_err(statement)? {
            if tokio::time::Instant::now() >= waited_enough {
                return Err(Error::DatabaseInUse);
            }
            tokio::time::sleep(RETRY).await;
        }
        let number = next_number(&mut connection).await.map_err(statement)?;
        Ok(Self(Some(Held { connection, options, connect_timeout, number })))
    }

    /// Returns once another process has taken the database over, and this one must stop using it. Tries to get the lock
    /// back for as long as it takes when only its connection was lost.
    pub async fn lost(&mut self) {
        let Some(held) = &mut self.0 else { return pending().await };
        loop {
            held.connection_lost().await;
            tracing::warn!("the connection that holds the database was lost, taking it again");
            if !held.regain().await {
                return;
            }
            tracing::info!("the database is held again");
        }
    }
}

impl Held {
    async fn connection_lost(&mut self) {
        loop {
            tokio::time::sleep(WATCH).await;
            if !matches!(tokio::time::timeout(ANSWER, self.connection.ping()).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Whether the lock is back; otherwise somebody else has or had it.
    async fn regain(&mut self) -> bool {
        loop {
            match self.try_to_regain().await {
                Ok(Tried::Regained(connection)) => {
                    self.connection = connection;
                    return true;
                }
                Ok(Tried::SomebodyElses) => return false,
                Ok(Tried::NotYet) => {}
                Err(e) => {
                    tracing::debug!(error = &e as &dyn std::error::Error, "not held again yet");
                }
            }
            tokio::time::sleep(REGAIN).await;
        }
    }

    async fn try_to_regain(&self) -> sqlx::Result<Tried> {
        let mut connection = connect(&self.options, self.connect_timeout).await?;
        let attempt = async {
            let is_locked = try_lock(&mut connection).await?;
            // Looked at with the lock in hand, or a new holder might be about to write its number.
            let is_ours = newest_number(&mut connection).await? == self.number;
            Ok((is_locked, is_ours))
        };
        match tokio::time::timeout(ANSWER, attempt).await {
            Ok(Ok((_, false))) => Ok(Tried::SomebodyElses),
            Ok(Ok((true, true))) => Ok(Tried::Regained(connection)),
            Ok(Ok((false, true))) | Err(_) => Ok(Tried::NotYet),
            Ok(Err(e)) => Err(e),
        }
    }
}

async fn connect(options: &PgConnectOptions, limit: Duration) -> sqlx::Result<PgConnection> {
    let connecting = PgConnection::connect_with(options);
    tokio::time::timeout(limit, connecting).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn try_lock(connection: &mut PgConnection) -> sqlx::Result<bool> {
    // The schema's number, because two schemas of one database are two installations.
    let tried = sqlx::query_scalar(
        "SELECT pg_try_advisory_lock($1, coalesce( \
         (SELECT oid::int4 FROM pg_namespace WHERE nspname = current_schema()), 0))",
    );
    tried.bind(CLASS).fetch_one(connection).await
}

/// Not one of the migrations' tables, since the lock comes before they run.
async fn next_number(connection: &mut PgConnection) -> sqlx::Result<i64> {
    connection
        .execute(
            "CREATE TABLE IF NOT EXISTS server_holder \
             (id SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1), number BIGINT NOT NULL)",
        )
        .await?;
    let next = sqlx::query_scalar(
        "INSERT INTO server_holder (id, number) VALUES (1, 1) \
         ON CONFLICT (id) DO UPDATE SET number = server_holder.number + 1 RETURNING number",
    );
    next.fetch_one(connection).await
}

async fn newest_number(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT number FROM server_holder WHERE id = 1").fetch_one(connection).await
}

fn opening(error: sqlx::Error) -> Error {
    Error::Open(DbErr::Conn(RuntimeErr::SqlxError(error.into())))
}

fn statement(error: sqlx::Error) -> Error {
    Error::Statement(DbErr::Query(RuntimeErr::SqlxError(error.into())))
}
