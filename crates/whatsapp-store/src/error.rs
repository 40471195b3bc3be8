use wacore::store::error::StoreError;

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Sql(#[from] wharf_sql::Error),
    /// A sealed value does not open, or does not seal.
    #[error("a stored secret cannot be sealed or opened")]
    Seal(#[from] wharf_seal::Error),
    /// A stored value is not what the library once gave.
    #[error("a stored value cannot be read")]
    Encoding(#[from] serde_json::Error),
    /// A stored value has the wrong length.
    #[error("a stored value has the wrong length")]
    Length,
    /// A newer store of the same instance has been opened.
    #[error("a newer store of this instance has been opened")]
    Superseded,
}

impl Error {
    /// Whether another write would do no better now.
    pub(crate) fn is_of_the_database(&self) -> bool {
        matches!(self, Self::Sql(wharf_sql::Error::NotCommitted(_) | wharf_sql::Error::Closed))
    }

    /// Whether nothing can be written any more.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Sql(wharf_sql::Error::Closed))
    }
}

/// What the store answers within the crate.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Sql(error.into())
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::Encoding(_) | Error::Length => Self::Serialization(Box::new(error)),
            _ => Self::Database(Box::new(error)),
        }
    }
}
