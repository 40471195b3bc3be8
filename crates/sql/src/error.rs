use std::io;
use std::path::PathBuf;

use sea_orm::DbErr;

/// Why the database did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a SQLite path or URL nor a PostgreSQL URL. The text is left out: it may hold a password.
    #[error("the database URL is not one of SQLite or PostgreSQL")]
    Url(#[source] Option<DbErr>),
    /// The database could not be opened.
    #[error("the database could not be opened")]
    Open(#[source] DbErr),
    /// A statement failed.
    #[error("a database statement failed")]
    Statement(#[from] DbErr),
    /// The transaction did not begin or did not commit; nothing of it remains.
    #[error("the transaction was not committed")]
    NotCommitted(#[source] DbErr),
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// The schema has a migration this program does not know.
    #[error("the database schema is newer than this program: it has migration `{0}`")]
    NewerSchema(String),
    /// Another process uses the data directory.
    #[error("data directory `{}` is in use{}", .path.display(), .holder.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    DataDirInUse {
        /// The data directory.
        path: PathBuf,
        /// The process that holds it, where it could be told.
        holder: Option<u32>,
    },
    /// Another server uses the database.
    #[error("the database is in use by another server")]
    DatabaseInUse,
    /// The lock file of the data directory could not be made.
    #[error("data directory `{}` cannot be locked", .path.display())]
    DataDirLock {
        /// The data directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// The database's own error, where there is one; for instance to ask it for `sql_err()`.
    #[must_use]
    pub fn database(&self) -> Option<&DbErr> {
        match self {
            Self::Open(error) | Self::Statement(error) | Self::NotCommitted(error) => Some(error),
            Self::Url(error) => error.as_ref(),
            _ => None,
        }
    }
}
