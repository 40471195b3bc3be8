//! A receiver that was down for hours, and what piled up meanwhile.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    delivery::{
        Attempt, Delivery, DeliveryId, Dispatch, Outcome, Probe, Settlement, SinkLane, SinkRef,
    },
    event::{Event, EventBody, EventId, Lane},
    instance::{Instance, InstanceId, InstanceName},
    ports::{DeliveryQueue, EventSink, Room, WebhookStore as _},
    webhook::WebhookLabel,
};
use wharf_testkit::build;

use super::{retry, shares::come_to_rest};
use crate::{LONG, World};

/// A long queue that is made up as it is asked for, and counts how many lanes are served.
#[derive(Default)]
struct Backlog(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    chats: Vec<Chat>,
    most_served: usize,
}

struct Chat {
    sink: SinkRef,
    instance: InstanceId,
    waiting: VecDeque<i64>,
    due: Timestamp,
}

impl Backlog {
    fn add(&self, sink: SinkRef, instance: &Instance, chats: usize, each: i64) {
        let mut state = self.0.lock().unwrap();
        state.chats.extend((0..chats).map(|_| Chat {
            sink,
            instance: instance.id,
            waiting: (0..each).collect(),
            due: build::moment(0),
        }));
    }

    fn most_served(&self) -> usize {
        self.0.lock().unwrap().most_served
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().chats.iter().map(|chat| chat.waiting.len()).sum()
    }
}

impl Queue {
    /// The chats of lanes that are not served, in which something waits.
    fn open(&self, served: &HashSet<SinkLane>) -> impl Iterator<Item = (SinkLane, usize, &Chat)> {
        let lanes =
            self.chats.iter().enumerate().map(|(index, chat)| (chat.lane(index), index, chat));
        lanes.filter(|(lane, _, chat)| !chat.waiting.is_empty() && !served.contains(lane))
    }
}

impl Chat {
    fn lane(&self, index: usize) -> SinkLane {
        SinkLane { sink: self.sink, lane: Lane(format!("55119999{index:05}")) }
    }
}

/// Where a message is: the chat, and its number in it.
fn delivery_id(chat: usize, number: i64) -> DeliveryId {
    let (chat, number) = (chat as u128, u128::try_from(number).unwrap());
    DeliveryId(uuid::Uuid::from_u128(chat << 32 | number))
}

#[async_trait]
impl DeliveryQueue for Backlog {
    async fn due(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        let mut state = self.0.lock().unwrap();
        let (mut seats, mut given, mut lanes) = (room.seats(), Vec::new(), 0);
        for (lane, index, chat) in state.open(&room.served) {
            if chat.due > now || !seats.take(chat.sink) {
                continue;
            }
            lanes += 1;
            for number in chat.waiting.iter().take(room.per_lane) {
                let id = delivery_id(index, *number);
                let message = build::incoming(&build::phone(&lane.lane.0), "hello");
                let event = Event {
                    id: EventId(id.0),
                    instance: chat.instance,
                    sequence: *number,
                    recorded_at: build::moment(0),
                    body: EventBody::Message(Box::new(message)),
                };
                let (sink, lane) = (chat.sink, lane.lane.clone());
                let waited = std::time::Duration::ZERO;
                given.push(Delivery { id, sink, lane, attempts: 0, waited, event });
            }
        }
        state.most_served = (room.served.len() + lanes).max(state.most_served);
        Ok(given)
    }

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<Vec<SinkLane>> {
        let mut state = self.0.lock().unwrap();
        let mut lanes = Vec::new();
        for (id, settlement) in settlements {
            let index = usize::try_from(id.0.as_u128() >> 32).unwrap();
            let chat = &mut state.chats[index];
            let number = i64::try_from(id.0.as_u128() & 0xFFFF_FFFF).unwrap();
            assert_eq!(chat.waiting.front(), Some(&number), "the head of its lane");
            match settlement {
                Settlement::Delivered { .. } => drop(chat.waiting.pop_front()),
                Settlement::Retry { due, .. } => chat.due = *due,
                other => panic!("{other:?}"),
            }
            lanes.push((chat.lane(index), index));
        }
        lanes.retain(|(_, index)| !state.chats[*index].waiting.is_empty());
        Ok(lanes.into_iter().map(|(lane, _)| lane).collect())
    }

