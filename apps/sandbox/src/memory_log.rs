//! A log and a queue that forget everything with the process, so that a benchmark can tell what remembering costs.
//!
//! Nothing else is to be done with it: the gateway's promise is that of the log in the database.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use uuid::Uuid;
use wharf_domain::{
    Error, Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement, SinkRef},
    event::{Event, EventFilter, Lane, NewEvent},
    instance::InstanceId,
    ports::{
        Appended, DeliveryQueue, EventLog, EventRetention, LogStart, Pruned, Room, WebhookStore,
    },
};

/// Both ports over one memory.
pub(crate) struct MemoryLog {
    webhooks: Arc<dyn WebhookStore>,
    state: Mutex<State>,
}

type LaneKey = (SinkRef, Lane);

#[derive(Default)]
struct State {
    instances: HashMap<InstanceId, Known>,
    lanes: HashMap<LaneKey, VecDeque<Waiting>>,
    /// Lanes of which nothing is claimed and whose head is due, in the order in which they came to that.
    ready: VecDeque<LaneKey>,
    /// Lanes whose head is not due yet.
    later: BTreeMap<(Timestamp, u64), LaneKey>,
    claimed: HashMap<DeliveryId, (LaneKey, Delivery)>,
    busy: HashMap<LaneKey, usize>,
    count: u64,
}

#[derive(Default)]
struct Known {
    sequence: i64,
    keys: HashSet<String>,
    /// As they were when the first event came: a benchmark changes none.
    sinks: Option<Vec<(SinkRef, EventFilter)>>,
}

struct Waiting {
    due: Timestamp,
    delivery: Delivery,
}

impl MemoryLog {
    pub(crate) fn new(webhooks: Arc<dyn WebhookStore>) -> Self {
        Self { webhooks, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sinks(&self, instance: InstanceId) -> Result<Vec<(SinkRef, EventFilter)>> {
        if let Some(sinks) = self.state().instances.entry(instance).or_default().sinks.clone() {
            return Ok(sinks);
        }
        let webhooks = self.webhooks.list(instance).await?;
        let sinks: Vec<_> = webhooks
            .into_iter()
            .filter_map(|webhook| Some((SinkRef::Webhook(webhook.id), webhook.target?.events)))
            .collect();
        self.state().instances.entry(instance).or_default().sinks = Some(sinks.clone());
        Ok(sinks)
    }
}

impl State {
    fn add(&mut self, key: LaneKey, waiting: Waiting) {
        let lane = self.lanes.entry(key.clone()).or_default();
        lane.push_back(waiting);
        if lane.len() == 1 && !self.busy.contains_key(&key) {
            self.line_up(key);
        }
    }

    /// Makes what waits at the head of a lane claimable.
    fn line_up(&mut self, key: LaneKey) {
        let Some(head) = self.lanes.get(&key).and_then(VecDeque::front) else {
            self.lanes.remove(&key);
            return;
        };
        self.count += 1;
        self.later.insert((head.due, self.count), key);
    }

    fn make_ready(&mut self, now: Timestamp) {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let lane = entry.remove();
            self.ready.push_back(lane);
        }
    }

    fn claim(&mut self, now: Timestamp, room: &Room) -> Vec<Delivery> {
        self.make_ready(now);
        let mut seats = room.seats();
        let mut passed_over = VecDeque::new();
        let mut claimed = Vec::new();
        while !seats.is_full()
            && let Some(key) = self.ready.pop_front()
        {
            if !seats.take(key.0) {
                passed_over.push_back(key);
                continue;
            }
            let lane = self.lanes.get_mut(&key).map(std::mem::take).unwrap_or_default();
            let (run, rest): (Vec<_>, VecDeque<_>) = split(lane, now, room.per_lane);
            self.lanes.insert(key.clone(), rest);
            self.busy.insert(key.clone(), run.len());
            for delivery in run {
                self.claimed.insert(delivery.id, (key.clone(), delivery.clone()));
                claimed.push(delivery);
            }
        }
        passed_over.append(&mut self.ready);
        self.ready = passed_over;
        claimed
    }

    /// Ends a claim; what comes back of it waits in front of its lane again.
    fn end_claim(&mut self, id: DeliveryId, again: impl FnOnce(Delivery) -> Option<Waiting>) {
        let Some((key, delivery)) = self.claimed.remove(&id) else { return };
        if let Some(waiting) = again(delivery) {
            let lane = self.lanes.entry(key.clone()).or_default();
            let place = lane.partition_point(|one| {
                one.delivery.event.sequence < waiting.delivery.event.sequence
            });
            lane.insert(place, waiting);
        }
        let left = self.busy.get_mut(&key).map(|left| {
            *left -= 1;
            *left
        });
        if left == Some(0) {
            self.busy.remove(&key);
            self.line_up(key);
        }
    }
}

/// What is due of the first so many, and what stays.
fn split(
    mut lane: VecDeque<Waiting>,
    now: Timestamp,
    most: usize,
) -> (Vec<Delivery>, VecDeque<Waiting>) {
    let due = lane.iter().take(most).take_while(|one| one.due <= now).count();
    let run = lane.drain(..due).map(|one| one.delivery).collect();
    (run, lane)
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, instance: InstanceId, events: &[NewEvent]) -> Result<Vec<Appended>> {
        let sinks = self.sinks(instance).await?;
        let mut state = self.state();
        let mut appended = Vec::with_capacity(events.len());
        for event in events {
            let known = state.instances.entry(instance).or_default();
            let is_new = event.key.as_ref().is_none_or(|key| known.keys.insert(key.0.clone()));
            appended.push(Appended { id: event.id, is_new });
            if !is_new {
                continue;
            }
            known.sequence += 1;
            let sequence = known.sequence;
            for (sink, _) in sinks.iter().filter(|(_, filter)| filter.wants(event.body.kind())) {
                let lane = event.body.lane();
                let delivery = Delivery {
                    id: DeliveryId(Uuid::from_u64_pair(state.count, event.id.0.as_u64_pair().1)),
                    sink: *sink,
                    lane: lane.clone(),
                    attempts: 0,
                    waited: std::time::Duration::ZERO,
                    event: Event {
                        id: event.id,
                        instance,
                        sequence,
                        recorded_at: event.recorded_at,
                        body: event.body.clone(),
                    },
                };
                state.count += 1;
                let due = event.recorded_at;
                state.add((*sink, lane), Waiting { due, delivery });
            }
        }
        Ok(appended)
    }

