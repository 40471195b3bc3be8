use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::{
    ConnectOptions, DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector,
    SqlxSqliteConnector,
};

use crate::config::{Config, Observed};
use crate::{Error, Result};

/// Prepared statements kept a connection. Multi-row statements differ by their number of rows, and
/// each kept one costs some kilobytes.
const STATEMENT_CACHE: usize = 64;
/// The same for the one connection that writes to SQLite, on which all sessions and deliveries meet: to prepare a
/// statement costs more than to run it.
const WRITER_STATEMENT_CACHE: usize = 192;

/// The connections to a SQLite database.
pub(crate) struct Sqlite {
    pub(crate) writer: SqliteWriter,
    pub(crate) reader: DatabaseConnection,
    pub(crate) in_memory: bool,
}

/// The one connection that writes.
pub(crate) struct SqliteWriter {
    pub(crate) connection: DatabaseConnection,
    /// How many transactions of it were rolled back, by us or by SQLite itself.
    pub(crate) rollbacks: Arc<AtomicU64>,
}

pub(crate) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

pub(crate) fn postgres_options(config: &Config) -> Result<PgConnectOptions> {
    Ok(PgConnectOptions::from_str(&config.url)
        .map_err(url_error)?
        .application_name("wharf")
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging())
}

pub(crate) async fn postgres(config: &Config) -> Result<DatabaseConnection> {
    let options = postgres_options(config)?;
    // The parsed options are swapped in behind sea-orm's back, because it prints the URL it is
    // given, password and all, in errors and trace spans.
    let mut pool = ConnectOptions::new("postgres://");
    pool.map_sqlx_postgres_opts(move |_| options.clone())
        .sqlx_logging(false)
        .max_connections(config.max_connections.unwrap_or(10).max(1))
        .acquire_timeout(config.connect_timeout)
        // A connection that lies idle this long may have died unnoticed.
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(30));
    if let Some(schema) = &config.schema {
        pool.set_schema_search_path(schema);
    }
    let connection = SqlxPostgresConnector::connect(pool).await.map_err(Error::Open)?;
    Ok(observed(connection, config))
}

pub(crate) async fn sqlite(config: &Config) -> Result<Sqlite> {
    let in_memory = config.url.contains(":memory:") || config.url.contains("mode=memory");
    let options = sqlite_options(config)?;
    let writer_options = options
        .clone()
        // Turning to WAL is a write, so only this connection asks for it.
        .journal_mode(if in_memory { SqliteJournalMode::Memory } else { SqliteJournalMode::Wal })
        .pragma("journal_size_limit", "33554432")
        // 8 MB of log between checkpoints: the pages that every write touches are put in their places once for many writes, and
        // those that wait meanwhile do not wait for long.
        .pragma("wal_autocheckpoint", "2000")
        // What a savepoint would have to put back is small, and a file of its own for it is not.
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(WRITER_STATEMENT_CACHE)
        // Enough for the pages at which a busy server's tables and indexes grow: to read them anew costs more than the write.
        .pragma("cache_size", "-8192");
    let rollbacks = Arc::new(AtomicU64::new(0));
    let connection = connect_sqlite(config, writer_options, 1, Some(rollbacks.clone())).await?;
    let connection = observed(connection, config);
    let writer = SqliteWriter { connection, rollbacks };
    if in_memory {
        // Every further connection would see a database of its own.
        return Ok(Sqlite { reader: writer.connection.clone(), writer, in_memory });
    }
    let reader_options = options.pragma("query_only", "ON").pragma("cache_size", "-512");
    let readers = config.max_connections.unwrap_or(4).saturating_sub(1).max(1);
    let reader = observed(connect_sqlite(config, reader_options, readers, None).await?, config);
    Ok(Sqlite { writer, reader, in_memory })
}

fn sqlite_options(config: &Config) -> Result<SqliteConnectOptions> {
    let options = if config.url.starts_with("sqlite:") {
        SqliteConnectOptions::from_str(&config.url).map_err(url_error)?
    } else if config.url.contains("://") {
        return Err(Error::Url(None));
    } else {
        SqliteConnectOptions::new().filename(&config.url)
    };
    Ok(options
        .create_if_missing(true)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(config.busy_timeout)
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging())
}

async fn connect_sqlite(
    config: &Config,
    options: SqliteConnectOptions,
    connections: u32,
    rollbacks: Option<Arc<AtomicU64>>,
) -> Result<DatabaseConnection> {
    let mut pool = ConnectOptions::new("sqlite::memory:");
    pool.map_sqlx_sqlite_opts(move |_| options.clone())
        .sqlx_logging(false)
        .min_connections(1)
        .max_connections(connections)
        .acquire_timeout(config.connect_timeout)
        .test_before_acquire(false)
        // A file does not hang up, and an in-memory database is gone with its connection.
        .max_lifetime(None::<Duration>);
    if connections == 1 {
        pool.idle_timeout(None::<Duration>);
    }
    if let Some(rollbacks) = rollbacks {
        pool.map_sqlx_sqlite_pool_opts(move |options| counting(options, rollbacks.clone()));
    }
    SqlxSqliteConnector::connect(pool).await.map_err(Error::Open)
}

/// Counts the rollbacks of whichever connection the pool makes.
fn counting(options: SqlitePoolOptions, rollbacks: Arc<AtomicU64>) -> SqlitePoolOptions {
    options.after_connect(move |connection, _| {
        let rollbacks = rollbacks.clone();
        async move {
            connection.lock_handle().await?.set_rollback_hook(move || {
                rollbacks.fetch_add(1, Ordering::SeqCst);
            });
            Ok(())
        }
        .boxed()
    })
}

fn observed(mut connection: DatabaseConnection, config: &Config) -> DatabaseConnection {
    if let Some(observer) = config.observer.clone() {
        connection.set_metric_callback(move |info| {
            observer(Observed {
                sql: &info.statement.sql,
                elapsed: info.elapsed,
                failed: info.failed,
            });
        });
    }
    connection
}

fn url_error(error: sea_orm::sqlx::Error) -> Error {
    Error::Url(Some(DbErr::Conn(RuntimeErr::SqlxError(error.into()))))
}
