use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::path::Path;

use crate::{Error, Result};

/// Holds a data directory: while it lives, no other process can get one for the same directory.
///
/// The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// The file that is locked, in the data directory.
    pub const FILE_NAME: &str = "wharf.lock";

    /// Locks `data_dir`, which must exist; fails at once with [`Error::DataDirInUse`] when another
    /// process holds it.
    pub fn acquire(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(Self::FILE_NAME);
        let failed = |source: io::Error| Error::DataDirLock { path: data_dir.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = std::fs::read_to_string(&path).ok();
                return Err(Error::DataDirInUse {
                    path: data_dir.to_owned(),
                    holder: holder.and_then(|text| text.trim().parse().ok()),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Only for the message above; the lock does not hang on it.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}
