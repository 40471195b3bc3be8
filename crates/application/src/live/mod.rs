//! Events as they happen, told to whoever is attached to an instance.
//!
//! The log is read for readers as it is for any other sink. One task an instance follows the end of its log, while there are
//! readers and only then, and puts each event into the line of every reader: in the order of the log, without a gap and
//! without a repeat. A reader that was away has what it missed read for it from the log first, and joins the others once it has
//! caught up with them. Whoever does not keep up is closed, so that nobody waits for anybody and memory stays bounded.

mod feeds;
mod line;
mod teller;
mod wakes;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use wharf_domain::{
    Error, Resource, Result,
    delivery::MediaCopy,
    event::{Event, EventId},
    instance::{InstanceId, InstanceName},
    ports::{Clock, EventLog, InstanceStore, LogStart, Meter},
    token::Token,
};

use self::{
    feeds::Feeds,
    line::{End, Line},
    teller::Teller,
};
use crate::{
    Ports,
    hidden::Hidden,
    media::{Copies, Room, Seat},
};

pub(crate) use wakes::Wakes;

/// Writes an event down, as readers get it: with the name and token of its instance, and with what can be told of its media.
pub type Render =
    Arc<dyn Fn(&Event, &InstanceName, &Token, Option<&MediaCopy>) -> Vec<u8> + Send + Sync>;

/// How many events are read from the log at once.
const PAGE: usize = 64;
/// How long to wait for news before looking all the same.
const IDLE: Duration = Duration::from_secs(10);
/// How long to leave a failing store alone.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Tells readers what happens to an instance.
#[derive(Clone)]
pub struct LiveService(Arc<Shared>);

struct Shared {
    log: Arc<dyn EventLog>,
    instances: Arc<dyn InstanceStore>,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
    hidden: Hidden,
    copies: Copies,
    /// For media that waits for readers.
    room: Room,
    wakes: Wakes,
    feeds: Mutex<Feeds>,
    closing: CancellationToken,
    tasks: TaskTracker,
    /// Where the log is followed: readers come and go with runtimes of their own.
    runtime: tokio::runtime::Handle,
}

/// An event on its way to the readers of its instance, written down once for all of them.
pub struct LiveEvent {
    text: Bytes,
    #[expect(dead_code, reason = "held for its drop")]
    seat: Option<Seat>,
}

impl LiveEvent {
    /// What readers get.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    fn len(&self) -> usize {
        self.text.len()
    }

    #[cfg(test)]
    fn of(text: Vec<u8>) -> Self {
        Self { text: text.into(), seat: None }
    }
}

impl fmt::Debug for LiveEvent {
    /// What is in it is nobody's business but its reader's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveEvent").field("bytes", &self.len()).finish_non_exhaustive()
    }
}

/// What a reader hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// The next event.
    Event(Arc<LiveEvent>),
    /// It did not keep up. It can come back and say which event it had last.
    TooSlow,
    /// The instance was removed, or the gateway stops.
    Closed,
}

/// Somebody who is attached to an instance, until it is dropped.
pub struct Reader {
    shared: Arc<Shared>,
    instance: InstanceId,
    line: Arc<Line>,
    #[expect(dead_code, reason = "held for its drop: ends the catching up")]
    catching_up: Option<DropGuard>,
}

impl Reader {
    /// Waits for what comes next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Heard {
        let taken = tokio::select! {
            biased;
            taken = self.line.take() => taken,
            () = self.shared.closing.cancelled() => Err(End::Closed),
        };
        match taken {
            Ok(event) => {
                self.shared.meter.socket_sent();
                Heard::Event(event)
            }
            Err(End::TooSlow) => Heard::TooSlow,
            Err(End::Closed) => Heard::Closed,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.feeds().leave(self.instance, &self.line);
        self.shared.meter.socket_readers(-1);
    }
}

impl LiveService {
    pub(crate) fn new(
        ports: &Ports,
        hidden: Hidden,
        copies: Copies,
        memory: u64,
        wakes: Wakes,
    ) -> Self {
        Self(Arc::new(Shared {
            log: ports.log.clone(),
            instances: ports.instances.clone(),
            clock: ports.clock.clone(),
            meter: ports.meter.clone(),
            hidden,
            copies,
            room: Room::of(memory),
            wakes,
            feeds: Mutex::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
        }))
    }

    /// Attaches a reader to an instance: from now on it hears of all that the instance's WebSocket is set up for at the
    /// time; what happened after `since` comes first. Once it is attached it stays so, also when the WebSocket is switched off:
    /// then it goes on with what it was set up for last.
    ///
    /// Fails with `NotFound` when there is no such instance.
    pub async fn attach(
        &self,
        instance: InstanceId,
        since: Option<EventId>,
        render: Render,
    ) -> Result<Reader> {
        let shared = &self.0;
        let found = shared.instances.find_by_id(instance).await?;
        let found = found.ok_or(Error::NotFound(Resource::Instance))?;
        let teller = Teller::new(shared.clone(), found, render);
        let line = Arc::new(Line::default());
        let catching_up = match since {
            None => {
                let end = shared.log.end(instance).await?;
                shared.feeds().join_at(shared, &teller, &line, end);
                None
            }
            Some(since) => {
                let over = CancellationToken::new();
                let work = catch_up(shared.clone(), teller, line.clone(), since);
                let guard = over.clone().drop_guard();
                shared.run(over, work);
                Some(guard)
            }
        };
        shared.meter.socket_readers(1);
        Ok(Reader { shared: shared.clone(), instance, line, catching_up })
    }

    /// Lets all readers go. Returns when no log is followed any more.
    pub(crate) async fn stop(&self) {
        self.0.closing.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Shared {
    fn feeds(&self) -> MutexGuard<'_, Feeds> {
        // Each change is complete by itself.
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something until it is over, or the gateway stops.
    fn run(&self, over: CancellationToken, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        let work = async move {
            tokio::select! {
                biased;
                () = closing.cancelled() => {}
                () = over.cancelled() => {}
                () = work => {}
            }
        };
        self.tasks.spawn_on(work, &self.runtime);
    }

    async fn pause(&self) {
        self.clock.sleep(STORE_PAUSE).await;
    }
}

/// Reads for one reader what it missed, and lets it join the others once it has caught up with them.
async fn catch_up(shared: Arc<Shared>, mut teller: Teller, line: Arc<Line>, since: EventId) {
    let instance = teller.instance();
    let (mut from, mut at) = (LogStart::AfterEvent(since), 0);
    loop {
        // Asked for first: a page that is empty then says that nothing was missed up to there.
        let page = async {
            let end = shared.log.end(instance).await?;
            Ok::<_, Error>((end, shared.log.read(instance, from, PAGE).await?))
        };
        let (end, page) = match page.await {
            Ok(read) => read,
            Err(Error::NotFound(_)) => return line.close(),
            Err(e) => {
                tracing::error!(
                    instance = %instance.0,
                    error = &e as &dyn std::error::Error,
                    "could not read the log for a reader"
                );
                shared.pause().await;
                continue;
            }
        };
        let is_all = page.is_empty();
        if is_all {
            at = at.max(end);
        }
        let mut page = teller.begin(page).await;
        while let Some((sequence, told)) = page.next(&mut teller).await {
            if let Some(event) = told {
                line.put_patiently(event).await;
            }
            at = sequence;
        }
        if teller.is_gone() {
            return line.close();
        }
        from = LogStart::AfterSequence(at);
        if is_all {
            // What is left over would count against it from the moment it joins.
            line.until_short().await;
            if shared.feeds().join_after(&shared, &teller, &line, at) {
                return;
            }
        }
    }
}
