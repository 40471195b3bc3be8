//! Readers of an instance's events as they happen.

mod catching_up;
mod files;

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use wharf_application::{
    instances::CreateInstance,
    live::{Heard, Reader, Render},
};
use wharf_domain::{
    Error, Result,
    address::Jid,
    delivery::Outcome,
    event::{Event, EventBody, EventFilter, EventId, EventKind, NewEvent},
    instance::Instance,
    ports::{Appended, EventLog, EventRetention, LogStart, Meter, Pruned},
    websocket::WebSocketConfig,
};
use wharf_testkit::{InMemorySession, InMemoryStore, InMemoryWhatsApp, build};

use crate::{World, wanted};

/// An instance whose WebSocket wants these events.
fn with_websocket(events: &[&str], media_base64: bool) -> CreateInstance {
    let events = EventFilter::parse(events.iter().copied()).unwrap();
    let websocket = Some(WebSocketConfig { enabled: true, events, media_base64 });
    CreateInstance { websocket, webhook: None, ..wanted("sales") }
}

/// Writes the words of a message down, who sent it, and what is told of its media; of anything else what it is.
fn render() -> Render {
    Arc::new(|event, instance, token, media| {
        assert!(!token.expose().is_empty());
        let line = match &event.body {
            EventBody::Message(message) => message.content.text().to_owned(),
            body => body.kind().as_str().to_owned(),
        };
        let from = match &event.body {
            EventBody::Message(message) => message.sender.jid.to_string(),
            _ => String::new(),
        };
        let along = media.and_then(|media| media.bytes.as_ref()).map(bytes::Bytes::len);
        let error = media.and_then(|media| media.bytes_error.clone());
        let in_bucket = media.is_some_and(|media| media.s3_url.is_some());
        [instance.to_string(), line, from, format!("{along:?} {error:?} {in_bucket}")]
            .join("\n")
            .into_bytes()
    })
}

/// What a reader hears next, by the lines of [`render`].
async fn next(reader: &mut Reader) -> Vec<String> {
    // A claim that does not hold should fail, not hang.
    let heard = tokio::time::timeout(std::time::Duration::from_mins(1), reader.next()).await;
    match heard.unwrap() {
        Heard::Event(event) => {
            let text = String::from_utf8(event.text().to_vec()).unwrap();
            text.split('\n').map(str::to_owned).collect()
        }
        other => panic!("{other:?} instead of an event"),
    }
}

/// The words of the next message.
async fn words(reader: &mut Reader) -> String {
    next(reader).await.swap_remove(1)
}

impl World {
    async fn attach(&self, instance: &Instance, since: Option<EventId>) -> Reader {
        self.services.live.attach(instance.id, since, render()).await.unwrap()
    }

    async fn set_websocket(&self, instance: &Instance, config: WebSocketConfig) {
        self.services.instances.update_websocket(instance, config).await.unwrap();
    }
}

fn bia() -> Jid {
    build::phone("5511999990002")
}

async fn say(session: &InMemorySession, text: &str) {
    session.receive(build::incoming(&bia(), text)).await.unwrap();
}

/// The log, and how often it was read.
struct CountedLog {
    log: Arc<InMemoryStore>,
    reads: AtomicUsize,
}

#[async_trait]
impl EventLog for CountedLog {
    async fn append(
        &self,
        instance: wharf_domain::instance::InstanceId,
        events: &[NewEvent],
    ) -> Result<Vec<Appended>> {
        self.log.append(instance, events).await
    }

    async fn read(
        &self,
        instance: wharf_domain::instance::InstanceId,
        from: LogStart,
        limit: usize,
    ) -> Result<Vec<Event>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.log.read(instance, from, limit).await
    }

    async fn end(&self, instance: wharf_domain::instance::InstanceId) -> Result<i64> {
        self.log.end(instance).await
    }

    async fn prune(&self, keep: &EventRetention, limit: u64) -> Result<Pruned> {
        self.log.prune(keep, limit).await
    }
}

/// What is measured of readers.
#[derive(Default)]
struct ReaderMeter {
    readers: AtomicI64,
    sent: AtomicUsize,
    too_slow: AtomicUsize,
}

