use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::select;
use url::Url;
use wharf_domain::delivery::{Attempt, Dispatch, Outcome, Probe};
use wharf_domain::event::EventId;
use wharf_domain::ports::{Clock, EventSink};
use wharf_domain::webhook::WebhookTarget;
use wharf_net::{Client, Error, Guard, Method, Net, Request, Response, Timeouts};

use crate::{WebhookConfig, signature, target, verdict};

/// How much of an answer is read, and forgotten, so that the connection can be used again.
const ANSWER_READ: usize = 16 * 1024;

/// How long that may take. The status has told everything already.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Posts events to webhooks.
pub struct WebhookSink {
    client: Client,
    guard: Guard,
    clock: Arc<dyn Clock>,
    base_url: String,
    config: WebhookConfig,
}

impl WebhookSink {
    /// Posts through clients of `net`. `base_url` is the server's own address, which envelopes
    /// tell.
    pub fn new(
        net: &Net,
        clock: Arc<dyn Clock>,
        base_url: String,
        config: WebhookConfig,
    ) -> Result<Self, Error> {
        let timeouts = Timeouts {
            connect: config.connect_timeout,
            stall: config.timeout,
            // Each request has its own.
            total: None,
        };
        let client = net.guarded_client(timeouts)?;
        Ok(Self { client, guard: net.guard(), clock, base_url, config })
    }

    fn request(
        &self,
        id: EventId,
        target: &WebhookTarget,
        url: Url,
        body: impl FnOnce() -> Vec<u8>,
    ) -> Result<Request, Error> {
        self.guard.check_url(&url).map_err(Error::Refused)?;
        let body = body();
        let id = id.0.to_string();
        let now = self.clock.now();
        let timestamp = now.timestamp();
        let mut request = Request::new(Method::POST, url)
            .header("content-type", "application/json")?
            .header("webhook-id", &id)?
            .header("webhook-timestamp", timestamp.to_string())?;
        if let Some(signatures) = signature::of(target, now, &id, timestamp, &body) {
            request = request.header("webhook-signature", signatures)?;
        }
        if let Some(authorization) = &target.authorization {
            request = request.header("authorization", authorization.expose())?;
        }
        let time = self.config.time_for(body.len());
        Ok(request.body(body).within(time))
    }

    async fn attempt(&self, request: Result<Request, Error>) -> Attempt {
        let request = match request {
            Ok(request) => request,
            // The configuration itself is at fault: trying again would change nothing.
            Err(error) => {
                let outcome = Outcome::Failed { reason: error.to_string() };
                return Attempt { status: None, outcome };
            }
        };
        match self.client.send(request).await {
            Ok(answer) => {
                let status = answer.status();
                let outcome = verdict::of_answer(status, answer.headers(), self.clock.now());
                self.discard(answer).await;
                Attempt { status: Some(status.as_u16()), outcome }
            }
            // A refusal at this point is about what the name resolves to now, which may change.
            Err(error) => {
                let outcome = Outcome::Retry { reason: error.to_string(), after: None };
                Attempt { status: None, outcome }
            }
        }
    }

    async fn discard(&self, answer: Response) {
        let (read, late) = (pin!(answer.discard(ANSWER_READ)), self.clock.sleep(ANSWER_TIME));
        select(read, late).await;
    }
}

#[async_trait]
impl EventSink for WebhookSink {
    async fn deliver(&self, dispatch: &Dispatch<'_>) -> Attempt {
        let Dispatch { event, instance, token, target, media } = dispatch;
        let url = target::url(target, event.body.kind().as_str());
        let body = || wharf_wire::envelope(event, instance, token, &self.base_url, *media);
        self.attempt(self.request(event.id, target, url, body)).await
    }

    async fn probe(&self, probe: &Probe<'_>) -> Attempt {
        let Probe { id, at, instance, token, target } = probe;
        let url = target::url(target, "test");
        let body = || wharf_wire::test_envelope(*id, *at, instance, token, &self.base_url);
        self.attempt(self.request(*id, target, url, body)).await
    }
}

impl fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSink")
            .field("base_url", &self.base_url)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
