use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wharf_domain::delivery::{Dispatch, Outcome};
use wharf_domain::ports::{Clock, EventSink};
use wharf_net::{Client, Error, Guard, Method, Net, Request, Timeouts};

use crate::{sign, target, verdict};

/// What a receiver may take to answer. Receivers are to accept quickly and work later.
const ANSWERING: Duration = Duration::from_secs(15);

/// The slowest that an envelope with media in it may travel, in bytes a second.
const SLOWEST: usize = 256 * 1024;

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    stall: ANSWERING,
    // Each request has its own.
    total: None,
};

/// How much of an answer is read, and forgotten, so that the connection can be used again.
const ANSWER_READ: usize = 16 * 1024;

/// Posts events to webhooks.
pub struct WebhookSink {
    client: Client,
    guard: Guard,
    clock: Arc<dyn Clock>,
    base_url: String,
}

impl WebhookSink {
    /// Posts through clients of `net`. `base_url` is the server's own address, which envelopes
    /// tell.
    pub fn new(net: &Net, clock: Arc<dyn Clock>, base_url: String) -> Result<Self, Error> {
        let client = net.guarded_client(TIMEOUTS)?;
        Ok(Self { client, guard: net.guard(), clock, base_url })
    }

    fn request(&self, dispatch: &Dispatch<'_>) -> Result<Request, Error> {
        let Dispatch { event, instance, token, target, media } = dispatch;
        let url = target::url(target, event.body.kind());
        self.guard.check_url(&url).map_err(Error::Refused)?;
        let body = wharf_wire::envelope(event, instance, token, &self.base_url, *media);
        let id = event.id.0.to_string();
        let timestamp = self.clock.now().timestamp();
        let mut request = Request::new(Method::POST, url)
            .header("content-type", "application/json")?
            .header("webhook-id", &id)?
            .header("webhook-timestamp", timestamp.to_string())?;
        if let Some(secret) = &target.secret {
            request = request.header("webhook-signature", sign(secret, &id, timestamp, &body))?;
        }
        if let Some(authorization) = &target.authorization {
            request = request.header("authorization", authorization.expose())?;
        }
        let time = time_for(body.len());
        Ok(request.body(body).within(time))
    }
}

/// What one attempt may take: more for media, which does not travel in no time.
fn time_for(body: usize) -> Duration {
    let travelling = u32::try_from(body / SLOWEST).unwrap_or(u32::MAX);
    ANSWERING + Duration::from_secs(travelling.into())
}

#[async_trait]
impl EventSink for WebhookSink {
    async fn deliver(&self, dispatch: &Dispatch<'_>) -> Outcome {
        let request = match self.request(dispatch) {
            Ok(request) => request,
            // The configuration itself is at fault: trying again would change nothing.
            Err(error) => return Outcome::Failed { reason: error.to_string() },
        };
        match self.client.send(request).await {
            Ok(answer) => {
                let outcome =
                    verdict::of_answer(answer.status(), answer.headers(), self.clock.now());
                answer.discard(ANSWER_READ).await;
                outcome
            }
            // A refusal at this point is about what the name resolves to now, which may change.
            Err(error) => Outcome::Retry { reason: error.to_string(), after: None },
        }
    }
}

impl fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSink").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_has_the_time_it_takes_to_travel() {
        assert_eq!(time_for(2_000), Duration::from_secs(15));
        // Sixteen megabytes as base64.
        assert_eq!(time_for(22_369_622), Duration::from_secs(15 + 85));
    }
}
