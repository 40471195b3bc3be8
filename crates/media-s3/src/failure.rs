use thiserror::Error;
use wharf_net::StatusCode;

/// Why a bucket did not do what it was asked. Holds neither keys, secrets nor URLs.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// It was not asked, or did not answer.
    #[error("the S3 server did not answer: {0}")]
    NoAnswer(#[source] wharf_net::Error),
    /// The access key is unknown, its secret is another, or it may not do this.
    #[error("the S3 server refused the credentials ({status} {code})")]
    Credentials {
        /// The HTTP status.
        status: u16,
        /// S3's own word for it.
        code: String,
    },
    /// The bucket does not exist.
    #[error("there is no bucket of that name (404 NoSuchBucket)")]
    NoSuchBucket,
    /// The bucket is not where it was looked for.
    #[error("the bucket is in another region or at another endpoint ({status} {code})")]
    Elsewhere {
        /// The HTTP status.
        status: u16,
        /// S3's own word for it.
        code: String,
    },
    /// The clocks of this machine and of the server are too far apart for signatures to count.
    #[error(
        "the clock of this machine or of the S3 server is wrong ({status} RequestTimeTooSkewed)"
    )]
    Clock {
        /// The HTTP status.
        status: u16,
    },
    /// Anything else.
    #[error("the S3 server answered with status {status} {code}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// S3's own word for it, as far as it gave one.
        code: String,
    },
}

impl Failure {
    /// Whether a request for anything else in the bucket would fail the same way. A refusal of access may be about
    /// reading alone.
    pub(crate) fn is_about_every_request(&self) -> bool {
        match self {
            Self::NoSuchBucket | Self::Elsewhere { .. } | Self::Clock { .. } => true,
            Self::Credentials { code, .. } => code != "AccessDenied" && !code.is_empty(),
            Self::NoAnswer(_) | Self::Answer { .. } => false,
        }
    }

    /// Reads an answer other than success.
    pub(crate) fn of(status: StatusCode, code: Option<String>) -> Self {
        let is_redirection = status.is_redirection();
        let (status, code) = (status.as_u16(), code.unwrap_or_default());
        match code.as_str() {
            "SignatureDoesNotMatch"
            | "InvalidAccessKeyId"
            | "AccessDenied"
            | "InvalidToken"
            | "ExpiredToken"
            | "AccountProblem"
            | "NotSignedUp"
            | "AllAccessDisabled" => Self::Credentials { status, code },
            "NoSuchBucket" => Self::NoSuchBucket,
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => Self::Elsewhere { status, code },
            "RequestTimeTooSkewed" => Self::Clock { status },
            _ if is_redirection => Self::Elsewhere { status, code },
            _ if matches!(status, 401 | 403) => Self::Credentials { status, code },
            _ => Self::Answer { status, code },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, code: &str) -> String {
        let code = Some(code.to_owned()).filter(|code| !code.is_empty());
        Failure::of(StatusCode::from_u16(status).unwrap(), code).to_string()
    }

    #[test]
    fn causes_are_named() {
        for (status, code, cause) in [
            (403, "SignatureDoesNotMatch", "refused the credentials (403 SignatureDoesNotMatch)"),
            (403, "InvalidAccessKeyId", "refused the credentials"),
            (403, "", "refused the credentials"),
            (404, "NoSuchBucket", "no bucket of that name"),
            (301, "PermanentRedirect", "another region"),
            (400, "AuthorizationHeaderMalformed", "another region"),
            (302, "", "another region or at another endpoint"),
            (403, "RequestTimeTooSkewed", "clock"),
            (503, "SlowDown", "status 503 SlowDown"),
            (500, "", "status 500"),
        ] {
            assert!(told(status, code).contains(cause), "{}", told(status, code));
        }
    }
}
