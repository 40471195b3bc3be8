//! The sessions of all instances: one supervisor each, found by the instance's id.

mod automation;
mod ending;
mod history;
mod live;
mod observer;
mod status;
mod supervisor;

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;
use wharf_domain::{
    Error, Resource, Result, Timestamp,
    address::PhoneNumber,
    instance::InstanceId,
    ports::{
        Clock, InstanceChange, InstanceStore, MediaJobs, MessageStore, Meter, Random, Session,
        WhatsApp,
    },
    settings::Settings,
    state::{ConnectionState, Standing},
};

pub(crate) use observer::sent_record;
pub use status::{Pairing, Refusal, Status};

use crate::{Ports, call_replies::ReplyBox, recorder::Recorder};
use live::LiveSettings;
use supervisor::Supervisor;

/// How supervisors behave.
#[derive(Clone, Debug)]
pub struct SessionsConfig {
    /// How many connections may be in the making at once.
    pub concurrent_connects: usize,
    /// The pause after the first failed attempt.
    pub first_pause: Duration,
    /// The longest pause between attempts.
    pub longest_pause: Duration,
    /// How long a connection must hold before the next failure counts as the first again.
    pub stable_after: Duration,
    /// How often instances that were removed beside the server are looked for.
    pub reconcile_every: Duration,
}

impl Default for SessionsConfig {
    fn default() -> Self {
        Self {
            concurrent_connects: 32,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(5),
            stable_after: Duration::from_secs(30),
            reconcile_every: Duration::from_secs(2),
        }
    }
}

/// What a supervisor can be told to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Connect now, or pair; joins what is under way. Answers with the number of the attempt that serves it.
    Connect(Wish, oneshot::Sender<u64>),
    /// Give up a pairing that is under way; what is paired stays. Answers when nothing of the pairing is left.
    Cancel(oneshot::Sender<()>),
    /// Connect by itself when the time has come.
    ConnectAt(Timestamp),
    /// Drop what there is and connect anew.
    Reconnect,
    /// Unlink the device and forget its keys.
    LogOut { answer: oneshot::Sender<Result<()>> },
    /// End for good; with `unlink`, unlink the device on the way where that is possible.
    Stop { unlink: bool, answer: oneshot::Sender<()> },
}

/// What somebody who wants to connect wants, should it come to a pairing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// A number that waits for a code to type.
    pub(crate) number: Option<PhoneNumber>,
    /// How many days of history to take in, whatever the settings say.
    pub(crate) history: Option<u32>,
}

/// The supervisors of all instances that have anything to do with WhatsApp in this process.
#[derive(Clone)]
pub struct Sessions(Arc<Shared>);

pub(crate) struct Shared {
    whatsapp: Arc<dyn WhatsApp>,
    instances: Arc<dyn InstanceStore>,
    messages: Arc<dyn MessageStore>,
    media_jobs: Arc<dyn MediaJobs>,
    recorder: Recorder,
    replies: ReplyBox,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meter: Arc<dyn Meter>,
    config: SessionsConfig,
    /// Permits to make a connection.
    connecting: Arc<Semaphore>,
    running: Mutex<Running>,
    closing: CancellationToken,
    tasks: TaskTracker,
    /// Where supervisors run: they outlive the caller that made them start, and so its runtime too.
    runtime: tokio::runtime::Handle,
}

#[derive(Default)]
struct Running {
    supervisors: HashMap<InstanceId, Handle>,
    /// Instances that are being removed: no supervisor may be started for them.
    barred: HashSet<InstanceId>,
}

/// Keeps an instance from getting a supervisor while it lives.
pub(crate) struct Bar<'a> {
    sessions: &'a Sessions,
    id: InstanceId,
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.sessions.running().barred.remove(&self.id);
    }
}

#[derive(Clone)]
struct Handle {
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<Status>,
    settings: Arc<LiveSettings>,
}

impl Sessions {
    pub(crate) fn new(
        ports: &Ports,
        recorder: Recorder,
        replies: ReplyBox,
        config: SessionsConfig,
    ) -> Self {
        Self(Arc::new(Shared {
            whatsapp: ports.whatsapp.clone(),
            instances: ports.instances.clone(),
            messages: ports.messages.clone(),
            media_jobs: ports.media_jobs.clone(),
            recorder,
            replies,
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            meter: ports.meter.clone(),
            connecting: Arc::new(Semaphore::new(config.concurrent_connects.max(1))),
            config,
            running: Mutex::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
        }))
    }

