//! Makes of events of the log what readers get.

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use wharf_domain::{
    Result, Timestamp,
    delivery::MediaCopy,
    event::Event,
    instance::{Instance, InstanceId},
    websocket::WebSocketConfig,
};

use super::{LiveEvent, Render, Shared};
use crate::media::{Copied, Seat};

/// How long media may wait for room until its event goes out without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells the events of one instance as its WebSocket is set up.
pub(super) struct Teller {
    shared: Arc<Shared>,
    instance: InstanceId,
    /// As it was looked up last; nothing once it is gone.
    known: Option<Instance>,
    /// How its WebSocket was set up when it was switched on last.
    config: WebSocketConfig,
    render: Render,
}

/// Events of the log that are to be told, in their order.
pub(super) struct Page(VecDeque<Event>);

impl Teller {
    pub(super) fn new(shared: Arc<Shared>, instance: Instance, render: Render) -> Self {
        let (id, config) = (instance.id, instance.websocket.clone().unwrap_or_default());
        Self { shared, instance: id, known: Some(instance), config, render }
    }

    /// Another one for the same instance.
    pub(super) fn again(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            instance: self.instance,
            known: self.known.clone(),
            config: self.config.clone(),
            render: self.render.clone(),
        }
    }

    pub(super) fn instance(&self) -> InstanceId {
        self.instance
    }

    /// Whether the instance was not there any more when it was looked up last.
    pub(super) fn is_gone(&self) -> bool {
        self.known.is_none()
    }

    /// Looks the instance up as it is now, however long that takes.
    pub(super) async fn look(&mut self) {
        self.known = self.until_done(|| self.shared.instances.find_by_id(self.instance)).await;
        let websocket = self.known.as_ref().and_then(|known| known.websocket.as_ref());
        if let Some(config) = websocket.filter(|config| config.enabled) {
            self.config = config.clone();
        }
    }

    /// Begins to tell what was just read from the log.
    pub(super) async fn begin(&mut self, events: Vec<Event>) -> Page {
        let mut events = VecDeque::from(events);
        self.look().await;
        let filter = &self.config.events;
        let wanted = events.iter_mut().filter(|event| filter.wants(event.body.kind()));
        let bodies = wanted.map(|event| &mut event.body);
        self.shared.hidden.learn_all(self.instance, bodies).await;
        Page(events)
    }

    /// An event as readers get it; nothing when they do not want it, or there is nobody to tell of.
    async fn tell(&mut self, event: &Event) -> Option<Arc<LiveEvent>> {
        loop {
            let instance = self.known.as_ref()?;
            if !self.config.events.wants(event.body.kind()) {
                return None;
            }
            let along = self.config.media_base64;
            let copied = self.until_done(|| self.shared.copies.held(instance, event, along)).await;
            let Copied::Later(due) = copied else { return Some(self.written(event, copied).await) };
            self.wait(due).await;
            // Both may have changed meanwhile.
            self.look().await;
        }
    }

    async fn written(&self, event: &Event, copied: Copied) -> Arc<LiveEvent> {
        let mut copy = copied.copy().cloned();
        let seat = match &mut copy {
            Some(copy) => self.seat(copy).await,
            None => None,
        };
        // It is there: this is called for an instance that is.
        let text = self
            .known
            .as_ref()
            .map(|instance| (self.render)(event, &instance.name, &instance.token, copy.as_ref()));
        Arc::new(LiveEvent { text: text.unwrap_or_default().into(), seat })
    }

    /// Room for media that goes along, which goes out without it when there is none.
    async fn seat(&self, copy: &mut MediaCopy) -> Option<Seat> {
        let bytes = copy.bytes.as_ref()?.len() as u64;
        let (room, clock) = (&self.shared.room, &self.shared.clock);
        tokio::select! {
            biased;
            seat = room.take(bytes.saturating_mul(4).div_ceil(3)) => Some(seat),
            () = clock.sleep(PATIENCE) => {
                tracing::warn!(instance = %self.instance.0, "readers are too slow for media to go along");
                copy.bytes = None;
                copy.bytes_error = Some("too much media waits to be read".to_owned());
                None
            }
        }
    }

    async fn wait(&self, due: Timestamp) {
        let pause = (due - self.shared.clock.now()).to_std().unwrap_or_default();
        self.shared.clock.sleep(pause).await;
    }

    async fn until_done<T, F>(&self, mut act: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T>>,
    {
        loop {
            match act().await {
                Ok(done) => return done,
                Err(e) => {
                    tracing::error!(
                        instance = %self.instance.0,
                        error = &e as &dyn std::error::Error,
                        "could not tell readers of an event, will try again"
                    );
                    self.shared.pause().await;
                }
            }
        }
    }
}

impl Page {
    /// The place in the log of the next event, with the event as readers get it where they want it. Nothing at the end of the
    /// page, or once the instance is gone.
    pub(super) async fn next(
        &mut self,
        teller: &mut Teller,
    ) -> Option<(i64, Option<Arc<LiveEvent>>)> {
        let event = self.0.pop_front()?;
        // One that cannot be told must not keep all others back.
        let told = AssertUnwindSafe(teller.tell(&event)).catch_unwind().await;
        let told = told.unwrap_or_else(|_| {
            tracing::error!(event = %event.id.0, "readers miss an event: telling it panicked");
            None
        });
        (!teller.is_gone()).then_some((event.sequence, told))
    }
}