impl Meter for ReaderMeter {
    fn event_recorded(&self, _: EventKind, _: bool) {}
    fn webhook_tried(&self, _: &Outcome, _: std::time::Duration) {}
    fn dead_letter(&self) {}
    fn pruned(&self, _: u64, _: u64) {}
    fn sink_away(&self, _: bool) {}
    fn reconnect_tried(&self) {}
    fn socket_readers(&self, change: i64) {
        self.readers.fetch_add(change, Ordering::SeqCst);
    }
    fn socket_sent(&self) {
        self.sent.fetch_add(1, Ordering::SeqCst);
    }
    fn socket_too_slow(&self) {
        self.too_slow.fetch_add(1, Ordering::SeqCst);
    }
    fn store_written(&self, _: std::time::Duration, _: bool) {}
}

#[tokio::test]
async fn every_reader_hears_what_happens_to_its_instance_in_order() {
    let world = World::started().await;
    let (sales, session) = world.connected_like(with_websocket(&[], false)).await;
    let (_, other) = world.connected("other").await;
    let (mut one, mut two) = (world.attach(&sales, None).await, world.attach(&sales, None).await);
    for n in 0..100 {
        say(&session, &format!("{n}")).await;
        say(&other, "not for sales").await;
    }
    for reader in [&mut one, &mut two] {
        for n in 0..100 {
            assert_eq!(next(reader).await[..2], ["sales".to_owned(), n.to_string()]);
        }
    }
}

#[tokio::test]
async fn nobody_hears_what_happened_before() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_websocket(&[], false)).await;
    say(&session, "before").await;
    let mut first = world.attach(&instance, None).await;
    say(&session, "between").await;
    let mut second = world.attach(&instance, None).await;
    say(&session, "after").await;
    assert_eq!(words(&mut first).await, "between");
    assert_eq!(words(&mut first).await, "after");
    assert_eq!(words(&mut second).await, "after");
}

#[tokio::test]
async fn what_is_heard_is_what_the_websocket_is_set_up_for_when_it_happens() {
    let world = World::started().await;
    let (instance, session) =
        world.connected_like(with_websocket(&["message.exchange"], false)).await;
    let mut reader = world.attach(&instance, None).await;
    let label = || wharf_domain::label::LabelChange {
        label: "1".to_owned(),
        action: wharf_domain::label::LabelAction::Edited { name: "vip".to_owned(), color: 1 },
        timestamp: build::moment(0),
    };
    let labelled = |key: &str| wharf_domain::ports::SessionEvent::Label {
        key: wharf_domain::event::EventKey(key.to_owned()),
        change: label(),
    };
    session.emit(labelled("one"));
    say(&session, "heard").await;
    assert_eq!(words(&mut reader).await, "heard");
    let labels_alone = WebSocketConfig {
        enabled: true,
        events: EventFilter::parse(["label.update"]).unwrap(),
        media_base64: false,
    };
    world.set_websocket(&instance, labels_alone).await;
    say(&session, "not heard").await;
    session.emit(labelled("two"));
    assert_eq!(words(&mut reader).await, "label.update");
}

#[tokio::test]
async fn a_reader_stays_when_the_websocket_is_switched_off_and_hears_what_it_heard() {
    let world = World::started().await;
    let (instance, session) =
        world.connected_like(with_websocket(&["message.exchange"], false)).await;
    let mut reader = world.attach(&instance, None).await;
    world.set_websocket(&instance, WebSocketConfig::default()).await;
    session.emit(wharf_domain::ports::SessionEvent::KeepaliveTimeout);
    say(&session, "still").await;
    say(&session, "there").await;
    assert_eq!(words(&mut reader).await, "still");
    assert_eq!(words(&mut reader).await, "there");
}

