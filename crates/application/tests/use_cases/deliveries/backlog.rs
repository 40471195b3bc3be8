//! A receiver that was down for hours, and what piled up meanwhile.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    delivery::{Attempt, Delivery, DeliveryId, Dispatch, Outcome, Probe, Settlement, SinkRef},
    event::{Event, EventBody, EventId, Lane},
    instance::{Instance, InstanceId, InstanceName},
    ports::{DeliveryQueue, EventSink, Room, WebhookStore as _},
    webhook::WebhookLabel,
};
use wharf_testkit::build;

use super::{retry, shares::come_to_rest};
use crate::{LONG, World};

/// A long queue that is made up as it is claimed, and counts what is out.
#[derive(Default)]
struct Backlog(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    chats: Vec<Chat>,
    out: HashMap<DeliveryId, usize>,
    most_out: usize,
}

struct Chat {
    sink: SinkRef,
    instance: InstanceId,
    waiting: VecDeque<i64>,
    due: Timestamp,
    out: usize,
}

impl Backlog {
    fn add(&self, sink: SinkRef, instance: &Instance, chats: usize, each: i64) {
        let mut state = self.0.lock().unwrap();
        state.chats.extend((0..chats).map(|_| Chat {
            sink,
            instance: instance.id,
            waiting: (0..each).collect(),
            due: build::moment(0),
            out: 0,
        }));
    }

    fn most_out(&self) -> usize {
        self.0.lock().unwrap().most_out
    }

    fn left(&self) -> usize {
        let state = self.0.lock().unwrap();
        state.chats.iter().map(|chat| chat.waiting.len() + chat.out).sum()
    }
}

impl Queue {
    fn take_back(&mut self, id: DeliveryId) -> Option<(&mut Chat, i64)> {
        let chat = &mut self.chats[self.out.remove(&id)?];
        chat.out -= 1;
        let number = i64::try_from(id.0.as_u128() & 0xFFFF_FFFF).unwrap();
        Some((chat, number))
    }
}

/// Where a message is: the chat, and its number in it.
fn delivery_id(chat: usize, number: i64) -> DeliveryId {
    let (chat, number) = (chat as u128, u128::try_from(number).unwrap());
    DeliveryId(uuid::Uuid::from_u128(chat << 32 | number))
}

#[async_trait]
impl DeliveryQueue for Backlog {
    async fn claim(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        let mut state = self.0.lock().unwrap();
        let Queue { chats, out, most_out } = &mut *state;
        let (mut seats, mut claimed) = (room.seats(), Vec::new());
        for (index, chat) in chats.iter_mut().enumerate() {
            let is_open = chat.out == 0 && chat.due <= now && !chat.waiting.is_empty();
            if !is_open || !seats.take(chat.sink) {
                continue;
            }
            let lane = format!("55119999{index:05}");
            for number in chat.waiting.drain(..chat.waiting.len().min(room.per_lane)) {
                let id = delivery_id(index, number);
                chat.out += 1;
                out.insert(id, index);
                let message = build::incoming(&build::phone(&lane), "hello");
                let event = Event {
                    id: EventId(id.0),
                    instance: chat.instance,
                    sequence: number,
                    recorded_at: build::moment(0),
                    body: EventBody::Message(Box::new(message)),
                };
                let (sink, lane) = (chat.sink, Lane(lane.clone()));
                let waited = std::time::Duration::ZERO;
                claimed.push(Delivery { id, sink, lane, attempts: 0, waited, event });
            }
        }
        *most_out = out.len().max(*most_out);
        Ok(claimed)
    }

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        for (id, settlement) in settlements {
            let Some((chat, number)) = state.take_back(*id) else { continue };
            match settlement {
                Settlement::Delivered { .. } => {}
                Settlement::Retry { due, .. } => {
                    chat.due = *due;
                    chat.waiting.push_front(number);
                }
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    }

    async fn release(&self, deliveries: &[DeliveryId]) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        for id in deliveries {
            let Some((chat, number)) = state.take_back(*id) else { continue };
            let place = chat.waiting.partition_point(|other| *other < number);
            chat.waiting.insert(place, number);
        }
        Ok(())
    }

    async fn release_all(&self) -> Result<u64> {
        Ok(0)
    }

    async fn next_due(&self, room: &Room) -> Result<Option<Timestamp>> {
        let state = self.0.lock().unwrap();
        let open = state.chats.iter().filter(|chat| chat.out == 0 && !chat.waiting.is_empty());
        let due = open.filter(|chat| room.for_sink(chat.sink) > 0).map(|chat| chat.due);
        Ok(due.min())
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
    // Eight lanes of each sink, sixteen deliveries of each lane.
    assert!(queue.most_out() <= 2 * 8 * 16, "{} at once", queue.most_out());
}