    async fn heads(&self, served: &HashSet<SinkLane>) -> Result<Vec<(SinkRef, Timestamp)>> {
        let state = self.0.lock().unwrap();
        let mut heads: BTreeMap<SinkRef, Timestamp> = BTreeMap::new();
        for (lane, _, chat) in state.open(served) {
            let due = heads.entry(lane.sink).or_insert(chat.due);
            *due = chat.due.min(*due);
        }
        Ok(heads.into_iter().collect())
    }
}

/// Counts what it takes, chat by chat, and takes nothing of one instance while that one's receiver is down.
#[derive(Default)]
struct Counting {
    is_down: AtomicBool,
    refused: AtomicUsize,
    taken: Mutex<BTreeMap<(InstanceName, String), i64>>,
}

impl Counting {
    fn taken_of(&self, instance: &Instance) -> i64 {
        let taken = self.taken.lock().unwrap();
        let own = taken.iter().filter(|((name, _), _)| *name == instance.name);
        own.map(|(_, count)| count).sum()
    }
}

#[async_trait]
impl EventSink for Counting {
    async fn deliver(&self, dispatch: &Dispatch<'_>) -> Attempt {
        // As an attempt over a network would, it lets others go on.
        tokio::task::yield_now().await;
        if dispatch.instance.as_str() == "down" && self.is_down.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Attempt { status: Some(503), outcome: retry() };
        }
        let mut taken = self.taken.lock().unwrap();
        let lane = dispatch.event.body.lane().0;
        let next = taken.entry((dispatch.instance.clone(), lane)).or_default();
        assert_eq!(dispatch.event.sequence, *next, "in order within its chat, each once");
        *next += 1;
        Attempt { status: Some(200), outcome: Outcome::Delivered }
    }

    async fn probe(&self, _: &Probe<'_>) -> Attempt {
        unreachable!("nobody sends a test event")
    }
}

async fn sink_of(world: &World, instance: &Instance) -> SinkRef {
    let label = WebhookLabel::default();
    let webhook = world.store.find(instance.id, &label).await.unwrap().unwrap();
    SinkRef::Webhook(webhook.id)
}

#[tokio::test]
async fn a_long_backlog_takes_a_bounded_part_of_the_memory_and_nobody_elses_turn() {
    let (queue, sink) = (Arc::new(Backlog::default()), Arc::new(Counting::default()));
    let world = World::with(Arc::default(), Arc::default(), |ports| {
        ports.queue = queue.clone();
        ports.webhook_sink = sink.clone();
    })
    .await;
    let down = world.instance_at("down", "http://down.test/hook").await;
    let other = world.instance_at("other", "http://other.test/hook").await;
    sink.is_down.store(true, Ordering::SeqCst);
    queue.add(sink_of(&world, &down).await, &down, 200, 500);
    world.services.start().await.unwrap();
    for _ in 0..24 {
        world.clock.advance(LONG);
        come_to_rest().await;
    }
    // Eight to find out, then one an hour, for nobody winds the clock more often.
    assert_eq!(sink.refused.load(Ordering::SeqCst), 8 + 23);
    assert_eq!((queue.left(), sink.taken_of(&down)), (100_000, 0));

    // Another instance has its events as ever, without any time passing but that of the look for news.
    queue.add(sink_of(&world, &other).await, &other, 200, 5);
    world.clock.advance(LONG);
    world.eventually("what the other has", |_| sink.taken_of(&other) == 1_000).await;

    sink.is_down.store(false, Ordering::SeqCst);
    world.clock.advance(LONG);
    for _ in 0..1_000 {
        come_to_rest().await;
        world.clock.advance(LONG);
        if queue.left() == 0 {
            break;
        }
    }
    assert_eq!((queue.left(), sink.taken_of(&down)), (0, 100_000));
    // Eight lanes of each sink, and as many of which something is still to be settled.
    assert!(queue.most_served() <= 2 * 2 * 8, "{} at once", queue.most_served());
}
