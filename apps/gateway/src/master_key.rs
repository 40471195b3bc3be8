//! The master key: given, or kept in a file of the data directory.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::Path,
};

use anyhow::{Context, Result};
use wharf_seal::MasterKey;

/// The file the key is kept in when it is not given.
pub const FILE_NAME: &str = "master.key";

/// The given key, or the one in the file, which is made when there is none.
///
/// `may_make` is false where a database exists already: a new key could open nothing of it, and a missing file is then
/// most likely a lost one.
pub fn find_or_make(
    given: Option<MasterKey>,
    data_dir: &Path,
    may_make: bool,
) -> Result<MasterKey> {
    if let Some(given) = given {
        return Ok(given);
    }
    let path = data_dir.join(FILE_NAME);
    let shown = path.display();
    match std::fs::read_to_string(&path) {
        Ok(text) => MasterKey::parse(text.trim()).with_context(|| format!("{shown} holds no key")),
        Err(e) if e.kind() == ErrorKind::NotFound && may_make => make(&path),
        Err(e) if e.kind() == ErrorKind::NotFound => anyhow::bail!(
            "the database was made with a master key, but {shown} is not there and \
             WHARF_ENCRYPTION_KEY is not set"
        ),
        Err(e) => Err(e).with_context(|| format!("cannot read {shown}")),
    }
}

fn make(path: &Path) -> Result<MasterKey> {
    let key = MasterKey::generate(&random())?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || -> std::io::Result<()> {
        let mut file = options.open(path)?;
        file.write_all(key.to_text().as_bytes())?;
        file.write_all(b"\n")?;
        // What is sealed with the key may be on disk before the key is, unless this waits.
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    tracing::info!(file = %path.display(), "made a master key; back it up apart from the database");
    Ok(key)
}

/// Where keys and nonces come from.
pub fn random() -> wharf_seal::Random {
    std::sync::Arc::new(wharf_seal::SystemRandom::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let made = find_or_make(None, dir.path(), true).unwrap();
        let found = find_or_make(None, dir.path(), false).unwrap();
        assert_eq!(*made.to_text(), *found.to_text());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        find_or_make(None, dir.path(), true).unwrap();
        let mode = std::fs::metadata(dir.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_lost_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(find_or_make(None, dir.path(), false).is_err());
        assert!(!dir.path().join(FILE_NAME).exists());
    }
}