    /// Connects every paired instance, and goes on looking for instances that were removed beside the server.
    ///
    pub(crate) async fn start(&self) -> Result<()> {
        for (id, standing) in self.0.instances.standings().await? {
            match self.due(id, standing).await {
                Ok(None) => {}
                Ok(Some(due)) => self.handle(id)?.send(Command::ConnectAt(due))?,
                // One instance whose keys cannot be read must not keep the others from their sessions.
                Err(e) => {
                    tracing::error!(instance = %id.0, error = &e as &dyn std::error::Error, "not resumed");
                }
            }
        }
        let this = self.clone();
        self.0.tasks.spawn(async move {
            let closing = this.0.closing.clone();
            closing.run_until_cancelled(this.reconcile()).await;
        });
        Ok(())
    }

    /// When an instance is to be connected after a start, if at all.
    ///
    /// The keys decide, since a crash may have come between them and what is noted: one that has keys was paired, and
    /// one that has none was unlinked.
    async fn due(&self, id: InstanceId, standing: Standing) -> Result<Option<Timestamp>> {
        let now = self.0.clock.now();
        match standing {
            Standing::LoggedOut | Standing::Banned { until: None } => Ok(None),
            Standing::Banned { until } => Ok(until),
            Standing::Unpaired => Ok(self.0.whatsapp.is_paired(id).await?.then_some(now)),
            Standing::Paired if self.0.whatsapp.is_paired(id).await? => Ok(Some(now)),
            Standing::Paired => {
                let unlinked = InstanceChange::Standing(Standing::LoggedOut);
                self.0.instances.update(id, &[unlinked], now).await?;
                Ok(None)
            }
        }
    }

    /// Ends all sessions in order, keys and standing kept. Returns when none runs any more.
    pub(crate) async fn stop(&self) {
        let handles: Vec<_> = {
            let mut running = self.running();
            // Under the lock, so that no supervisor is started after the last one was told.
            self.0.closing.cancel();
            running.supervisors.drain().map(|(_, handle)| handle).collect()
        };
        for handle in &handles {
            let (answer, _) = oneshot::channel();
            // A supervisor that is already gone needs no telling.
            let _ = handle.send(Command::Stop { unlink: false, answer });
        }
        drop(handles);
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Keeps an instance that is about to be removed from getting a new supervisor. Gives nothing when somebody else
    /// is at it.
    pub(crate) fn bar(&self, id: InstanceId) -> Option<Bar<'_>> {
        self.running().barred.insert(id).then(|| Bar { sessions: self, id })
    }

    /// Ends the session of one instance for good, unlinking the device where that is possible. Returns when nothing
    /// of it runs any more.
    pub(crate) async fn remove(&self, id: InstanceId, unlink: bool) {
        // Bound to a name of its own, so that the lock is not held while the supervisor ends.
        let handle = self.running().supervisors.remove(&id);
        if let Some(handle) = handle {
            let (answer, stopped) = oneshot::channel();
            if handle.send(Command::Stop { unlink, answer }).is_ok() {
                let _ = stopped.await;
            }
        }
    }

    /// The state of an instance: what its supervisor says, or what its standing implies where it has none.
    #[must_use]
    pub fn state(&self, id: InstanceId, standing: &Standing) -> ConnectionState {
        let live = self.running().alive(id).and_then(|handle| handle.status.borrow().state);
        live.unwrap_or_else(|| standing.state_at_rest())
    }

    /// Whether a connected instance shows itself as online.
    #[must_use]
    pub fn is_online(&self, id: InstanceId) -> bool {
        let running = self.running();
        running.alive(id).is_some_and(|handle| {
            let status = handle.status.borrow();
            status.state == Some(ConnectionState::Connected) && status.is_online
        })
    }

    /// What the supervisor of an instance says now; nothing when it has none.
    pub(crate) fn status(&self, id: InstanceId) -> Option<Status> {
        self.running().alive(id).map(|handle| handle.status.borrow().clone())
    }

