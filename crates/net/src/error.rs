use std::io;

use thiserror::Error;

use crate::resolver::NoAddress;
use crate::{ProxyProtocol, Refused};

/// Why a request or a connection failed.
///
/// Holds neither URLs nor header values, so neither its text nor its `Debug` can give away
/// credentials or query strings.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// The egress guard refused it; nothing was sent.
    #[error("refused: {0}")]
    Refused(#[source] Refused),
    /// The host name has no address.
    #[error("the host name does not resolve")]
    Unresolved,
    /// No TCP connection.
    #[error("cannot connect: {0}")]
    Connect(io::ErrorKind),
    /// The connection was not up in time.
    #[error("no connection in time")]
    ConnectTimeout,
    /// TLS failed, most often because of the certificate.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The proxy in between is at fault.
    #[error("{0}")]
    Proxy(#[source] ProxyFailure),
    /// Connected, but the whole answer did not come in time.
    #[error("no complete answer in time")]
    Timeout,
    /// The connection broke before the answer was complete, or what came was not HTTP.
    #[error("the connection broke before the answer was complete")]
    Broken,
    /// The answer is longer than the caller takes.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// What the caller takes.
        limit: usize,
    },
    /// The server answered, but not by switching to WebSocket.
    #[error("the server refused the WebSocket{}", status.map(|s| format!(" with status {s}")).unwrap_or_default())]
    Upgrade {
        /// Its HTTP status, when it was HTTP at all.
        status: Option<u16>,
    },
    /// The request itself is impossible.
    #[error("{0}")]
    Request(&'static str),
}

/// What went wrong at the proxy.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProxyFailure {
    /// The egress guard refuses the proxy's address.
    #[error("proxy refused: {0}")]
    NotAllowed(#[source] Refused),
    /// Its name has no address.
    #[error("the proxy's name does not resolve")]
    Unresolved,
    /// No TCP connection to it, or it hung up.
    #[error("the proxy cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// It did not answer in time, or what is behind it did not.
    #[error("the proxy made no connection in time")]
    Timeout,
    /// TLS to the proxy failed.
    #[error("TLS to the proxy failed: {0}")]
    Tls(String),
    /// It wants other credentials, or some.
    #[error("the proxy refused the credentials")]
    Credentials,
    /// It would or could not connect us.
    #[error("the proxy made no connection: {0}")]
    NoConnection(String),
    /// Whatever answers there is no such proxy.
    #[error("no {0} proxy answers there")]
    Protocol(ProxyProtocol),
}

impl From<NoAddress> for Error {
    fn from(failure: NoAddress) -> Self {
        match failure {
            NoAddress::Unresolved => Self::Unresolved,
            NoAddress::Refused(refused) => Self::Refused(refused),
        }
    }
}

impl From<NoAddress> for ProxyFailure {
    fn from(failure: NoAddress) -> Self {
        match failure {
            NoAddress::Unresolved => Self::Unresolved,
            NoAddress::Refused(refused) => Self::NotAllowed(refused),
        }
    }
}

impl From<ProxyFailure> for Error {
    fn from(failure: ProxyFailure) -> Self {
        Self::Proxy(failure)
    }
}
