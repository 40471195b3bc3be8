use wharf_domain::Error;
use whatsapp_rust::{ClientError, ErrorChainExt, SendError};

/// A failure of the library in our words.
pub(crate) fn in_our_words(failure: &(dyn std::error::Error + 'static)) -> Error {
    if let Some(rejection) = failure.server_rejection() {
        return Error::Refused { code: rejection.code };
    }
    if failure.is_timeout() {
        return Error::NotAcknowledged;
    }
    if failure.is_transport_unavailable() || is_not_logged_in(failure) {
        return Error::NotConnected;
    }
    let what =
        if failure.store_failure().is_some() { "the session store" } else { "the WhatsApp client" };
    Error::unavailable(what, failure.to_string())
}

fn is_not_logged_in(failure: &(dyn std::error::Error + 'static)) -> bool {
    ErrorChainExt::sources(failure).any(|cause| {
        matches!(cause.downcast_ref(), Some(ClientError::NotLoggedIn))
            || matches!(cause.downcast_ref(), Some(SendError::NotLoggedIn))
    })
}

#[cfg(test)]
mod tests {
    use wacore::store::error::StoreError;
    use whatsapp_rust::IqError;

    use super::*;

    #[test]
    fn failures_keep_their_meaning() {
        let refused = SendError::Iq(IqError::ServerError {
            code: 429,
            text: String::new(),
            error_type: None,
            backoff: None,
        });
        assert!(matches!(in_our_words(&refused), Error::Refused { code: 429 }));
        assert!(matches!(in_our_words(&SendError::Iq(IqError::Timeout)), Error::NotAcknowledged));
        for offline in [SendError::Client(ClientError::NotConnected), SendError::NotLoggedIn] {
            assert!(matches!(in_our_words(&offline), Error::NotConnected), "{offline}");
        }
        let store = SendError::Internal(StoreError::Database("full".into()).into());
        let Error::Unavailable { what, .. } = in_our_words(&store) else { panic!("{store}") };
        assert_eq!(what, "the session store");
    }
}