    /// Does something to its end, also when whoever wants it goes away meanwhile.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let work = self.0.tasks.spawn_on(work, &self.0.runtime);
        work.await.map_err(|e| Error::unavailable("a change", e))?
    }

    /// Has the session of an instance follow settings that were stored, at once.
    pub(crate) fn follow(&self, id: InstanceId, settings: Settings) {
        if let Some(handle) = self.running().alive(id) {
            handle.settings.change(settings);
        }
    }

    /// The connected session of an instance; fails with `NotConnected` when there is none.
    pub(crate) fn connected(&self, id: InstanceId) -> Result<Arc<dyn Session>> {
        let running = self.running();
        let status = running.alive(id).ok_or(Error::NotConnected)?.status.borrow();
        match (status.state, &status.session) {
            (Some(ConnectionState::Connected), Some(session)) => Ok(session.clone()),
            _ => Err(Error::NotConnected),
        }
    }

    /// Tells an instance's supervisor something, starting it where needed, and gives what it says from then on.
    pub(crate) fn tell(&self, id: InstanceId, command: Command) -> Result<watch::Receiver<Status>> {
        let handle = self.handle(id)?;
        handle.send(command)?;
        Ok(handle.status)
    }

    /// The supervisor of an instance, started where there is none.
    ///
    /// Fails while the instance is being removed, and once the gateway is stopping.
    fn handle(&self, id: InstanceId) -> Result<Handle> {
        let mut running = self.running();
        if self.0.closing.is_cancelled() {
            return Err(Error::ConnectFailed("the gateway is stopping".to_owned()));
        }
        if running.barred.contains(&id) {
            return Err(Error::NotFound(Resource::Instance));
        }
        if let Some(handle) = running.alive(id) {
            return Ok(handle.clone());
        }
        let (commands, inbox) = mpsc::unbounded_channel();
        let (status, seen) = watch::channel(Status::default());
        let settings = Arc::new(LiveSettings::new());
        let supervisor = Supervisor::new(self.0.clone(), id, inbox, status, settings.clone());
        // Whatever is logged of the session, by the library too, names the instance by it.
        let span = tracing::info_span!(parent: None, "session", instance = %id.0);
        let work = self.clone().watch_over(id, supervisor).instrument(span);
        self.0.tasks.spawn_on(work, &self.0.runtime);
        let handle = Handle { commands, status: seen, settings };
        running.supervisors.insert(id, handle.clone());
        Ok(handle)
    }

    /// Runs a supervisor, and starts another one after a pause should it panic.
    async fn watch_over(self, id: InstanceId, supervisor: Supervisor) {
        if AssertUnwindSafe(supervisor.run()).catch_unwind().await.is_ok() {
            return;
        }
        tracing::error!(instance = %id.0, "a supervisor failed inside, another one will take over");
        let due = self.0.clock.now() + self.0.config.longest_pause;
        // An error means that the instance, or the gateway, is on its way out.
        if let Ok(next) = self.handle(id) {
            let _ = next.send(Command::ConnectAt(due));
        }
    }

    /// Ends sessions whose instance has gone from the store, as the command line may make it.
    async fn reconcile(&self) {
        loop {
            self.0.clock.sleep(self.0.config.reconcile_every).await;
            let running: Vec<_> = self.running().supervisors.keys().copied().collect();
            if running.is_empty() {
                continue;
            }
            let known: HashSet<_> = match self.0.instances.standings().await {
                Ok(standings) => standings.into_iter().map(|(id, _)| id).collect(),
                Err(e) => {
                    tracing::warn!(
                        error = &e as &dyn std::error::Error,
                        "could not list instances"
                    );
                    continue;
                }
            };
            for id in running.into_iter().filter(|id| !known.contains(id)) {
                let Some(_bar) = self.bar(id) else { continue };
                tracing::info!(instance = %id.0, "instance was removed, ending its session");
                self.remove(id, true).await;
                if let Err(e) = self.0.whatsapp.forget(id).await {
                    tracing::warn!(error = &e as &dyn std::error::Error, "could not forget keys");
                }
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// The supervisor of an instance. One that panicked knows nothing any more.
    fn alive(&self, id: InstanceId) -> Option<&Handle> {
        self.supervisors.get(&id).filter(|handle| !handle.commands.is_closed())
    }
}

impl Handle {
    /// Fails when the supervisor has ended, which it does only when the instance is deleted or the gateway stops.
    fn send(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| Error::NotFound(Resource::Instance))
    }
}
