use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::Error;
use crate::body::{Body, Progress};

/// An HTTP request. Its `Debug` shows method and host only.
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
    within: Option<Duration>,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        let body = Body::whole(Bytes::new());
        Self { method, url, headers: HeaderMap::new(), body, within: None }
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
        Self { body: Body::whole(body.into()), ..self }
    }

    /// Sets a body of `size` bytes that is sent, with its length, as it comes.
    ///
    /// When it fails, or is not as long as it should be, the request breaks off: the server sees that something is
    /// missing.
    #[must_use]
    pub fn stream<S, E>(self, size: u64, stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        Self { body: Body::streamed(size, stream), ..self }
    }

    /// Sets how long this request may take in all, instead of what its client allows.
    #[must_use]
    pub fn within(self, total: Duration) -> Self {
        Self { within: Some(total), ..self }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn into_reqwest(
        mut self,
        client: &reqwest::Client,
    ) -> (reqwest::RequestBuilder, Progress) {
        if let Body::Streamed { size, .. } = &self.body {
            // Without it the body would go out in chunks, which not every server takes.
            self.headers.insert(CONTENT_LENGTH, (*size).into());
        }
        let (body, progress) = self.body.into_reqwest();
        let request = client.request(self.method, self.url).headers(self.headers).body(body);
        let request = match self.within {
            Some(total) => request.timeout(total),
            None => request,
        };
        (request, progress)
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
