//! What opening a database accepts, and what its errors keep to themselves.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Duration;

use wharf_sql::{Config, Database, Error};

#[tokio::test]
async fn a_sqlite_url_and_a_path_open_the_same_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("some file.db");
    let url = format!("sqlite://{}?mode=rwc", path.display().to_string().replace(' ', "%20"));
    for url in [path.to_str().unwrap(), &url] {
        Database::open(&Config::new(url)).await.unwrap().close().await.unwrap();
    }
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent/wharf.db");
    let refusal = Database::open(&Config::new(absent.to_str().unwrap())).await.unwrap_err();
    assert!(matches!(refusal, Error::Open(_)), "{refusal:?}");
}

#[tokio::test]
async fn an_unknown_url_is_refused_without_repeating_it() {
    for url in ["mysql://root:hunter2@127.0.0.1/x", "postgres://u:hunter2@127.0.0.1:notaport/x"] {
        let config = Config::new(url);
        let refusal = Database::open(&config).await.unwrap_err();
        assert!(matches!(refusal, Error::Url(_)), "{refusal:?}");
        let mut told = format!("{refusal:?} {refusal} {config:?}");
        let mut cause = refusal.source();
        while let Some(error) = cause {
            write!(told, " {error} {error:?}").unwrap();
            cause = error.source();
        }
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_an_error_without_the_password() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut config = Config::new(format!("postgres://u:hunter2@127.0.0.1:{port}/x"));
    config.connect_timeout = Duration::from_millis(200);
    let refusal = Database::open(&config).await.unwrap_err();
    assert!(matches!(refusal, Error::Open(_)), "{refusal:?}");
    assert!(!format!("{refusal:?}").contains("hunter2"));
}
