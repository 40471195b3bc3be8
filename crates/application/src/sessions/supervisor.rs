//! Keeps one instance's session: connects, backs off, tells what becomes of it, stops for good.

mod unlinking;

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use wharf_domain::{
    Error, Result, Timestamp,
    address::PhoneNumber,
    event::EventBody,
    instance::{Instance, InstanceId, Profile},
    ports::{InstanceChange, Session, SessionEnd, SessionEvent, SessionRequest},
    state::{ConnectionState, Standing, StateChange},
};

use super::{
    Command, Refusal, Shared,
    ending::{After, judge},
    observer::Observer,
    status::Status,
};
use crate::{
    backoff,
    recorder::{Record, patiently},
};

/// One task an instance. It ends when it is told to stop, which is for good.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    id: InstanceId,
    commands: mpsc::UnboundedReceiver<Command>,
    status: watch::Sender<Status>,
    /// Grows with every attempt, so that a caller can tell its own from an earlier one.
    attempt: u64,
    /// Failures in a row.
    failures: u32,
    /// A number that waits for its pairing code.
    wanted_number: Option<PhoneNumber>,
    /// Somebody who waits for the device to be unlinked, for which it has to be connected first.
    leaving: Option<oneshot::Sender<Result<()>>>,
}

/// What to do next.
enum Next {
    /// Nothing, until told.
    Rest,
    /// Connect now.
    Connect,
    /// Connect when the time has come, or earlier when told.
    ConnectAt(Timestamp),
    /// End.
    Stop { unlink: bool, answer: oneshot::Sender<()> },
}

