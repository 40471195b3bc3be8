use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One statement that has run.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Its text; bound values are not in it.
    pub sql: &'a str,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether the database refused it.
    pub failed: bool,
}

/// Is told of every statement; must not block.
pub type Observer = Arc<dyn Fn(Observed<'_>) + Send + Sync>;

/// One write, from being asked for to being answered.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// How long it took, waiting for its turn included.
    pub elapsed: Duration,
    /// Whether the database failed: it began or committed no transaction. A job that fails by itself is none of its.
    pub failed: bool,
}

/// Is told of every write that is waited for to its end; must not block.
pub type WriteObserver = Arc<dyn Fn(Written) + Send + Sync>;

/// Which database, and how many connections it may cost.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// `sqlite:…`, the path of a SQLite file, or `postgres://…`.
    pub url: String,
    /// Connections in all; 4 on SQLite and 10 on PostgreSQL unless given.
    pub max_connections: Option<u32>,
    /// How long to wait for a free connection, or for a server that is not up yet.
    pub connect_timeout: Duration,
    /// How long SQLite waits while another process holds the write lock.
    pub busy_timeout: Duration,
    /// PostgreSQL only: the schema to work in rather than the user's default.
    pub schema: Option<String>,
    /// Is told of every statement.
    pub observer: Option<Observer>,
    /// Is told of every write.
    pub write_observer: Option<WriteObserver>,
}

impl Config {
    /// The database at `url`, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: None,
            connect_timeout: Duration::from_secs(30),
            busy_timeout: Duration::from_secs(10),
            schema: None,
            observer: None,
            write_observer: None,
        }
    }
}

/// Leaves out the URL, which may hold a password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("max_connections", &self.max_connections)
            .field("busy_timeout", &self.busy_timeout)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
