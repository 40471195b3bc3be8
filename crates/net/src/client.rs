use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::failure::classify;
use crate::{Error, Guard, ProxyProtocol};

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the name look-up to the end of the TLS handshake.
    pub connect: Duration,
    /// Without a byte of the answer.
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
    guard: Option<Guard>,
    proxy: Option<ProxyProtocol>,
}

impl Client {
    pub(crate) fn new(
        builder: reqwest::ClientBuilder,
        guard: Option<Guard>,
        proxy: Option<ProxyProtocol>,
    ) -> Result<Self, Error> {
        let inner =
            builder.build().map_err(|_| Error::Request("the HTTP client cannot be set up"))?;
        Ok(Self { inner, guard, proxy })
    }

    /// Sends a request and waits for the head of its answer. Any status is an answer, redirects
    /// included.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        if let Some(guard) = self.guard {
            // A literal address never reaches the resolver that judges what names lead to.
            guard.check_url(&request.url).map_err(Error::Refused)?;
        }
        let sent = self
            .inner
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body)
            .send();
        match sent.await {
            Ok(inner) => Ok(Response { inner, proxy: self.proxy }),
            Err(error) => Err(classify(&error, self.proxy)),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// An HTTP request. Its `Debug` shows method and host only.
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Sets a header, replacing what it was.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, Error> {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::Request("the name of a header is malformed"))?;
        let mut value = HeaderValue::from_bytes(value.as_ref())
            .map_err(|_| Error::Request("the value of a header is malformed"))?;
        // Keeps it out of the logs of the libraries underneath.
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sets the body, sent with its length.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// The head of an answer, and its body as it comes in.
pub struct Response {
    inner: reqwest::Response,
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

    /// The next piece of the body, `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.inner.chunk().await.map_err(|error| classify(&error, self.proxy))
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