impl Supervisor {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: InstanceId,
        commands: mpsc::UnboundedReceiver<Command>,
        status: watch::Sender<Status>,
    ) -> Self {
        Self {
            shared,
            id,
            commands,
            status,
            attempt: 0,
            failures: 0,
            wanted_number: None,
            leaving: None,
        }
    }

    pub(super) async fn run(mut self) {
        let mut next = Next::Rest;
        loop {
            next = match next {
                Next::Rest => self.rest(None).await,
                Next::ConnectAt(due) => self.rest(Some(due)).await,
                Next::Connect => self.connect().await,
                Next::Stop { unlink, answer } => {
                    if unlink {
                        self.unlink_at_rest().await;
                    }
                    // Whoever waits is told last, when nothing of this instance runs any more.
                    drop(self);
                    let _ = answer.send(());
                    return;
                }
            };
        }
    }

    /// Waits for a command, or for the time of the next attempt.
    async fn rest(&mut self, due: Option<Timestamp>) -> Next {
        let pause = due.map(|due| (due - self.shared.clock.now()).to_std().unwrap_or_default());
        let command = tokio::select! {
            command = self.commands.recv() => command,
            () = wait(&*self.shared.clock, pause) => return Next::Connect,
        };
        self.on_command_at_rest(command).await
    }

    /// Waits for its turn to make a connection.
    async fn queue(&mut self) -> Result<OwnedSemaphorePermit, Next> {
        let turn = self.shared.connecting.clone().acquire_owned();
        tokio::pin!(turn);
        loop {
            let command = tokio::select! {
                permit = &mut turn => {
                    // The semaphore is never closed.
                    return permit.map_err(|_| Next::Rest);
                }
                command = self.commands.recv() => command,
            };
            match command {
                Some(Command::Connect { number, answer }) => {
                    self.wanted_number = number.or(self.wanted_number.take());
                    let _ = answer.send(self.attempt);
                }
                Some(Command::ConnectAt(_) | Command::Reconnect) => {}
                command => {
                    self.at_rest(None);
                    return Err(self.on_command_at_rest(command).await);
                }
            }
        }
    }

    async fn on_command_at_rest(&mut self, command: Option<Command>) -> Next {
        match command {
            // All handles are gone: the registry was dropped.
            None => Next::Stop { unlink: false, answer: oneshot::channel().0 },
            Some(Command::Connect { number, answer }) => {
                self.wanted_number = number;
                self.failures = 0;
                let _ = answer.send(self.attempt + 1);
                Next::Connect
            }
            Some(Command::ConnectAt(due)) => Next::ConnectAt(due),
            Some(Command::Reconnect) => {
                self.tell(StateChange::ManualReconnect).await;
                self.failures = 0;
                Next::Connect
            }
            Some(Command::LogOut { answer }) => self.log_out_at_rest(answer).await,
            Some(Command::Stop { unlink, answer }) => Next::Stop { unlink, answer },
        }
    }

    /// Makes one attempt and sees the session through to its end.
    async fn connect(&mut self) -> Next {
        self.attempt += 1;
        self.status.send_modify(|status| {
            *status = Status { state: Some(ConnectionState::Connecting), ..Status::default() };
        });
        let permit = match self.queue().await {
            Ok(permit) => permit,
            Err(next) => return next,
        };
        let instance = match self.shared.instances.find_by_id(self.id).await {
            Ok(Some(instance)) => instance,
            Ok(None) => {
                return self.rest_or_try_again(false, "the instance was deleted".to_owned());
            }
            Err(e) => return self.rest_or_try_again(true, in_words(&e)),
        };
        let (link, events) = mpsc::unbounded_channel();
        let observer = Arc::new(Observer::new(self.shared.clone(), self.id, link));
        let request = SessionRequest {
            instance: self.id,
            proxy: instance.proxy.clone(),
            skip_history: instance.settings.disable_history_sync,
        };
        let paired = is_paired(&instance);
        let session = match self.shared.whatsapp.start(request, observer).await {
            Ok(session) => session,
            Err(e) => return self.rest_or_try_again(paired, in_words(&e)),
        };
        self.status.send_modify(|status| status.session = Some(session.clone()));
        if let Some(number) = self.wanted_number.take().filter(|_| !paired) {
            self.ask_pairing_code(&session, number);
        }
        let mut run = Run { instance, session, events, permit: Some(permit), connected_at: None };
        self.see_through(&mut run).await
    }

    /// Handles what happens in a session, and what is asked meanwhile, until it is over.
    async fn see_through(&mut self, run: &mut Run) -> Next {
        loop {
            // Whoever has given up waiting was told that the device stays linked.
            if run.connected_at.is_some()
                && let Some(answer) = self.leaving.take().filter(|answer| !answer.is_closed())
                && let Some(next) = self.log_out(run, answer).await
            {
                return next;
            }
            tokio::select! {
                biased;
                event = run.events.recv() => match event {
                    Some(SessionEvent::Ended(end)) => return self.on_end(run, end).await,
                    Some(event) => self.on_event(run, event).await,
                    None => {
                        return self.on_end(run, SessionEnd::Lost("the session vanished".to_owned())).await;
                    }
                },
                command = self.commands.recv() => match command {
                    Some(Command::Connect { number, answer }) => {
                        let _ = answer.send(self.attempt);
                        if let Some(number) = number && !is_paired(&run.instance) {
                            self.ask_pairing_code(&run.session, number);
                        }
                    }
                    Some(Command::ConnectAt(_)) => {}
                    Some(Command::Reconnect) => {
                        self.going_down();
                        run.session.stop().await;
                        run.wait_for_end().await;
                        self.tell(StateChange::ManualReconnect).await;
                        self.failures = 0;
                        return Next::Connect;
                    }
                    Some(Command::LogOut { answer }) => {
                        if let Some(next) = self.log_out(run, answer).await {
                            return next;
                        }
                    }
                    Some(Command::Stop { unlink, answer }) => {
                        self.going_down();
                        if unlink && run.connected_at.is_some()
                            && let Err(e) = run.session.log_out().await
                        {
                            warn(&e, "could not tell WhatsApp of the unlinking");
                        }
                        run.session.stop().await;
                        run.wait_for_end().await;
                        return Next::Stop { unlink, answer };
                    }
                    None => {
                        run.session.stop().await;
                        return Next::Stop { unlink: false, answer: oneshot::channel().0 };
                    }
                },
            }
        }
    }

    async fn on_event(&mut self, run: &mut Run, event: SessionEvent) {
        match event {
            SessionEvent::Qr { code, .. } => {
                run.permit = None;
                // Recorded first, shown second: a caller who sees the code can count on its event.
                self.tell(StateChange::QrReady { codes: vec![code.clone()] }).await;
                self.status.send_modify(|status| status.pairing.qr = Some(code));
            }
            SessionEvent::PairingCodeRenewed(code) => self.status.send_modify(|status| {
                if let Some((_, old)) = &mut status.pairing.code {
                    *old = code;
                }
            }),
            SessionEvent::Paired { profile, platform } => {
                self.on_paired(run, profile, platform).await;
            }
            SessionEvent::PairingFailed(reason) => {
                self.tell(StateChange::PairError { reason }).await;
            }
            SessionEvent::ScannedWithoutMultidevice => {
                self.tell(StateChange::QrScannedWithoutMultidevice).await;
            }
            SessionEvent::Connected { profile } => self.on_connected(run, profile).await,
            SessionEvent::ProfileChanged(profile) => {
                self.store(run, vec![InstanceChange::Profile(profile)]).await;
            }
            SessionEvent::KeepaliveTimeout => {
                self.status.send_modify(|s| s.state = Some(ConnectionState::Connecting));
                self.tell(StateChange::KeepaliveTimeout).await;
            }
            SessionEvent::KeepaliveRestored => {
                self.tell(StateChange::KeepaliveRestored).await;
                self.status.send_modify(|s| s.state = Some(ConnectionState::Connected));
            }
            // Receipts and acknowledgements go by the observer, the end is handled by the caller.
            _ => {}
        }
    }

    async fn on_paired(&mut self, run: &mut Run, profile: Profile, platform: String) {
        self.status.send_modify(|status| status.pairing = super::Pairing::default());
        if let Some(jid) = profile.jid.clone() {
            let lid = profile.lid.clone();
            let business_name = profile.business_name.clone();
            self.tell(StateChange::PairSuccess { jid, lid, platform, business_name }).await;
        }
        let changes =
            vec![InstanceChange::Standing(Standing::Paired), InstanceChange::Profile(profile)];
        self.store(run, changes).await;
    }

    async fn on_connected(&mut self, run: &mut Run, profile: Profile) {
        run.permit = None;
        run.connected_at = Some(self.shared.clock.now());
        let mut changes = Vec::new();
        if run.instance.standing != Standing::Paired {
            changes.push(InstanceChange::Standing(Standing::Paired));
        }
        if run.instance.profile != profile {
            changes.push(InstanceChange::Profile(profile.clone()));
        }
        if !changes.is_empty() {
            self.store(run, changes).await;
        }
        if let Some(jid) = profile.jid {
            self.tell(StateChange::Connected { jid, lid: profile.lid }).await;
        }
        let session = run.session.clone();
        self.status.send_modify(|status| {
            *status = Status {
                state: Some(ConnectionState::Connected),
                session: Some(session),
                ..Status::default()
            };
        });
    }

    async fn on_end(&mut self, run: &mut Run, end: SessionEnd) -> Next {
        run.permit = None;
        let now = self.shared.clock.now();
        let was_connected = run.connected_at.is_some();
        if run.connected_at.is_some_and(|at| {
            (now - at).to_std().unwrap_or_default() >= self.shared.config.stable_after
        }) {
            self.failures = 0;
        }
        // What the state becomes is decided below.
        self.going_down();
        let paired = is_paired(&run.instance);
        let verdict = judge(end, was_connected, now);
        if let Some(change) = verdict.change {
            self.tell(change).await;
        }
        let unlinked = verdict.standing == Some(Standing::LoggedOut);
        // What was never paired has no keys that a ban could speak of.
        let standing = verdict.standing.filter(|_| paired || unlinked);
        let noted = match standing {
            Some(standing) => self.store(run, vec![InstanceChange::Standing(standing)]).await,
            None => true,
        };
        // Keys that are gone before it is noted would look like a pairing to be made at the next start.
        if unlinked
            && noted
            && let Err(e) = self.shared.whatsapp.forget(self.id).await
        {
            warn(&e, "could not forget keys");
        }
        if let Some(answer) = self.leaving.take() {
            let failed = || Error::ConnectFailed(verdict.problem.clone());
            let _ = answer.send(unlinked.then_some(()).ok_or_else(failed));
        }
        match verdict.next {
            After::Pause if paired => self.try_again(verdict.problem),
            After::At(due) if paired => {
                self.at_rest(Some(verdict.problem));
                Next::ConnectAt(due)
            }
            _ => {
                self.at_rest(Some(verdict.problem));
                Next::Rest
            }
        }
    }

    /// From here on nobody may use the session.
    fn going_down(&self) {
        self.status.send_modify(|status| {
            status.session = None;
            status.pairing = super::Pairing::default();
            status.state = Some(ConnectionState::Connecting);
        });
    }

    fn rest_or_try_again(&mut self, paired: bool, problem: String) -> Next {
        if let Some(answer) = self.leaving.take() {
            let _ = answer.send(Err(Error::ConnectFailed(problem.clone())));
        }
        if paired {
            self.try_again(problem)
        } else {
            self.at_rest(Some(problem));
            Next::Rest
        }
    }

    /// Notes a failure and sets the time of the next attempt.
    fn try_again(&mut self, problem: String) -> Next {
        self.failures += 1;
        let config = &self.shared.config;
        let pause = backoff::pause(
            config.first_pause,
            config.longest_pause,
            self.failures,
            &*self.shared.random,
        );
        tracing::info!(instance = %self.id.0, problem, ?pause, "will connect again");
        let attempt = self.attempt;
        self.status.send_modify(|status| {
            *status = Status {
                state: Some(ConnectionState::Connecting),
                problem: Some((attempt, problem)),
                ..Status::default()
            };
        });
        Next::ConnectAt(self.shared.clock.now() + pause)
    }

    /// From here on the stored standing says what the state is.
    fn at_rest(&self, problem: Option<String>) {
        let attempt = self.attempt;
        self.status.send_modify(|status| {
            *status =
                Status { problem: problem.map(|problem| (attempt, problem)), ..Status::default() };
        });
    }

    /// Asks for a pairing code without keeping the supervisor waiting; the status shows what came of it.
    fn ask_pairing_code(&self, session: &Arc<dyn Session>, number: PhoneNumber) {
        let (session, status) = (session.clone(), self.status.clone());
        self.status.send_modify(|status| status.pairing.refused = None);
        self.shared.tasks.spawn(async move {
            let answer = session.pairing_code(&number).await;
            status.send_modify(|status| match answer {
                Ok(code) => status.pairing.code = Some((number, code)),
                Err(e) => {
                    let code = if let Error::Refused { code } = e { Some(code) } else { None };
                    status.pairing.refused = Some(Refusal { number, code, reason: in_words(&e) });
                }
            });
        });
    }

    /// Stores changes, and says whether that worked.
    async fn store(&self, run: &mut Run, changes: Vec<InstanceChange>) -> bool {
        let now = self.shared.clock.now();
        let update = || self.shared.instances.update(self.id, &changes, now);
        let stored = patiently(&*self.shared.clock, update).await;
        if let Err(e) = &stored {
            tracing::error!(error = e as &dyn std::error::Error, "could not store a change");
        }
        for change in changes {
            match change {
                InstanceChange::Standing(standing) => run.instance.standing = standing,
                InstanceChange::Profile(profile) => run.instance.profile = profile,
                _ => {}
            }
        }
        stored.is_ok()
    }

    async fn tell(&self, change: StateChange) {
        let name = change.as_str();
        tracing::info!(instance = %self.id.0, state = name, "link changed");
        let record = Record { key: None, body: EventBody::State(change), raw: None };
        if let Err(e) = self.shared.recorder.insist(self.id, vec![record]).await {
            tracing::error!(error = &e as &dyn std::error::Error, state = name, "could not record");
        }
    }
}

/// A session under way.
struct Run {
    instance: Instance,
    session: Arc<dyn Session>,
    events: mpsc::UnboundedReceiver<SessionEvent>,
    /// Held while the connection is in the making.
    permit: Option<OwnedSemaphorePermit>,
    connected_at: Option<Timestamp>,
}

impl Run {
    /// Passes over what still comes until the session has said that it is over.
    async fn wait_for_end(&mut self) {
        while let Some(event) = self.events.recv().await {
            if matches!(event, SessionEvent::Ended(_)) {
                return;
            }
        }
    }
}

/// Whether there are keys to connect with.
fn is_paired(instance: &Instance) -> bool {
    matches!(instance.standing, Standing::Paired | Standing::Banned { .. })
}

async fn wait(clock: &dyn wharf_domain::ports::Clock, pause: Option<Duration>) {
    match pause {
        Some(pause) => clock.sleep(pause).await,
        None => std::future::pending().await,
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::ConnectFailed(reason) => reason.clone(),
        Error::Refused { code } => format!("WhatsApp refused ({code})"),
        other => other.to_string(),
    }
}

fn warn(error: &Error, what: &'static str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what}");
}
