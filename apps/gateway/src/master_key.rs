//! The master key, where it is not given: kept in a file of the data directory.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::Path,
};

use anyhow::{Context, Result};
use wharf_seal::MasterKey;

/// The file the key is kept in when it is not given.
pub const FILE_NAME: &str = "master.key";

/// The key in the data directory's file, which is made when there is none; and whether it was made.
pub fn find_or_make(data_dir: &Path) -> Result<(MasterKey, bool)> {
    let path = data_dir.join(FILE_NAME);
    match find(&path)? {
        Some(key) => Ok((key, false)),
        None => Ok((make(&path)?, true)),
    }
}

/// The key in a file, if there is such a file.
pub fn find(path: &Path) -> Result<Option<MasterKey>> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let key = MasterKey::parse(&text);
            Ok(Some(key.with_context(|| format!("{} holds no key", path.display()))?))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Removes a key that was made and is of no use.
pub fn unmake(data_dir: &Path) -> Result<()> {
    std::fs::remove_file(data_dir.join(FILE_NAME)).context("cannot remove the new master key")
}

/// Makes a key and the file for it, which nobody else may read.
pub fn make(path: &Path) -> Result<MasterKey> {
    let key = MasterKey::generate(&random())?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || -> std::io::Result<()> {
        let mut file = options.open(path)?;
        file.write_all(key.to_text().as_bytes())?;
        file.write_all(b"\n")?;
        // What is sealed with the key may be on disk before the key and its name are, unless this waits.
        file.sync_all()?;
        sync_directory(path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    tracing::info!(file = %path.display(), "made a master key; back it up apart from the database");
    Ok(key)
}

#[cfg(unix)]
fn sync_directory(of: &Path) -> std::io::Result<()> {
    let directory = of.parent().filter(|parent| !parent.as_os_str().is_empty());
    std::fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Directories cannot be opened there; the file system's journal has to do.
#[cfg(not(unix))]
fn sync_directory(_of: &Path) -> std::io::Result<()> {
    Ok(())
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
        let (key, made) = find_or_make(dir.path()).unwrap();
        let (found, made_again) = find_or_make(dir.path()).unwrap();
        assert_eq!(*key.to_text(), *found.to_text());
        assert_eq!((made, made_again), (true, false));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        find_or_make(dir.path()).unwrap();
        let mode = std::fs::metadata(dir.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE_NAME), "not a key").unwrap();
        assert!(find_or_make(dir.path()).is_err());
    }
}
