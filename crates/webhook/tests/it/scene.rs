use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;
use wharf_domain::Timestamp;
use wharf_domain::delivery::{Attempt, Dispatch, MediaCopy, Outcome, Probe};
use wharf_domain::event::{Event, EventBody, EventFilter, EventId};
use wharf_domain::instance::{InstanceId, InstanceName};
use wharf_domain::ports::{Clock, EventSink};
use wharf_domain::state::StateChange;
use wharf_domain::token::Token;
use wharf_domain::webhook::{WebhookTarget, WebhookUrl};
use wharf_net::{Egress, Net, Roots, Tls};
use wharf_webhook::{WebhookConfig, WebhookSink};

pub const NOW: i64 = 1_767_268_800;
pub const EVENT_ID: &str = "019b7a5e-6c00-7000-8000-000000000001";
pub const TOKEN: &str = "instance-token";

/// A clock that stands still, and on which a pause is over at once or never.
struct Standing {
    pauses_end: bool,
}

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(NOW, 0).unwrap()
    }

    async fn sleep(&self, _: Duration) {
        if !self.pauses_end {
            std::future::pending::<()>().await;
        }
    }
}

pub fn net(egress: Egress) -> Net {
    Net::new(Tls::new(Roots::web()), egress)
}

pub fn sink(net: &Net) -> WebhookSink {
    sink_with(net, WebhookConfig::default(), false)
}

/// One that waits so long for answers, and for the rest of an answer as long as it takes or not at all.
pub fn sink_with(net: &Net, config: WebhookConfig, is_impatient: bool) -> WebhookSink {
    let clock = Arc::new(Standing { pauses_end: is_impatient });
    WebhookSink::new(net, clock, "https://wharf.example.com".to_owned(), config).unwrap()
}

/// A target that wants everything, unsigned and without authorization.
pub fn target(url: &str) -> WebhookTarget {
    WebhookTarget {
        url: WebhookUrl::parse(url).unwrap(),
        authorization: None,
        secret: None,
        previous_secret: None,
        by_events: false,
        events: EventFilter::default(),
        media_base64: false,
    }
}

/// What came of one attempt to deliver the same event, of kind `instance.state`.
pub async fn attempt(sink: &WebhookSink, target: &WebhookTarget) -> Outcome {
    let body = EventBody::State(StateChange::KeepaliveRestored);
    attempt_of(sink, target, body, None).await.outcome
}

/// One attempt to deliver a test event.
pub async fn probe(sink: &WebhookSink, target: &WebhookTarget) -> Attempt {
    let probe = Probe {
        id: EventId(Uuid::parse_str(EVENT_ID).unwrap()),
        at: Timestamp::from_timestamp(NOW, 0).unwrap(),
        instance: &InstanceName::parse("sales").unwrap(),
        token: &Token::parse(TOKEN).unwrap(),
        target,
    };
    sink.probe(&probe).await
}

/// One attempt to deliver an event and what can be told of its media.
pub async fn attempt_of(
    sink: &WebhookSink,
    target: &WebhookTarget,
    body: EventBody,
    media: Option<&MediaCopy>,
) -> Attempt {
    let event = Event {
        id: EventId(Uuid::parse_str(EVENT_ID).unwrap()),
        instance: InstanceId(Uuid::nil()),
        sequence: 1,
        recorded_at: Timestamp::from_timestamp(NOW - 60, 0).unwrap(),
        body,
    };
    let dispatch = Dispatch {
        event: &event,
        instance: &InstanceName::parse("sales").unwrap(),
        token: &Token::parse(TOKEN).unwrap(),
        target,
        media,
    };
    sink.deliver(&dispatch).await
}
