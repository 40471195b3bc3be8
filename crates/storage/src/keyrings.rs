use std::sync::Arc;

use wharf_seal::{Keyring, MasterKey, Random};
use wharf_sql::Database;

use crate::{
    error::Error,
    statement::{Run as _, values},
};

/// The keyring that a database keeps, wrapped by the master key.
#[derive(Debug)]
pub struct Keyrings;

/// Why there is no keyring to work with. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The database was set up with another master key.
    #[error("the encryption key is not the one this database was set up with")]
    WrongMasterKey,
    /// There are accounts, but the keyring that their secrets are sealed with is gone.
    #[error("the database has accounts but no keyring")]
    Lost,
    /// Somebody else replaced the keyring meanwhile.
    #[error("the keyring was replaced meanwhile")]
    Changed,
    /// The keyring is damaged, or could not be made.
    #[error("the keyring could not be read or made")]
    Keyring(#[source] wharf_seal::Error),
    /// The database failed.
    #[error("the keyring could not be looked up")]
    Database(#[source] wharf_domain::Error),
}

impl From<wharf_seal::Error> for KeyringError {
    fn from(error: wharf_seal::Error) -> Self {
        match error {
            wharf_seal::Error::WrongMasterKey => Self::WrongMasterKey,
            error => Self::Keyring(error),
        }
    }
}

impl From<Error> for KeyringError {
    fn from(error: Error) -> Self {
        Self::Database(error.into())
    }
}

impl Keyrings {
    /// Opens the keyring of a database whose schema is up to date; makes one when nothing was ever sealed in it.
    ///
    /// Of processes that make the first one at once all end up with the same.
    pub async fn open_or_create(
        db: &Database,
        master: &MasterKey,
        random: Random,
    ) -> Result<Arc<Keyring>, KeyringError> {
        let wrapped = match Self::find(db).await? {
            Some(wrapped) => wrapped,
            None => Self::create(db, Keyring::generate(random.clone())?.wrap(master)?).await?,
        };
        Ok(Arc::new(Keyring::unwrap(master, &wrapped, random)?))
    }

    /// The keyring as it is stored, wrapped by the master key; `None` when nothing was ever sealed.
    pub async fn find(db: &Database) -> Result<Option<Vec<u8>>, KeyringError> {
        let row = db.reader().one("SELECT wrapped FROM keyring WHERE id = 1", vec![]).await?;
        let wrapped = row.map(|row| row.try_get("", "wrapped")).transpose();
        Ok(wrapped.map_err(Error::from)?)
    }

    /// Puts `new` in the place of `old`, both wrapped, in one step.
    ///
    /// Fails with [`KeyringError::Changed`] when it is not `old` that is stored.
    pub async fn replace(db: &Database, old: &[u8], new: &[u8]) -> Result<(), KeyringError> {
        let values = values![new.to_vec(), old.to_vec()];
        let replaced = db.write::<_, _, Error>(move |txn| {
            Box::pin(async move {
                let sql = "UPDATE keyring SET wrapped = $1 WHERE id = 1 AND wrapped = $2";
                Ok(txn.run(sql, values).await?.rows_affected() > 0)
            })
        });
        replaced.await?.then_some(()).ok_or(KeyringError::Changed)
    }

    /// Writes the first keyring, unless somebody else just did, and gives the one that is there.
    async fn create(db: &Database, wrapped: Vec<u8>) -> Result<Vec<u8>, KeyringError> {
        let made = db
            .write::<_, _, Error>(move |txn| {
                Box::pin(async move {
                    if txn.one("SELECT id FROM account LIMIT 1", vec![]).await?.is_some() {
                        return Ok(false);
                    }
                    let insert = "INSERT INTO keyring (id, wrapped) VALUES (1, $1)
                        ON CONFLICT (id) DO NOTHING";
                    txn.run(insert, values![wrapped]).await?;
                    Ok(true)
                })
            })
            .await?;
        let there = Self::find(db).await?;
        match there {
            Some(wrapped) => Ok(wrapped),
            None if made => Err(Error::nonsense("keyring").into()),
            None => Err(KeyringError::Lost),
        }
    }
}
