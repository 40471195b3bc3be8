use std::error::Error as StdError;
use std::io;

use crate::resolver::NoAddress;
use crate::{Error, ProxyFailure, ProxyProtocol};

/// Says in our words what failed. Nothing of reqwest's own text is kept: it holds the URL.
pub(crate) fn classify(error: &reqwest::Error, proxy: Option<ProxyProtocol>) -> Error {
    if error.is_builder() {
        return Error::Request("the request cannot be made from this URL");
    }
    if !error.is_connect() {
        return if error.is_timeout() { Error::Timeout } else { Error::Broken };
    }
    if let Some(protocol) = proxy {
        return at_proxy(error, protocol);
    }
    if error.is_timeout() {
        return Error::ConnectTimeout;
    }
    if let Some(failure) = find::<NoAddress>(error) {
        return (*failure).into();
    }
    if let Some(tls) = tls_failure(error) {
        return Error::Tls(tls);
    }
    Error::Connect(io_kind(error))
}

/// hyper-util keeps the cause of a failed tunnel as text only, so it is read from there.
fn at_proxy(error: &reqwest::Error, protocol: ProxyProtocol) -> Error {
    const CREDENTIALS: [&str; 4] = [
        "proxy authorization required",
        "credentials not accepted",
        "server does not support user/pass authentication",
        "server implements authentication incorrectly",
    ];
    const NOT_A_PROXY: [&str; 3] =
        ["failed parsing server response", "headers too long", "unexpected end of file"];

    let text = chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let says = |words: &[&str]| words.iter().any(|&word| text.contains(word));
    if error.is_timeout() {
        ProxyFailure::Timeout.into()
    } else if let Some(failure) = find::<NoAddress>(error) {
        ProxyFailure::from(*failure).into()
    } else if let Some(tls) = tls_failure(error) {
        // The connection underneath the tunnel is the one to the proxy.
        if says(&["underlying connection"]) {
            ProxyFailure::Tls(tls).into()
        } else {
            Error::Tls(tls)
        }
    } else if says(&CREDENTIALS) {
        ProxyFailure::Credentials.into()
    } else if says(&NOT_A_PROXY) {
        ProxyFailure::Protocol(protocol).into()
    } else if let Some((_, status)) = text.rsplit_once("SOCKS error: ")
        && !says(&["underlying connection", "io error"])
    {
        ProxyFailure::NoConnection(status.to_owned()).into()
    } else if text.contains("tunnel error: unsuccessful") {
        ProxyFailure::NoConnection("it refused".to_owned()).into()
    } else {
        ProxyFailure::Unreachable(io_kind(error)).into()
    }
}

/// The reason in the words of rustls, which name certificates and alerts but no URL.
pub(crate) fn tls_reason(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<rustls::Error>().map(ToString::to_string)
}

fn tls_failure(error: &reqwest::Error) -> Option<String> {
    let io_errors = chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    // hyper-rustls wraps the I/O error in which tokio-rustls hands over the one of rustls.
    io_errors.flat_map(nested).find_map(tls_reason)
}

fn nested(error: &io::Error) -> impl Iterator<Item = &io::Error> {
    std::iter::successors(Some(error), |error| error.get_ref()?.downcast_ref::<io::Error>())
}

fn io_kind(error: &reqwest::Error) -> io::ErrorKind {
    find::<io::Error>(error).map_or(io::ErrorKind::NotConnected, io::Error::kind)
}

fn find<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).find_map(|cause| cause.downcast_ref::<E>())
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
