//! Sealing of single cells.

use sea_orm::QueryResult;
use wharf_domain::secret::Secret;
use wharf_seal::{Keyring, Place};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// All sealed columns of a table, and what it takes to seal them anew.
pub(crate) struct SealedTable {
    pub(crate) name: &'static str,
    /// What identifies a row: an id, and texts where that is not enough.
    pub(crate) key: &'static [&'static str],
    /// What [`SealedTable::sealed_for`] reads beyond the key.
    pub(crate) also: &'static [&'static str],
    pub(crate) columns: &'static [Column],
    /// What the cells of a row are sealed for.
    pub(crate) sealed_for: fn(&QueryResult) -> Result<Vec<u8>>,
}

/// A column of sealed values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    table: &'static str,
    name: &'static str,
}

impl Column {
    pub(crate) const fn new(table: &'static str, name: &'static str) -> Self {
        Self { table, name }
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    pub(crate) fn seal(self, keyring: &Keyring, row: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let place = Place::new(self.table, self.name, row);
        keyring.seal(&place, plain).map_err(|source| self.failed(source))
    }

    pub(crate) fn open(
        self,
        keyring: &Keyring,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let place = Place::new(self.table, self.name, row);
        keyring.open(&place, sealed).map_err(|source| self.failed(source))
    }

    pub(crate) fn seal_secret(
        self,
        keyring: &Keyring,
        row: &[u8],
        secret: Option<&Secret>,
    ) -> Result<Option<Vec<u8>>> {
        secret.map(|secret| self.seal(keyring, row, secret.expose().as_bytes())).transpose()
    }

    pub(crate) fn open_secret(
        self,
        keyring: &Keyring,
        row: &[u8],
        sealed: Option<Vec<u8>>,
    ) -> Result<Option<Secret>> {
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = self.open(keyring, row, &sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| Error::nonsense(self.name))?;
        Ok(Some(Secret::new(text)))
    }

    /// The same value under the newest data key; `None` when it is already.
    pub(crate) fn reseal(
        self,
        keyring: &Keyring,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let place = Place::new(self.table, self.name, row);
        keyring.reseal(&place, sealed).map_err(|source| self.failed(source))
    }

    fn failed(self, source: wharf_seal::Error) -> Error {
        Error::Sealed { column: self.name, source }
    }
}
