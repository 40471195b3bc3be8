//! The sessions of all instances: one supervisor each, found by the instance's id.

mod ending;
mod observer;
mod status;
mod supervisor;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::{
    Error, Resource, Result, Timestamp,
    address::PhoneNumber,
    instance::InstanceId,
    ports::{Clock, InstanceStore, MessageStore, Random, Session, WhatsApp},
    state::{ConnectionState, Standing},
};

pub(crate) use observer::sent_record;
pub use status::{Pairing, Refusal, Status};

use crate::{Ports, recorder::Recorder};
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
    Connect { number: Option<PhoneNumber>, answer: oneshot::Sender<u64> },
    /// Connect by itself when the time has come.
    ConnectAt(Timestamp),
    /// Drop what there is and connect anew.
    Reconnect,
    /// Unlink the device and forget its keys.
    LogOut { answer: oneshot::Sender<Result<()>> },
    /// End for good; with `unlink`, unlink the device on the way where that is possible.
    Stop { unlink: bool, answer: oneshot::Sender<()> },
}

/// The supervisors of all instances that have anything to do with WhatsApp in this process.
#[derive(Clone)]
pub struct Sessions(Arc<Shared>);

pub(crate) struct Shared {
    whatsapp: Arc<dyn WhatsApp>,
    instances: Arc<dyn InstanceStore>,
    messages: Arc<dyn MessageStore>,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    config: SessionsConfig,
    /// Permits to make a connection.
    connecting: Arc<Semaphore>,
    running: Mutex<HashMap<InstanceId, Handle>>,
    closing: CancellationToken,
    tasks: TaskTracker,
    /// Where supervisors run: they outlive the caller that made them start, and so its runtime too.
    runtime: tokio::runtime::Handle,
}

#[derive(Clone)]
struct Handle {
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<Status>,
}

impl Sessions {
    pub(crate) fn new(ports: &Ports, recorder: Recorder, config: SessionsConfig) -> Self {
        Self(Arc::new(Shared {
            whatsapp: ports.whatsapp.clone(),
            instances: ports.instances.clone(),
            messages: ports.messages.clone(),
            recorder,
            clock: ports.clock.clone(),
            random: ports.random.clone(),
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
    /// An instance that has keys but is not noted as paired was interrupted between the two; it is noted now.
    pub(crate) async fn start(&self) -> Result<()> {
        for (id, standing) in self.0.instances.standings().await? {
            let due = match standing {
                Standing::Paired => Some(self.0.clock.now()),
                Standing::Banned { until } => until,
                Standing::Unpaired => {
                    self.0.whatsapp.is_paired(id).await?.then(|| self.0.clock.now())
                }
                Standing::LoggedOut => None,
            };
            if let Some(due) = due {
                self.handle(id).send(Command::ConnectAt(due))?;
            }
        }
        let this = self.clone();
        self.0.tasks.spawn(async move {
            let closing = this.0.closing.clone();
            closing.run_until_cancelled(this.reconcile()).await;
        });
        Ok(())
    }

    /// Ends all sessions in order, keys and standing kept. Returns when none runs any more.
    pub(crate) async fn stop(&self) {
        self.0.closing.cancel();
        let handles: Vec<_> = self.running().drain().map(|(_, handle)| handle).collect();
        for handle in &handles {
            let (answer, _) = oneshot::channel();
            // A supervisor that is already gone needs no telling.
            let _ = handle.send(Command::Stop { unlink: false, answer });
        }
        drop(handles);
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Ends the session of one instance for good, unlinking the device where that is possible. Returns when nothing
    /// of it runs any more.
    pub(crate) async fn remove(&self, id: InstanceId, unlink: bool) {
        // Bound to a name of its own, so that the lock is not held while the supervisor ends.
        let handle = self.running().remove(&id);
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
        let live = self.running().get(&id).and_then(|handle| handle.status.borrow().state);
        live.unwrap_or_else(|| standing.state_at_rest())
    }

    /// The connected session of an instance; fails with `NotConnected` when there is none.
    pub(crate) fn connected(&self, id: InstanceId) -> Result<Arc<dyn Session>> {
        let running = self.running();
        let status = running.get(&id).ok_or(Error::NotConnected)?.status.borrow();
        match (status.state, &status.session) {
            (Some(ConnectionState::Connected), Some(session)) => Ok(session.clone()),
            _ => Err(Error::NotConnected),
        }
    }

    /// Tells an instance's supervisor something, starting it where needed, and gives what it says from then on.
    pub(crate) fn tell(&self, id: InstanceId, command: Command) -> Result<watch::Receiver<Status>> {
        let handle = self.handle(id);
        handle.send(command)?;
        Ok(handle.status)
    }

    fn handle(&self, id: InstanceId) -> Handle {
        let mut running = self.running();
        if let Some(handle) = running.get(&id).filter(|handle| !handle.commands.is_closed()) {
            return handle.clone();
        }
        let (commands, inbox) = mpsc::unbounded_channel();
        let (status, seen) = watch::channel(Status::default());
        let supervisor = Supervisor::new(self.0.clone(), id, inbox, status);
        self.0.tasks.spawn_on(supervisor.run(), &self.0.runtime);
        let handle = Handle { commands, status: seen };
        running.insert(id, handle.clone());
        handle
    }

    /// Ends sessions whose instance has gone from the store, as the command line may make it.
    async fn reconcile(&self) {
        loop {
            self.0.clock.sleep(self.0.config.reconcile_every).await;
            let running: Vec<_> = self.running().keys().copied().collect();
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
                tracing::info!(instance = %id.0, "instance was removed, ending its session");
                self.remove(id, true).await;
                if let Err(e) = self.0.whatsapp.forget(id).await {
                    tracing::warn!(error = &e as &dyn std::error::Error, "could not forget keys");
                }
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<InstanceId, Handle>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// Fails when the supervisor has ended, which it does only when the instance is deleted or the gateway stops.
    fn send(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| Error::NotFound(Resource::Instance))
    }
}
