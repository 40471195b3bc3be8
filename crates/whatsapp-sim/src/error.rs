//! Why something asked of the simulator was not done.

use crate::noise::ConnectionError;
use crate::phone::link::LinkError;
use crate::phone::media::MediaError;
use crate::phone::signal::SignalError;
use crate::tls::TlsError;

/// Why something asked of the simulator was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was given cannot be what was asked for.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// It was there once and is not any more.
    #[error("{0}")]
    Gone(String),
    /// It did not happen before the deadline.
    #[error("timed out waiting for {0}")]
    TimedOut(&'static str),
    /// The simulator is stopping.
    #[error("the simulator is stopping")]
    Stopping,
    /// A key or a message could not be made.
    #[error("cryptography failed")]
    Crypto(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The stored state cannot be read.
    #[error("the data directory's state is damaged: {0}")]
    Damaged(String),
    /// A message's file cannot be had.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The certificates could not be made.
    #[error("cannot set up TLS")]
    Tls(#[from] TlsError),
    /// The port or the data directory cannot be used.
    #[error("input or output failed")]
    Io(#[from] std::io::Error),
}

/// The result of something asked of the simulator.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Qr | LinkError::Code => Self::Invalid(error.to_string()),
            LinkError::WrongCode | LinkError::Signature => Self::Conflict(error.to_string()),
            LinkError::Key(_) => Self::Crypto(error.into()),
        }
    }
}

impl From<SignalError> for Error {
    fn from(error: SignalError) -> Self {
        Self::Crypto(error.into())
    }
}

impl From<wacore_libsignal::protocol::CurveError> for Error {
    fn from(error: wacore_libsignal::protocol::CurveError) -> Self {
        Self::Crypto(error.into())
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::Crypto(error.into())
    }
}
