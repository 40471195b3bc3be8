//! The master key, where it is not given: kept in a file of the data directory.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    path::Path,
};

use anyhow::{Context, Result};
use wharf_seal::MasterKey;
use zeroize::Zeroizing;

/// The file the key is kept in when it is not given.
pub const FILE_NAME: &str = "master.key";

/// The key in the data directory's file, which is made when there is none; and whether it was made.
pub fn find_or_make_in(data_dir: &Path) -> Result<(MasterKey, bool)> {
    find_or_make(&data_dir.join(FILE_NAME))
}

/// The key in a file, if there is such a file. An empty one was left by whoever was about to make the key.
pub fn find(path: &Path) -> Result<Option<MasterKey>> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn parse(path: &Path, text: &str) -> Result<Option<MasterKey>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let key = MasterKey::parse(text);
    Ok(Some(key.with_context(|| format!("{} holds no key", path.display()))?))
}

/// Removes a key that was made and is of no use.
pub fn unmake(data_dir: &Path) -> Result<()> {
    std::fs::remove_file(data_dir.join(FILE_NAME)).context("cannot remove the new master key")
}

/// The key in a file, which is made when there is none so that nobody else may read it; and whether it was made. Of
/// several processes that come at once all get the same.
pub fn find_or_make(path: &Path) -> Result<(MasterKey, bool)> {
    if let Some(key) = find(path)? {
        return Ok((key, false));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = || format!("cannot write {}", path.display());
    let mut file = options.open(path).with_context(failed)?;
    file.lock().with_context(failed)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).with_context(failed)?;
    if let Some(key) = parse(path, &text)? {
        return Ok((key, false));
    }
    let key = MasterKey::generate(&random())?;
    let line = Zeroizing::new(format!("{}\n", *key.to_text()));
    let mut write = || -> std::io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(line.as_bytes())?;
        // What is sealed with the key may be on disk before the key and its name are, unless this waits.
        file.sync_all()?;
        sync_directory(path)
    };
    write().with_context(failed)?;
    tracing::info!(file = %path.display(), "made a master key; back it up apart from the database");
    Ok((key, true))
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
        let (key, made) = find_or_make_in(dir.path()).unwrap();
        let (found, made_again) = find_or_make_in(dir.path()).unwrap();
        assert_eq!(*key.to_text(), *found.to_text());
        assert_eq!((made, made_again), (true, false));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        find_or_make_in(dir.path()).unwrap();
        let mode = std::fs::metadata(dir.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_whose_maker_was_killed_is_filled() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new.key");
        std::fs::write(&file, "").unwrap();
        assert!(find(&file).unwrap().is_none());
        let (key, made) = find_or_make(&file).unwrap();
        assert!(made);
        assert_eq!(*find(&file).unwrap().unwrap().to_text(), *key.to_text());
    }

    #[test]
    fn all_who_come_at_once_get_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| find_or_make_in(dir.path()).unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|(key, _)| *key.to_text() == *keys[0].0.to_text()));
        assert_eq!(keys.iter().filter(|(_, made)| *made).count(), 1);
    }

    #[test]
    fn a_damaged_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE_NAME), "not a key").unwrap();
        assert!(find_or_make_in(dir.path()).is_err());
    }
}
