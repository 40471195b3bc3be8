//! What one sink does to another, and to the queue: nothing.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;
use wharf_application::ApplicationConfig;
use wharf_domain::{
    Result, Timestamp,
    delivery::{Attempt, Delivery, DeliveryId, Dispatch, Probe, Settlement, SinkLane, SinkRef},
    event::{EventBody, NewEvent},
    instance::Instance,
    ports::{DeliveryQueue, EventLog, EventSink, Room},
};
use wharf_testkit::{InMemoryStore, RecordingSink, build};

use super::{LONG, World, retry};

/// How a receiver behaves before it answers as the recording sink says.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Manner {
    Prompt,
    /// Does not answer as long as it is so.
    Mute,
    Panics,
}

/// Instances whose name begins with `odd` have receivers of that manner; those of all others are prompt.
pub(super) struct Receivers {
    manner: watch::Sender<Manner>,
    /// How many attempts began.
    tried: watch::Sender<usize>,
    recording: Arc<RecordingSink>,
}

impl Receivers {
    pub(super) async fn until_tried(&self, count: usize) {
        self.tried.subscribe().wait_for(|tried| *tried >= count).await.unwrap();
    }

    pub(super) fn tried(&self) -> usize {
        *self.tried.borrow()
    }
}

#[async_trait]
impl EventSink for Receivers {
    async fn deliver(&self, dispatch: &Dispatch<'_>) -> Attempt {
        if dispatch.instance.as_str().starts_with("odd") {
            self.tried.send_modify(|tried| *tried += 1);
            let mut manner = self.manner.subscribe();
            let manner = *manner.wait_for(|manner| *manner != Manner::Mute).await.unwrap();
            assert!(manner != Manner::Panics, "this receiver panics");
        }
        self.recording.deliver(dispatch).await
    }

    async fn probe(&self, probe: &Probe<'_>) -> Attempt {
        self.recording.probe(probe).await
    }
}

/// Counts what the deliverer asks, and panics when it is told to.
struct Watched {
    store: Arc<InMemoryStore>,
    looks: AtomicUsize,
    panics: Mutex<Option<&'static str>>,
}

impl Watched {
    fn panic_if_told(&self, call: &str) {
        let told = self.panics.lock().unwrap().take_if(|told| *told == call);
        assert!(told.is_none(), "the queue panics once");
    }
}

#[async_trait]
impl DeliveryQueue for Watched {
    async fn due(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        self.panic_if_told("due");
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.store.due(now, room).await
    }

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<Vec<SinkLane>> {
        self.panic_if_told("settle");
        self.store.settle(settlements).await
    }

    async fn heads(&self, served: &HashSet<SinkLane>) -> Result<Vec<(SinkRef, Timestamp)>> {
        self.store.heads(served).await
    }
}

/// Two instances whose events go to receivers of their own.
pub(super) struct Crowd {
    pub(super) world: World,
    pub(super) receivers: Arc<Receivers>,
    queue: Arc<Watched>,
    pub(super) odd: Instance,
    pub(super) other: Instance,
}

impl Crowd {
    /// Two instances; the receiver of one has that manner.
    pub(super) async fn with(manner: Manner) -> Self {
        Self::like(manner, |_| {}).await
    }

    pub(super) async fn like(
        manner: Manner,
        configure: impl FnOnce(&mut ApplicationConfig),
    ) -> Self {
        let store = Arc::<InMemoryStore>::default();
        let receivers = Arc::new(Receivers {
            manner: watch::Sender::new(manner),
            tried: watch::Sender::default(),
            recording: Arc::default(),
        });
        let queue = Arc::new(Watched {
            store: store.clone(),
            looks: AtomicUsize::default(),
            panics: Mutex::default(),
        });
        let mut world = World::like(store, Arc::default(), |ports, config| {
            ports.queue = queue.clone();
            ports.webhook_sink = receivers.clone();
            configure(config);
        })
        .await;
        world.sink = receivers.recording.clone();
        let odd = world.instance_at("odd", "http://odd.test/hook").await;
        let other = world.instance_at("other", "http://other.test/hook").await;
        Self { world, receivers, queue, odd, other }
    }

