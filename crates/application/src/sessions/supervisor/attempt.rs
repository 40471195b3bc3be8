//! One attempt: waits for its turn, starts a session.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use wharf_domain::{
    instance::Instance,
    ports::{History, SessionRequest},
    state::ConnectionState,
};

use super::{Next, Run, Supervisor, in_words, is_paired};
use crate::{
    connections::proxy_problem,
    sessions::{Command, automation, observer::Observer, status::Status},
};

impl Supervisor {
    /// Makes one attempt and sees the session through to its end.
    pub(super) async fn connect(&mut self) -> Next {
        self.attempt += 1;
        self.status.send_modify(|status| {
            *status = Status { state: Some(ConnectionState::Connecting), ..Status::default() };
        });
        let permit = match self.queue().await {
            Ok(permit) => permit,
            Err(next) => return next,
        };
        let read_at = self.settings.version();
        let instance = match self.shared.instances.find_by_id(self.id).await {
            Ok(Some(instance)) => instance,
            Ok(None) => {
                return self.rest_or_try_again(false, "the instance was deleted".to_owned());
            }
            Err(e) => return self.rest_or_try_again(true, in_words(&e)),
        };
        self.settings.take(read_at, &instance.settings);
        if let Some(problem) = proxy_problem(&instance) {
            // Trying again cannot help, and going out directly is not what was asked for.
            return self.rest_or_try_again(false, problem);
        }
        match self.start(instance, permit).await {
            Ok(mut run) => self.see_through(&mut run).await,
            Err(next) => next,
        }
    }

    async fn start(
        &mut self,
        instance: Instance,
        permit: OwnedSemaphorePermit,
    ) -> Result<Run, Next> {
        let paired = is_paired(&instance);
        if paired {
            self.shared.meter.reconnect_tried();
        }
        let wish = std::mem::take(&mut self.wish);
        let settings = self.settings.now();
        let history = match wish.history.filter(|_| !paired) {
            Some(days) => History::Days(days),
            None if settings.disable_history_sync => History::Skip,
            None => History::All,
        };
        let request = SessionRequest {
            instance: self.id,
            proxy: instance.proxy.clone(),
            history,
            keep_online: settings.keep_online_status,
        };
        let is_online = request.keep_online;
        let (link, events) = mpsc::unbounded_channel();
        let (outlet, inlet) = automation::channel();
        let (shared, settings) = (self.shared.clone(), self.settings.clone());
        let observer = Arc::new(Observer::new(shared, self.id, settings, outlet, link));
        let session = match self.shared.whatsapp.start(request, observer).await {
            Ok(session) => session,
            Err(e) => return Err(self.rest_or_try_again(paired, in_words(&e))),
        };
        self.status.send_modify(|status| status.session = Some(session.clone()));
        if let Some(number) = wish.number.filter(|_| !paired) {
            self.ask_pairing_code(&session, number);
        }
        Ok(Run {
            instance,
            session,
            events,
            permit: Some(permit),
            connected_at: None,
            history,
            is_online,
            idle: Some(inlet),
            acting: None,
        })
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
                Some(Command::Connect(wish, answer)) => {
                    self.wish.number = wish.number.or(self.wish.number.take());
                    self.wish.history = wish.history.or(self.wish.history);
                    let _ = answer.send(self.attempt);
                }
                Some(Command::ConnectAt(_) | Command::Reconnect) => {}
                Some(Command::Cancel(answer)) => {
                    if self.cancel_at_rest(answer).await {
                        return Err(Next::Rest);
                    }
                }
                command => {
                    self.at_rest(None);
                    return Err(self.on_command_at_rest(command).await);
                }
            }
        }
    }
}
