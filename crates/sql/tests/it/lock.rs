//! What the lock on a data directory promises.

use wharf_sql::{DataDirLock, Error};

#[test]
fn a_second_holder_is_refused_and_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let held = DataDirLock::acquire(directory.path()).unwrap();
    let refusal = DataDirLock::acquire(directory.path()).unwrap_err();
    let Error::DataDirInUse { path, holder } = &refusal else { panic!("{refusal:?}") };
    assert_eq!(path, directory.path());
    assert_eq!(*holder, Some(std::process::id()));
    let sentence = refusal.to_string();
    assert!(sentence.contains(directory.path().to_str().unwrap()), "{sentence}");

    drop(held);
    DataDirLock::acquire(directory.path()).unwrap();
}

#[test]
fn a_directory_that_does_not_exist_cannot_be_locked() {
    let directory = tempfile::tempdir().unwrap();
    let refusal = DataDirLock::acquire(&directory.path().join("absent")).unwrap_err();
    assert!(matches!(refusal, Error::DataDirLock { .. }), "{refusal:?}");
}
