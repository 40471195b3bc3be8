use std::fmt;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::{Either, select};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::timeout;
use url::Url;

use crate::dialer::Dialer;
use crate::failure::classify;
use crate::{Error, Guard, ProxyFailure, ProxyProtocol, Request};

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the name look-up to the end of the TLS handshake.
    pub connect: Duration,
    /// Without a byte moving, either way.
    pub stall: Duration,
    /// From the start to the last byte of the answer; none for transfers of unknown size.
    pub total: Option<Duration>,
}

/// An HTTP/1.1 client that follows no redirects and heeds no proxy of the environment.
///
/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: reqwest::Client,
    stall: Duration,
    guard: Option<Guard>,
    proxy: Option<Route>,
}

/// The proxy that a client's requests go through.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) protocol: ProxyProtocol,
    pub(crate) dialer: Dialer,
}

impl Route {
    /// What is wrong at the proxy. Where reqwest does not say, the proxy is asked once more, in words of our own.
    async fn explain(&self, failure: Error, url: &Url) -> Error {
        use ProxyFailure::{NoConnection, Unreachable};
        if !matches!(failure, Error::Proxy(Unreachable(_) | NoConnection(_))) {
            return failure;
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return failure;
        };
        match self.dialer.tcp(&host.to_owned(), port).await {
            Err(explained @ Error::Proxy(_)) => explained,
            _ => failure,
        }
    }
}

impl Client {
    pub(crate) fn new(
        builder: reqwest::ClientBuilder,
        stall: Duration,
        guard: Option<Guard>,
        proxy: Option<Route>,
    ) -> Result<Self, Error> {
        let inner =
            builder.build().map_err(|_| Error::Request("the HTTP client cannot be set up"))?;
        Ok(Self { inner, stall, guard, proxy })
    }

    /// Sends a request and waits for the head of its answer. Any status is an answer, redirects
    /// included.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        if let Some(guard) = self.guard {
            // A literal address never reaches the resolver that judges what names lead to.
            guard.check_url(request.url()).map_err(Error::Refused)?;
        }
        let url = request.url().clone();
        let protocol = self.proxy.as_ref().map(|route| route.protocol);
        let (request, progress) = request.into_reqwest(&self.inner);
        let (sent, stalled) = (pin!(request.send()), pin!(progress.stalled(self.stall)));
        match select(sent, stalled).await {
            Either::Left((Ok(inner), _)) => {
                Ok(Response { inner, stall: self.stall, proxy: protocol })
            }
            Either::Left((Err(error), _)) => {
                let failure = classify(&error, protocol);
                Err(match &self.proxy {
                    Some(route) => route.explain(failure, &url).await,
                    None => failure,
                })
            }
            Either::Right(_) => Err(Error::Timeout),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// The head of an answer, and its body as it comes in.
pub struct Response {
    inner: reqwest::Response,
    stall: Duration,
    proxy: Option<ProxyProtocol>,
}

impl Response {
    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// How long the body is, where the server says so beforehand.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.inner.content_length()
    }

    /// The next piece of the body, `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match timeout(self.stall, self.inner.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| classify(&error, self.proxy)),
            Err(_) => Err(Error::Timeout),
        }
    }

    /// The whole body, refused as soon as it is known to be longer than `limit` bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, Error> {
        let too_long = Error::TooLong { limit };
        let announced = self.inner.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > limit) {
            return Err(too_long);
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(too_long);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Reads and forgets up to `limit` bytes of the body: a body read to its end lets the
    /// connection be used again, a longer one costs the connection.
    pub async fn discard(mut self, limit: usize) {
        let mut left = limit;
        while let Ok(Some(chunk)) = self.chunk().await {
            let Some(rest) = left.checked_sub(chunk.len()) else { return };
            left = rest;
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status()).finish_non_exhaustive()
    }
}
