use sea_orm::{DbErr, SqlErr};
use wharf_domain::Resource;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not succeed, before it crosses the port.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The answer is no, in the port's own words.
    #[error("refused")]
    Refused(#[source] wharf_domain::Error),
    #[error("the database failed")]
    Database(#[from] wharf_sql::Error),
    #[error("`{column}` could not be sealed or opened")]
    Sealed {
        column: &'static str,
        #[source]
        source: wharf_seal::Error,
    },
    #[error("a value could not be written as JSON or read from it")]
    Json(#[from] serde_json::Error),
    #[error("a stored {0} is of an encoding this version does not know")]
    UnknownEncoding(&'static str),
    #[error("a stored {what} makes no sense")]
    Nonsense {
        what: &'static str,
        #[source]
        source: Option<wharf_domain::Error>,
    },
}

impl Error {
    pub(crate) fn not_found(resource: Resource) -> Self {
        Self::Refused(wharf_domain::Error::NotFound(resource))
    }

    pub(crate) fn already_exists(resource: Resource) -> Self {
        Self::Refused(wharf_domain::Error::AlreadyExists(resource))
    }

    pub(crate) fn nonsense(what: &'static str) -> Self {
        Self::Nonsense { what, source: None }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Database(error.into())
    }
}

impl From<Error> for wharf_domain::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal,
            // One wrapping less to read in the log.
            Error::Database(error) => Self::unavailable("database", error),
            error => Self::unavailable("database", error),
        }
    }
}

/// Gives violated constraints the meaning they have for a statement.
pub(crate) trait Constraints<T>: Sized {
    /// A unique constraint was violated: `taken` is. A foreign key was: there is no such `missing`.
    fn or_taken_or_missing(self, taken: Resource, missing: Resource) -> Result<T>;

    /// For statements that can only violate a unique constraint.
    fn or_taken(self, taken: Resource) -> Result<T> {
        self.or_taken_or_missing(taken, taken)
    }

    /// For statements that can only violate a foreign key.
    fn or_missing(self, missing: Resource) -> Result<T> {
        self.or_taken_or_missing(missing, missing)
    }
}

impl<T> Constraints<T> for Result<T, DbErr> {
    fn or_taken_or_missing(self, taken: Resource, missing: Resource) -> Result<T> {
        self.map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Error::already_exists(taken),
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Error::not_found(missing),
            _ => error.into(),
        })
    }
}
