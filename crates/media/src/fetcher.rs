use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;
use wharf_domain::media::FetchedMedia;
use wharf_domain::ports::MediaFetcher;
use wharf_domain::{Error, Result};
use wharf_net::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, LOCATION};
use wharf_net::{Client, Method, Net, Request, Response, Timeouts};

use crate::file_name;

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    stall: Duration::from_secs(20),
    total: Some(Duration::from_mins(2)),
};

/// How often a server may send us elsewhere.
const MOST_REDIRECTS: usize = 5;

/// The longest type that is believed to be one.
const LONGEST_TYPE: usize = 127;

/// Fetches files from URLs that callers give.
pub struct HttpMediaFetcher {
    client: Client,
}

impl HttpMediaFetcher {
    /// Fetches through a guarded client of `net`.
    pub fn new(net: &Net) -> Result<Self> {
        Self::with_timeouts(net, TIMEOUTS)
    }

    /// The same with other limits than 10 seconds for a connection, 20 without a byte and two minutes in all.
    pub fn with_timeouts(net: &Net, timeouts: Timeouts) -> Result<Self> {
        let client =
            net.guarded_client(timeouts).map_err(|e| Error::unavailable("the media client", e))?;
        Ok(Self { client })
    }

    /// The answer at the end of all redirects, and the URL it came from.
    async fn follow(&self, url: &Url) -> Result<(Response, Url)> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            // A name and a password are for the host they were given for, and a fragment for nobody.
            url.set_fragment(None);
            let request = Request::new(Method::GET, url.clone());
            let answer = self.client.send(request).await.map_err(unfetchable)?;
            if !answer.status().is_redirection() {
                return Ok((answer, url));
            }
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            url = location
                .and_then(|location| url.join(location).ok())
                .ok_or_else(|| refused("the server redirects to no address"))?;
        }
        Err(refused("the server redirects more often than five times"))
    }
}

#[async_trait]
impl MediaFetcher for HttpMediaFetcher {
    async fn fetch(&self, url: &Url, limit: u64) -> Result<FetchedMedia> {
        let (answer, url) = self.follow(url).await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(refused(format!("the server answered with status {}", status.as_u16())));
        }
        let headers = answer.headers();
        let disposition = headers.get(CONTENT_DISPOSITION).map(|value| value.as_bytes().to_owned());
        let mime_type = mime_type(headers);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let bytes = answer.bytes(limit).await.map_err(unfetchable)?;
        let file_name = file_name::of(disposition.as_deref(), &url);
        Ok(FetchedMedia { bytes, mime_type, file_name })
    }
}

impl fmt::Debug for HttpMediaFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpMediaFetcher").finish_non_exhaustive()
    }
}

/// The type as the server writes it, parameters included, if it looks like one.
fn mime_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?.trim();
    let looks_right = text.len() <= LONGEST_TYPE && text.contains('/');
    looks_right.then(|| text.to_owned())
}

/// Failures of the network hold neither URLs nor headers, so their words can be told.
fn unfetchable(failure: wharf_net::Error) -> Error {
    match failure {
        wharf_net::Error::TooLong { limit } => refused(format!("is larger than {limit} bytes")),
        other => refused(format!("cannot be fetched: {other}")),
    }
}

fn refused(reason: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid("mediaUrl", reason)
}
