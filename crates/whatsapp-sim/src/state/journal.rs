//! The file that outlives the process: named records, appended in whole commits.
//!
//! A line is a key, a tab and a JSON value, or a key and a tab for a record that is gone. An empty
//! line ends a commit: what follows the last one was being written when the process died and does
//! not count. Opening rewrites the file with what is alive, in one rename.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The living records by key.
pub(crate) type Records = BTreeMap<String, String>;

/// Changes that are written together or not at all.
#[derive(Default)]
pub(crate) struct Batch(String);

impl Batch {
    /// Sets a record. Keys have no tabs and no line ends.
    pub(crate) fn put(&mut self, key: &str, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(json) => self.line(key, &json),
            // Only a map with keys that are no strings can fail, and no record has one.
            Err(error) => tracing::error!(%key, %error, "a record cannot be written"),
        }
    }

    /// Removes a record.
    pub(crate) fn remove(&mut self, key: &str) {
        self.line(key, "");
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the commit, once.
    fn close(&mut self) {
        if !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }

    fn line(&mut self, key: &str, value: &str) {
        self.0.push_str(key);
        self.0.push('\t');
        self.0.push_str(value);
        self.0.push('\n');
    }
}

/// Reads a record's value.
pub(crate) fn parse<T: DeserializeOwned>(key: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| Error::Damaged(format!("{key}: {error}")))
}

/// An open journal.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Held for as long as the journal is open.
    _lock: File,
    /// How much of the file counts.
    written: u64,
    /// Whether something may follow that, left by a write that failed.
    torn: bool,
    compacted: u64,
}

impl Journal {
    /// Opens the journal in `directory`, making both if need be, and says what it holds.
    pub(crate) fn open(directory: &Path) -> Result<(Self, Records)> {
        fs::create_dir_all(directory)?;
        let lock = File::create(directory.join("state.lock"))?;
        lock.try_lock().map_err(|_| {
            Error::Conflict(format!("another simulator uses {}", directory.display()))
        })?;
        let path = directory.join("state.journal");
        let records = match fs::read(&path) {
            // A commit that was cut short may end in half a character.
            Ok(bytes) => replay(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Records::new(),
            Err(error) => return Err(error.into()),
        };
        let mut batch = Batch::default();
        for (key, value) in &records {
            batch.line(key, value);
        }
        let (file, written) = rewrite(&path, &batch)?;
        Ok((Self { path, file, _lock: lock, written, torn: false, compacted: written }, records))
    }

    /// Appends a commit. When this returns, the death of the process loses none of it. After a failure
    /// the file is as before, and the same batch can be tried again.
    pub(crate) fn commit(&mut self, batch: &mut Batch) -> io::Result<()> {
        batch.close();
        if self.torn {
            self.file.set_len(self.written)?;
            self.torn = false;
        }
        if let Err(error) = self.file.write_all(batch.0.as_bytes()) {
            // Half a line would be glued to the next commit's first.
            self.torn = self.file.set_len(self.written).is_err();
            return Err(error);
        }
        self.written += batch.0.len() as u64;
        Ok(())
    }

    /// Whether most of the file is by now about records that have changed since.
    pub(crate) fn wants_compaction(&self) -> bool {
        const ALWAYS_FINE: u64 = 64 << 20;
        self.written > ALWAYS_FINE.max(4 * self.compacted)
    }

    /// Replaces the content by `everything`.
    pub(crate) fn compact(&mut self, everything: &Batch) -> io::Result<()> {
        // Should it fail, the next attempt is put off as if it had not.
        self.compacted = self.written;
        (self.file, self.written) = rewrite(&self.path, everything)?;
        self.torn = false;
        self.compacted = self.written;
        Ok(())
    }
}

fn replay(text: &str) -> Records {
    let mut records = Records::new();
    let mut commit = Vec::new();
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some("") => {
                for (key, value) in commit.drain(..) {
                    if str::is_empty(value) {
                        records.remove(key);
                    } else {
                        records.insert(String::from(key), String::from(value));
                    }
                }
            }
            Some(line) => commit.extend(line.split_once('\t')),
            None => break,
        }
    }
    records
}

fn rewrite(path: &Path, batch: &Batch) -> io::Result<(File, u64)> {
    let next = path.with_extension("journal.new");
    let mut file = File::create(&next)?;
    file.write_all(batch.0.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    let file = OpenOptions::new().append(true).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(changes: &[(&str, Option<&str>)]) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }

    fn reopened(directory: &Path) -> Vec<(String, String)> {
        Journal::open(directory).unwrap().1.into_iter().collect()
    }

    #[test]
    fn what_was_committed_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, records) = Journal::open(directory.path()).unwrap();
        assert!(records.is_empty());
        journal.commit(&mut batch(&[("a", Some("1")), ("b", Some("2"))])).unwrap();
        journal.commit(&mut batch(&[("a", None), ("b", Some("3"))])).unwrap();
        drop(journal);
        assert_eq!(reopened(directory.path()), [("b".to_owned(), "\"3\"".to_owned())]);
        assert_eq!(reopened(directory.path()), [("b".to_owned(), "\"3\"".to_owned())]);
    }

    #[test]
    fn a_commit_cut_short_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(directory.path()).unwrap();
        journal.commit(&mut batch(&[("a", Some("1"))])).unwrap();
        drop(journal);
        let path = directory.path().join("state.journal");
        let torn: [&[u8]; 4] = [b"a\t\"2\"\nb\t\"2\"\n", b"a\t\"2\"\nb\t\"", b"a", b"a\t\"\xc3"];
        for torn in torn {
            let whole = fs::read(&path).unwrap();
            fs::write(&path, [&whole, torn].concat()).unwrap();
            assert_eq!(reopened(directory.path()), [("a".to_owned(), "\"1\"".to_owned())]);
        }
    }

    #[test]
    fn a_commit_that_failed_halfway_is_whole_at_the_next_attempt() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(directory.path()).unwrap();
        journal.commit(&mut batch(&[("a", Some("1"))])).unwrap();
        let path = directory.path().join("state.journal");
        // A disk that fills up takes a part, and then neither more nor less.
        let good = std::mem::replace(&mut journal.file, File::open(&path).unwrap());
        let mut refused = batch(&[("b", Some("2"))]);
        journal.commit(&mut refused).unwrap_err();
        (&good).write_all(b"b\t\"").unwrap();
        journal.file = good;
        journal.commit(&mut refused).unwrap();
        journal.commit(&mut batch(&[("c", Some("3"))])).unwrap();
        drop(journal);
        let expected = [("a", "\"1\""), ("b", "\"2\""), ("c", "\"3\"")];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(reopened(directory.path()), expected);
    }

    #[test]
    fn compaction_keeps_what_it_is_given() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(directory.path()).unwrap();
        journal.commit(&mut batch(&[("a", Some("1"))])).unwrap();
        journal.compact(&batch(&[("a", Some("2"))])).unwrap();
        journal.commit(&mut batch(&[("c", Some("4"))])).unwrap();
        drop(journal);
        let expected = [("a", "\"2\""), ("c", "\"4\"")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(reopened(directory.path()), expected);
    }
}
