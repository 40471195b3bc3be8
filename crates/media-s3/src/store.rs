use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use url::Url;
use wharf_domain::media::{ByteStream, MediaBody, StoredObject};
use wharf_domain::ports::{Clock, MediaStore};
use wharf_domain::s3::S3Config;
use wharf_domain::{Error, Result, Timestamp};
use wharf_net::{Client, Method, Net, Response, StatusCode, Timeouts};

use crate::config::{Config, Urls};
use crate::signing::Signer;
use crate::{Failure, answer, place};

/// A transfer takes as long as it takes, but something has to move.
const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(10), stall: Duration::from_secs(30), total: None };

/// How much of an answer without meaning is read, so that the connection can be used again.
const ANSWER_READ: usize = 16 * 1024;

/// Keeps media in S3 buckets.
pub struct S3MediaStore {
    client: Client,
    clock: Arc<dyn Clock>,
    config: Config,
}

impl S3MediaStore {
    /// Reaches the buckets through a guarded client of `net`, and signs by the time of `clock`.
    pub fn new(net: &Net, clock: Arc<dyn Clock>, config: Config) -> Result<Self> {
        Self::with_timeouts(net, clock, config, TIMEOUTS)
    }

    /// The same with other limits than 10 seconds for a connection and 30 without a byte moving.
    pub fn with_timeouts(
        net: &Net,
        clock: Arc<dyn Clock>,
        config: Config,
        timeouts: Timeouts,
    ) -> Result<Self> {
        let client =
            net.guarded_client(timeouts).map_err(|e| Error::unavailable("the S3 client", e))?;
        Ok(Self { client, clock, config })
    }

    /// Why an upload broke off. A server that refuses may hang up while the body is on its way, and its answer be lost;
    /// then it is asked for something without a body.
    async fn explain(&self, bucket: &S3Config, key: &str, failure: wharf_net::Error) -> Failure {
        if failure == wharf_net::Error::Broken
            && let Ok(answer) = self.ask(bucket, key).await
            && !answer.status().is_success()
        {
            let refusal = answer::failure(answer).await;
            if refusal.is_about_every_request() {
                return refusal;
            }
        }
        Failure::NoAnswer(failure)
    }

    async fn ask(&self, bucket: &S3Config, key: &str) -> Result<Response> {
        let url = self.address(bucket, key)?;
        let signer = signer(bucket, self.clock.now())?;
        let sent = self.client.send(signer.request(Method::GET, url, None)?).await;
        sent.map_err(|failure| download(Failure::NoAnswer(failure)))
    }

    fn address(&self, bucket: &S3Config, key: &str) -> Result<Url> {
        let endpoint = bucket.endpoint.as_deref();
        place::url(endpoint, &bucket.region, &bucket.bucket, key, self.config.addressing)
    }
}

#[async_trait]
impl MediaStore for S3MediaStore {
    async fn put(
        &self,
        bucket: &S3Config,
        key: &str,
        content_type: &str,
        body: MediaBody,
    ) -> Result<()> {
        let url = self.address(bucket, key)?;
        let signer = signer(bucket, self.clock.now())?;
        let request = signer.request(Method::PUT, url, Some(content_type))?;
        let (bytes, source) = watched(body.bytes);
        let answer = match self.client.send(request.stream(body.size, bytes)).await {
            Ok(answer) => answer,
            Err(failure) => {
                let at_source = source.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Err(match at_source {
                    Some(at_source) => at_source,
                    None => upload(self.explain(bucket, key, failure).await),
                });
            }
        };
        if !answer.status().is_success() {
            return Err(upload(answer::failure(answer).await));
        }
        answer.discard(ANSWER_READ).await;
        Ok(())
    }

    async fn get(&self, bucket: &S3Config, key: &str, limit: u64) -> Result<Option<MediaBody>> {
        let answer = self.ask(bucket, key).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return match answer::failure(answer).await {
                missing @ Failure::NoSuchBucket => Err(download(missing)),
                _ => Ok(None),
            };
        }
        if answer.status() != StatusCode::OK {
            return Err(download(answer::failure(answer).await));
        }
        let Some(size) = answer.content_length() else {
            return Err(download(Failure::Answer {
                status: StatusCode::OK.as_u16(),
                code: "without a length".to_owned(),
            }));
        };
        if size > limit {
            return Err(Error::invalid("media", format!("is larger than {limit} bytes")));
        }
        Ok(Some(MediaBody { size, bytes: pieces(answer) }))
    }

    fn url(&self, bucket: &S3Config, object: &StoredObject, now: Timestamp) -> Result<String> {
        let url = place::url(
            object.endpoint.as_deref(),
            &bucket.region,
            &object.bucket,
            &object.key,
            self.config.addressing,
        )?;
        match self.config.urls {
            Urls::Plain => Ok(url.into()),
            // A signature tells whoever gets the URL which key it was made with, and opens nothing elsewhere.
            Urls::Presigned if !bucket.has(object) => {
                Err(Error::invalid("the bucket", "is not configured any more"))
            }
            Urls::Presigned => signer(bucket, now)?.presigned(&url),
        }
    }
}

impl fmt::Debug for S3MediaStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3MediaStore").field("config", &self.config).finish_non_exhaustive()
    }
}

fn signer(bucket: &S3Config, now: Timestamp) -> Result<Signer<'_>> {
    Signer::new(&bucket.access_key, &bucket.secret_key, &bucket.region, now)
}

/// What went wrong where the bytes come from.
type AtSource = Arc<Mutex<Option<Error>>>;

/// Keeps an error of the body, so that it is not blamed on the server it was being sent to.
fn watched(
    bytes: ByteStream,
) -> (impl stream::Stream<Item = Result<bytes::Bytes, &'static str>> + Send + 'static, AtSource) {
    let source = AtSource::default();
    let keep = Arc::clone(&source);
    let bytes = bytes.map(move |piece| {
        piece.map_err(|error| {
            *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            "the body failed"
        })
    });
    (bytes, source)
}

fn pieces(answer: Response) -> ByteStream {
    stream::try_unfold(answer, async |mut answer| match answer.chunk().await {
        Ok(piece) => Ok(piece.map(|piece| (piece, answer))),
        Err(failure) => Err(download(Failure::NoAnswer(failure))),
    })
    .boxed()
}

fn upload(failure: Failure) -> Error {
    Error::unavailable("the upload to S3", failure)
}

fn download(failure: Failure) -> Error {
    Error::unavailable("the download from S3", failure)
}
