//! A log and a queue that forget everything with the process, so that a benchmark can tell what remembering costs.
//!
//! Nothing else is to be done with it: the gateway's promise is that of the log in the database.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::mpsc;
use uuid::Uuid;
use wharf_domain::{
    Error, Result, Timestamp,
    delivery::{Delivery, DeliveryId, Settlement, SinkLane, SinkRef},
    event::{Event, EventBody, EventFilter, NewEvent},
    instance::InstanceId,
    message::{Direction, MessageStatus},
    ports::{
        Appended, DeliveryQueue, EventLog, EventRetention, HistoricMessage, LogStart, MessageStore,
        Pruned, Queued, QueuedDelivery, Room, WebhookStore,
    },
};

/// Messages that may wait to be written.
const QUEUE: usize = 4096;

/// Both ports over one memory.
pub(crate) struct MemoryLog {
    webhooks: Arc<dyn WebhookStore>,
    messages: Option<mpsc::Sender<(InstanceId, HistoricMessage)>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    instances: HashMap<InstanceId, Known>,
    lanes: HashMap<SinkLane, VecDeque<Waiting>>,
    waiting: HashMap<DeliveryId, SinkLane>,
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
    /// Over these webhooks. Messages are kept in `messages`, if anywhere, as the log in the database keeps them; but nobody waits
    /// for that.
    pub(crate) fn new(
        webhooks: Arc<dyn WebhookStore>,
        messages: Option<Arc<dyn MessageStore>>,
    ) -> Self {
        let messages = messages.map(|store| {
            let (messages, incoming) = mpsc::channel(QUEUE);
            tokio::spawn(keep(store, incoming));
            messages
        });
        Self { webhooks, messages, state: Mutex::default() }
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

/// The message that an event tells of.
fn message(event: &NewEvent) -> Option<HistoricMessage> {
    let EventBody::Message(message) = &event.body else { return None };
    let status = match message.direction {
        Direction::Incoming => MessageStatus::Delivered,
        Direction::Outgoing => MessageStatus::Sent,
    };
    let raw = event.raw.clone().unwrap_or_default();
    Some(HistoricMessage { message: (**message).clone(), raw, status })
}

/// Writes messages, an instance's after the other's; meanwhile more of them gather.
async fn keep(
    store: Arc<dyn MessageStore>,
    mut incoming: mpsc::Receiver<(InstanceId, HistoricMessage)>,
) {
    let mut some = Vec::new();
    while incoming.recv_many(&mut some, QUEUE).await > 0 {
        let mut of_instances: HashMap<_, Vec<_>> = HashMap::new();
        for (instance, message) in some.drain(..) {
            of_instances.entry(instance).or_default().push(message);
        }
        for (instance, messages) in of_instances {
            if let Err(error) = store.import(instance, &messages).await {
                tracing::error!(instance = %instance.0, %error, "messages are not kept");
            }
        }
    }
}

impl State {
    fn append(
        &mut self,
        instance: InstanceId,
        event: &NewEvent,
        sinks: &[(SinkRef, EventFilter)],
    ) -> Appended {
        let known = self.instances.entry(instance).or_default();
        let is_new = event.key.as_ref().is_none_or(|key| known.keys.insert(key.0.clone()));
        if !is_new {
            return Appended { id: event.id, is_new, queued: None };
        }
        known.sequence += 1;
        let mut queued = Queued { sequence: known.sequence, deliveries: Vec::new() };
        for (sink, _) in sinks.iter().filter(|(_, filter)| filter.wants(event.body.kind())) {
            self.count += 1;
            let delivery = Delivery {
                id: DeliveryId(Uuid::from_u64_pair(self.count, event.id.0.as_u64_pair().1)),
                sink: *sink,
                lane: event.body.lane(),
                attempts: 0,
                waited: std::time::Duration::ZERO,
                event: Event {
                    id: event.id,
                    instance,
                    sequence: queued.sequence,
                    recorded_at: event.recorded_at,
                    body: event.body.clone(),
                },
            };
            let (id, key) = (delivery.id, delivery.sink_lane());
            self.waiting.insert(id, key.clone());
            let lane = self.lanes.entry(key).or_default();
            let after = lane.back().map(|last| last.delivery.event.sequence);
            queued.deliveries.push(QueuedDelivery { id, sink: *sink, after });
            lane.push_back(Waiting { due: event.recorded_at, delivery });
        }
        Appended { id: event.id, is_new, queued: Some(queued) }
    }

    fn due(&self, now: Timestamp, room: &Room) -> Vec<Delivery> {
        let mut lanes: Vec<_> =
            self.lanes.iter().filter(|(key, _)| !room.served.contains(key)).collect();
        lanes.retain(|(_, lane)| lane.front().is_some_and(|head| head.due <= now));
        lanes.sort_by_key(|(_, lane)| lane.front().map(|head| head.due));
        let mut seats = room.seats();
        lanes.retain(|(key, _)| seats.take(key.sink));
        let runs = lanes.into_iter().map(|(_, lane)| lane.iter().take(room.per_lane));
        let due = runs.flat_map(|run| run.take_while(|one| one.due <= now));
        due.map(|one| one.delivery.clone()).collect()
    }

    /// Gives the lane if something waits in it.
    fn settle(&mut self, id: DeliveryId, settlement: &Settlement) -> Option<SinkLane> {
        let key = self.waiting.get(&id)?.clone();
        let lane = self.lanes.get_mut(&key)?;
        let place = lane.iter().position(|one| one.delivery.id == id)?;
        match settlement {
            Settlement::Retry { due, pause, .. } => {
                lane[place].due = *due;
                lane[place].delivery.attempts += 1;
                lane[place].delivery.waited += *pause;
            }
            Settlement::Postponed { due } => lane[place].due = *due,
            _ => {
                lane.remove(place);
                self.waiting.remove(&id);
            }
        }
        if self.lanes.get(&key)?.is_empty() {
            self.lanes.remove(&key);
            return None;
        }
        Some(key)
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, instance: InstanceId, events: &[NewEvent]) -> Result<Vec<Appended>> {
        let sinks = self.sinks(instance).await?;
        if let Some(messages) = &self.messages {
            for message in events.iter().filter_map(message) {
                let closed = |_| Error::unavailable("the store of messages", "it has ended");
                messages.send((instance, message)).await.map_err(closed)?;
            }
        }
        let mut state = self.state();
        Ok(events.iter().map(|event| state.append(instance, event, &sinks)).collect())
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
    async fn due(&self, now: Timestamp, room: &Room) -> Result<Vec<Delivery>> {
        Ok(self.state().due(now, room))
    }

    async fn settle(&self, settlements: &[(DeliveryId, Settlement)]) -> Result<Vec<SinkLane>> {
        let mut state = self.state();
        let settled = settlements.iter().filter_map(|(id, one)| state.settle(*id, one));
        let lanes: HashSet<_> = settled.collect();
        Ok(lanes.into_iter().filter(|lane| state.lanes.contains_key(lane)).collect())
    }

    async fn heads(&self, served: &HashSet<SinkLane>) -> Result<Vec<(SinkRef, Timestamp)>> {
        let state = self.state();
        let mut heads = BTreeMap::new();
        for (key, lane) in state.lanes.iter().filter(|(key, _)| !served.contains(key)) {
            let Some(head) = lane.front() else { continue };
            let due = heads.entry(key.sink).or_insert(head.due);
            *due = head.due.min(*due);
        }
        Ok(heads.into_iter().collect())
    }
}