    async fn read(&self, _: InstanceId, _: LogStart, _: usize) -> Result<Vec<Event>> {
        Err(Error::unavailable("the log in memory", "it cannot be read"))
    }

    async fn end(&self, instance: InstanceId) -> Result<i64> {
        Ok(self.state().instances.get(&instance).map_or(0, |known| known.sequence))
    }

    async fn prune(&self, _: &EventRetention, _: u64) -> Result<Pruned> {
        Ok(Pruned::default())
    }
}

#[async_trait]
impl DeliveryQueue for MemoryLog {
    async fn claim(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        Ok(self.state().claim(now, room))
    }

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<()> {
        let mut state = self.state();
        for (id, settlement) in settlements {
            state.end_claim(*id, |mut delivery| match settlement {
                Settlement::Retry { due, pause, .. } => {
                    delivery.attempts += 1;
                    delivery.waited += *pause;
                    Some(Waiting { due: *due, delivery })
                }
                Settlement::Postponed { due } => Some(Waiting { due: *due, delivery }),
                _ => None,
            });
        }
        Ok(())
    }

    async fn release(&self, deliveries: &[DeliveryId]) -> Result<()> {
        let mut state = self.state();
        for id in deliveries {
            state.end_claim(*id, |delivery| {
                Some(Waiting { due: delivery.event.recorded_at, delivery })
            });
        }
        Ok(())
    }

    async fn release_all(&self) -> Result<u64> {
        Ok(0)
    }

    async fn next_due(&self, _: &Room) -> Result<Option<Timestamp>> {
        let state = self.state();
        let ready = state.ready.front().and_then(|key| state.lanes.get(key)?.front());
        let head = ready.map(|head| head.due);
        Ok(head.or_else(|| state.later.first_key_value().map(|((due, _), _)| *due)))
    }
}
