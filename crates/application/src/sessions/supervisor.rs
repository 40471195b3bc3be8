//! Keeps one instance's session: connects, backs off, tells what becomes of it, stops for good.

mod attempt;
mod happenings;
mod pairing;
mod unlinking;

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio_util::sync::DropGuard;
use wharf_domain::{
    Error, Result, Timestamp,
    event::EventBody,
    instance::{Instance, InstanceId},
    ports::{History, InstanceChange, Session, SessionEnd, SessionEvent},
    state::{ConnectionState, Standing, StateChange},
};

use super::{Command, Shared, Wish, automation::Inlet, live::LiveSettings, status::Status};
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
    settings: Arc<LiveSettings>,
    /// Grows with every attempt, so that a caller can tell its own from an earlier one.
    attempt: u64,
    /// Failures in a row.
    failures: u32,
    /// What the next session is to be started with, should it be a pairing.
    wish: Wish,
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
        settings: Arc<LiveSettings>,
    ) -> Self {
        Self {
            shared,
            id,
            commands,
            status,
            settings,
            attempt: 0,
            failures: 0,
            wish: Wish::default(),
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
        match (command, due) {
            (Some(Command::Cancel(answer)), Some(due)) => {
                if self.cancel_at_rest(answer).await {
                    Next::Rest
                } else {
                    Next::ConnectAt(due)
                }
            }
            (command, _) => self.on_command_at_rest(command).await,
        }
    }

    async fn on_command_at_rest(&mut self, command: Option<Command>) -> Next {
        match command {
            // All handles are gone: the registry was dropped.
            None => Next::Stop { unlink: false, answer: oneshot::channel().0 },
            Some(Command::Connect(wish, answer)) => {
                self.wish = wish;
                self.failures = 0;
                let _ = answer.send(self.attempt + 1);
                Next::Connect
            }
            Some(Command::ConnectAt(due)) => Next::ConnectAt(due),
            Some(Command::Cancel(answer)) => {
                let _ = answer.send(());
                Next::Rest
            }
            Some(Command::Reconnect) => {
                self.tell(StateChange::ManualReconnect).await;
                self.failures = 0;
                Next::Connect
            }
            Some(Command::LogOut { answer }) => self.log_out_at_rest(answer).await,
            Some(Command::Stop { unlink, answer }) => Next::Stop { unlink, answer },
        }
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
                    Some(Command::Connect(wish, answer)) => {
                        if let Some(next) = self.join(run, wish, answer).await {
                            return next;
                        }
                    }
                    Some(Command::Cancel(answer)) => {
                        if let Some(next) = self.cancel(run, answer).await {
                            return next;
                        }
                    }
                    Some(Command::ConnectAt(_)) => {}
                    Some(Command::Reconnect) => {
                        self.going_down();
                        self.end(run).await;
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
                        self.end(run).await;
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

    /// Ends a session. What it says until it is over is of no interest, but for a phone that accepted the device in
    /// the last moment: nobody would say so again.
    async fn end(&mut self, run: &mut Run) {
        run.session.stop().await;
        run.permit = None;
        while let Some(event) = run.events.recv().await {
            match event {
                SessionEvent::Ended(_) => return,
                SessionEvent::Paired { profile, platform } => {
                    self.on_paired(run, profile, platform).await;
                }
                _ => {}
            }
        }
    }

    /// From here on nobody may use the session.
    fn going_down(&self) {
        self.status.send_modify(|status| {
            status.session = None;
            status.is_online = false;
            status.pairing = super::Pairing::default();
            status.state = Some(ConnectionState::Connecting);
        });
    }

    fn rest_or_try_again(&mut self, paired: bool, problem: String) -> Next {
        self.stay(&problem);
        if paired {
            self.try_again(problem)
        } else {
            self.at_rest(Some(problem));
            Next::Rest
        }
    }

    /// Tells whoever waits for the device to be unlinked that it stays linked.
    fn stay(&mut self, problem: &str) {
        if let Some(answer) = self.leaving.take() {
            let _ = answer.send(Err(Error::ConnectFailed(problem.to_owned())));
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
    /// What is taken in of the phone's history.
    history: History,
    /// Whether it was started so that it shows itself as online.
    is_online: bool,
    /// What calls for actions, until the session is connected and can act.
    idle: Option<Inlet>,
    /// Ends the actions when the session is over.
    acting: Option<DropGuard>,
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