    /// Records messages from so many chats, one each.
    pub(super) async fn record(&self, instance: &Instance, chats: std::ops::Range<usize>) {
        let events: Vec<NewEvent> = chats
            .map(|chat| build::phone(&format!("55119999{chat:05}")))
            .map(|from| build::message_event(build::incoming(&from, instance.name.as_str())))
            .collect();
        self.world.store.append(instance.id, &events).await.unwrap();
    }

    pub(super) async fn start(&self) {
        self.world.services.start().await.unwrap();
    }

    pub(super) fn delivered_to(&self, instance: &Instance) -> usize {
        let delivered = self.world.sink.delivered();
        let own = delivered.iter().filter(|event| event.instance == instance.id);
        own.filter(|event| matches!(event.body, EventBody::Message(_))).count()
    }

    pub(super) async fn until_delivered_to(&self, instance: &Instance, count: usize) {
        for _ in 0..10_000 {
            if self.delivered_to(instance) >= count {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} got {} of {count}", instance.name, self.delivered_to(instance));
    }

    pub(super) fn behave(&self, manner: Manner) {
        self.receivers.manner.send_replace(manner);
    }
}

/// Lets everything run that can without time passing.
pub(super) async fn come_to_rest() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_mute_receiver_with_many_chats_does_not_hold_up_another() {
    let crowd = Crowd::with(Manner::Mute).await;
    crowd.record(&crowd.odd, 0..140).await;
    crowd.record(&crowd.other, 0..40).await;
    crowd.start().await;
    crowd.until_delivered_to(&crowd.other, 40).await;
    come_to_rest().await;
    assert_eq!(crowd.receivers.tried(), 8, "lanes of the mute receiver that are served");
    crowd.behave(Manner::Prompt);
    crowd.until_delivered_to(&crowd.odd, 140).await;
}

#[tokio::test]
async fn the_queue_is_left_alone_while_nothing_can_be_served() {
    let crowd = Crowd::with(Manner::Mute).await;
    // One sink that has its share, then as many as there are lanes.
    crowd.record(&crowd.odd, 0..140).await;
    crowd.start().await;
    crowd.receivers.until_tried(8).await;
    leaves_the_queue_alone(&crowd, 10).await;
    for index in 1..40 {
        let url = format!("http://odd{index}.test/hook");
        let instance = crowd.world.instance_at(&format!("odd{index}"), &url).await;
        crowd.record(&instance, 0..20).await;
    }
    crowd.world.clock.advance(LONG);
    crowd.receivers.until_tried(256).await;
    leaves_the_queue_alone(&crowd, 30).await;
    assert_eq!(crowd.receivers.tried(), 256);
    crowd.behave(Manner::Prompt);
    crowd.until_delivered_to(&crowd.odd, 140).await;
}

/// It has been asked less often than that, and is not asked again.
async fn leaves_the_queue_alone(crowd: &Crowd, most: usize) {
    come_to_rest().await;
    let looks = crowd.queue.looks.load(Ordering::SeqCst);
    come_to_rest().await;
    assert_eq!(crowd.queue.looks.load(Ordering::SeqCst), looks);
    assert!(looks < most, "{looks} looks");
}

#[tokio::test]
async fn what_is_under_way_waits_in_the_queue_as_it_did() {
    let crowd = Crowd::with(Manner::Mute).await;
    crowd.record(&crowd.odd, 0..140).await;
    crowd.start().await;
    crowd.receivers.until_tried(8).await;
    come_to_rest().await;
    let room = Room::of(1000, 1);
    let waiting = crowd.world.store.due(build::moment(86_400), &room).await.unwrap();
    assert_eq!(waiting.len(), 140);
    assert!(waiting.iter().all(|delivery| delivery.attempts == 0));
}

/// While nothing else waits, the store is not asked for what was just recorded.
#[tokio::test]
async fn what_is_recorded_goes_out_without_a_look_for_it() {
    let crowd = Crowd::with(Manner::Prompt).await;
    crowd.start().await;
    let (instance, session) = crowd.world.connected("busy").await;
    come_to_rest().await;
    let looks = crowd.queue.looks.load(Ordering::SeqCst);
    for round in 1..=20 {
        let from = build::phone(&format!("55119999{:05}", round % 3));
        session.receive(build::incoming(&from, "hi")).await.unwrap();
        crowd.until_delivered_to(&instance, round).await;
    }
    come_to_rest().await;
    assert_eq!(crowd.queue.looks.load(Ordering::SeqCst), looks);
    assert_eq!(crowd.world.store.undelivered(), 0);
}

#[tokio::test]
async fn a_panicking_attempt_is_tried_again_and_the_others_go_on() {
    let crowd = Crowd::with(Manner::Panics).await;
    crowd.record(&crowd.odd, 0..2).await;
    crowd.record(&crowd.other, 0..5).await;
    crowd.start().await;
    crowd.receivers.until_tried(2).await;
    crowd.until_delivered_to(&crowd.other, 5).await;
    crowd.behave(Manner::Prompt);
    come_to_rest().await;
    assert_eq!(crowd.delivered_to(&crowd.odd), 0);
    crowd.world.clock.advance(LONG);
    crowd.until_delivered_to(&crowd.odd, 2).await;
}

#[tokio::test]
async fn a_panic_of_the_loops_is_survived() {
    for call in ["due", "settle"] {
        let crowd = Crowd::with(Manner::Prompt).await;
        *crowd.queue.panics.lock().unwrap() = Some(call);
        crowd.record(&crowd.other, 0..1).await;
        crowd.start().await;
        crowd.world.clock.until_sleeping(1).await;
        come_to_rest().await;
        assert_eq!(*crowd.queue.panics.lock().unwrap(), None, "{call}");
        crowd.world.clock.advance(LONG);
        come_to_rest().await;
        // The second of a chat has its turn only when the first was settled.
        crowd.record(&crowd.other, 0..2).await;
        crowd.world.clock.advance(LONG);
        crowd.until_delivered_to(&crowd.other, 3).await;
        assert_eq!(crowd.delivered_to(&crowd.other), 3, "{call}");
    }
}

#[tokio::test]
async fn a_sink_that_is_away_is_probed_with_one_lane_until_it_is_back() {
    let crowd = Crowd::with(Manner::Prompt).await;
    let is_odd = |dispatch: &Dispatch<'_>| dispatch.instance.as_str() == "odd";
    crowd.world.sink.answer_by(move |dispatch| is_odd(dispatch).then(retry));
    crowd.record(&crowd.odd, 0..60).await;
    crowd.start().await;
    crowd.receivers.until_tried(8).await;
    come_to_rest().await;
    assert_eq!(crowd.receivers.tried(), 8, "it opens after eight lanes");
    crowd.record(&crowd.other, 0..3).await;
    for probes in 1..=3 {
        crowd.world.clock.advance(LONG);
        come_to_rest().await;
        assert_eq!(crowd.receivers.tried(), 8 + probes);
    }
    crowd.until_delivered_to(&crowd.other, 3).await;
    crowd.world.sink.answer_by(|_| None);
    come_to_rest().await;
    assert_eq!(crowd.delivered_to(&crowd.odd), 0);
    crowd.world.clock.advance(LONG);
    crowd.until_delivered_to(&crowd.odd, 60).await;
    assert_eq!(crowd.receivers.tried(), 8 + 3 + 60, "each got through at its next attempt");
}

#[tokio::test]
async fn one_event_that_is_refused_again_and_again_does_not_stop_its_sink() {
    let crowd = Crowd::with(Manner::Prompt).await;
    crowd.world.sink.answer_by(|_| Some(retry()));
    crowd.record(&crowd.odd, 0..1).await;
    crowd.start().await;
    for attempts in 1..=12 {
        crowd.receivers.until_tried(attempts).await;
        come_to_rest().await;
        crowd.world.clock.advance(LONG);
    }
    crowd.receivers.until_tried(13).await;
    come_to_rest().await;
    crowd.world.sink.answer_by(|_| None);
    crowd.record(&crowd.odd, 1..2).await;
    // Shorter than the pause of a sink that was away for so many attempts.
    crowd.world.clock.advance(Duration::from_secs(30));
    crowd.until_delivered_to(&crowd.odd, 1).await;
}
