//! The one error vocabulary that crosses ports.

use std::borrow::Cow;

use crate::address::PhoneNumber;

/// What a call into the inside, or across a port, gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something did not happen.
///
/// `Display` and `source` are for the log. The sentence a caller reads is written by the HTTP adapter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such thing, or the caller may not know of it.
    #[error("{0} not found")]
    NotFound(Resource),
    /// The name, token or label is taken.
    #[error("{0} already exists")]
    AlreadyExists(Resource),
    /// A value from outside is not well formed.
    #[error("invalid {field}: {reason}")]
    Invalid {
        /// The field in the caller's spelling.
        field: &'static str,
        /// What is wrong with it; never the value itself where that may be a secret.
        reason: Cow<'static, str>,
    },
    /// The token is one of another instance.
    #[error("the token belongs to another instance")]
    WrongInstance,
    /// The account has as many instances as it may.
    #[error("account instance quota exceeded")]
    QuotaExceeded,
    /// The account still owns instances.
    #[error("the account still has {0} instance(s)")]
    AccountInUse(u64),
    /// The instance has as many enabled webhooks as it may.
    #[error("maximum of {0} enabled webhooks reached")]
    TooManyWebhooks(usize),
    /// The same idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// The instance has no authenticated connection.
    #[error("instance is not connected to WhatsApp")]
    NotConnected,
    /// The instance has never been paired, or its keys are gone.
    #[error("instance has no saved session")]
    NoSavedSession,
    /// WhatsApp knows no account of that number.
    #[error("the recipient is not registered on WhatsApp")]
    NotRegistered(PhoneNumber),
    /// WhatsApp's server answered with an error code.
    #[error("WhatsApp refused: code {code}")]
    Refused {
        /// WhatsApp's own code, such as 463 or 429.
        code: u16,
    },
    /// WhatsApp's server did not answer in time. Whether it acted is unknown.
    #[error("WhatsApp did not acknowledge in time")]
    NotAcknowledged,
    /// A connection or a pairing could not be made.
    #[error("could not connect: {0}")]
    ConnectFailed(String),
    /// A part we depend on failed: the database, a library, the disk.
    #[error("{what} failed")]
    Unavailable {
        /// The part that failed.
        what: &'static str,
        /// Its own words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Wraps the failure of a part we depend on.
    pub fn unavailable(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { what, source: source.into() }
    }

    /// A refusal of a value from outside.
    pub fn invalid(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

/// What was looked for, or clashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resource {
    /// An account.
    Account,
    /// An instance, or its token.
    Instance,
    /// A webhook of an instance.
    Webhook,
    /// A stored message.
    Message,
    /// The media of a message.
    Media,
    /// A token, of whichever kind.
    Token,
    /// A delivery of an event to a sink.
    Delivery,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Instance => "instance",
            Self::Webhook => "webhook",
            Self::Message => "message",
            Self::Media => "media",
            Self::Token => "token",
            Self::Delivery => "delivery",
        })
    }
}