#[tokio::test]
async fn a_reader_who_does_not_keep_up_is_let_go_and_holds_up_nobody() {
    let meter = Arc::new(ReaderMeter::default());
    let (whatsapp, store) = (Arc::<InMemoryWhatsApp>::default(), Arc::<InMemoryStore>::default());
    let world = World::with(store, whatsapp, |ports| ports.meter = meter.clone()).await;
    world.services.start().await.unwrap();
    let (instance, session) = world.connected_like(with_websocket(&[], false)).await;
    let (mut slow, mut quick) =
        (world.attach(&instance, None).await, world.attach(&instance, None).await);
    for n in 0..5000 {
        say(&session, &format!("{n}")).await;
        assert_eq!(words(&mut quick).await, n.to_string());
    }
    assert!(matches!(slow.next().await, Heard::TooSlow));
    assert_eq!(meter.too_slow.load(Ordering::SeqCst), 1);
    assert_eq!(meter.sent.load(Ordering::SeqCst), 5000);
    assert_eq!(meter.readers.load(Ordering::SeqCst), 2);
    drop((slow, quick));
    assert_eq!(meter.readers.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_log_is_read_for_readers_and_for_nobody_else() {
    let (whatsapp, store) = (Arc::<InMemoryWhatsApp>::default(), Arc::<InMemoryStore>::default());
    let log = Arc::new(CountedLog { log: store.clone(), reads: AtomicUsize::new(0) });
    let world = World::with(store, whatsapp, |ports| ports.log = log.clone()).await;
    world.services.start().await.unwrap();
    let (instance, session) = world.connected_like(with_websocket(&[], false)).await;
    let reads = || log.reads.load(Ordering::SeqCst);
    say(&session, "nobody listens").await;
    world.settle().await;
    assert_eq!(reads(), 0);
    let mut reader = world.attach(&instance, None).await;
    say(&session, "somebody does").await;
    assert_eq!(words(&mut reader).await, "somebody does");
    world.settle().await;
    let so_far = reads();
    assert!(so_far > 0);
    drop(reader);
    for _ in 0..10 {
        say(&session, "nobody listens any more").await;
    }
    world.clock.advance(crate::LONG);
    world.settle().await;
    assert_eq!(reads(), so_far);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_for_a_while_costs_nothing_but_time() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_websocket(&[], false)).await;
    let mut reader = world.attach(&instance, None).await;
    say(&session, "one").await;
    assert_eq!(words(&mut reader).await, "one");
    world.settle().await;
    say(&session, "two").await;
    world.store.set_failing(true);
    world.settle().await;
    world.store.set_failing(false);
    for _ in 0..3 {
        world.clock.advance(std::time::Duration::from_secs(1));
        world.settle().await;
    }
    say(&session, "three").await;
    assert_eq!(words(&mut reader).await, "two");
    assert_eq!(words(&mut reader).await, "three");
}

#[tokio::test]
async fn a_number_learnt_after_an_event_was_recorded_is_told() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_websocket(&[], false)).await;
    let mut before = world.attach(&instance, None).await;
    let lid = build::jid("123456@lid");
    session.receive(build::incoming(&lid, "who am I?")).await.unwrap();
    assert_eq!(next(&mut before).await[2], lid.to_string());
    world.whatsapp.learn_phone(instance.id, &lid, &bia());
    session.receive(build::incoming(&lid, "you know")).await.unwrap();
    assert_eq!(next(&mut before).await[2], bia().to_string());
    let first = world.store.events(instance.id)[0].id;
    let mut later = world.attach(&instance, Some(first)).await;
    while words(&mut later).await != "who am I?" {}
    let mut again = world.attach(&instance, Some(first)).await;
    let asked = loop {
        let heard = next(&mut again).await;
        if heard[1] == "who am I?" {
            break heard;
        }
    };
    assert_eq!(asked[2], bia().to_string(), "also of what was recorded before");
}

#[tokio::test]
async fn readers_are_let_go_when_the_instance_is_removed() {
    let world = World::started().await;
    let (instance, _) = world.connected_like(with_websocket(&[], false)).await;
    let mut reader = world.attach(&instance, None).await;
    world.services.instances.delete(world.account, &instance.name).await.unwrap();
    // At once: nobody winds the clock.
    while !matches!(reader.next().await, Heard::Closed) {}
    let refused = world.services.live.attach(instance.id, None, render()).await.err();
    assert!(matches!(refused, Some(Error::NotFound(_))), "{refused:?}");
}

#[tokio::test]
async fn readers_are_let_go_when_the_gateway_stops_and_hear_what_waited() {
    let world = World::started().await;
    let (instance, session) = world.connected_like(with_websocket(&[], false)).await;
    let mut reader = world.attach(&instance, None).await;
    let oldest = world.store.events(instance.id)[0].id;
    let mut catching_up = world.attach(&instance, Some(oldest)).await;
    say(&session, "last words").await;
    assert_eq!(words(&mut reader).await, "last words");
    world.services.stop().await;
    for reader in [&mut reader, &mut catching_up] {
        while !matches!(reader.next().await, Heard::Closed) {}
    }
    let mut late = world.attach(&instance, None).await;
    assert!(matches!(late.next().await, Heard::Closed));
}
