//! Links with WhatsApp, as a caller sees them.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;
use wharf_domain::{
    Error, Resource, Result,
    address::PhoneNumber,
    instance::Instance,
    pairing::{PairingCode, QrCode},
    ports::Clock,
    state::{ConnectionState, Standing},
};

use crate::sessions::{Command, Refusal, Sessions, Status, Wish};

/// What a caller who wants to connect gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// A code to scan.
    Qr(QrCode),
    /// A code to type on the phone.
    PairingCode(PairingCode),
    /// Nothing is left to do: the instance is connected.
    Connected,
}

/// What a person who pairs an instance is shown.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The state now.
    pub state: ConnectionState,
    /// The code to scan now.
    pub qr: Option<QrCode>,
    /// The code to type now, and the number it is for.
    pub code: Option<(PhoneNumber, PairingCode)>,
    /// Why there is no code to type for a number that was asked for.
    pub refused: Option<Refusal>,
    /// Why the latest attempt came to nothing.
    pub problem: Option<String>,
}

/// Connects, reconnects and logs out.
#[derive(Clone)]
pub struct ConnectionService {
    sessions: Sessions,
    clock: Arc<dyn Clock>,
}

impl ConnectionService {
    /// How long a caller waits for a code.
    pub const PATIENCE: Duration = Duration::from_mins(1);

    pub(crate) fn new(sessions: Sessions, clock: Arc<dyn Clock>) -> Self {
        Self { sessions, clock }
    }

    /// Connects an instance, or begins to pair it, and waits until there is a code or a connection. A caller joins
    /// whatever is under way. With a number the code is one to type, else one to scan. With `history` a pairing takes
    /// in so many days of it, whatever the settings say.
    ///
    /// Fails with `Refused` when WhatsApp refuses a code to type, with `ConnectFailed` when the attempt fails, is
    /// cancelled, or there is nothing after [`Self::PATIENCE`].
    pub async fn connect(
        &self,
        instance: &Instance,
        number: Option<PhoneNumber>,
        history: Option<u32>,
    ) -> Result<Link> {
        let (answer, attempt) = oneshot::channel();
        let wish = Wish { number: number.clone(), history };
        let mut status = self.sessions.tell(instance.id, Command::Connect(wish, answer))?;
        let progress = async {
            let attempt = attempt.await.map_err(|_| Error::NotFound(Resource::Instance))?;
            loop {
                if let Some(outcome) =
                    outcome(&status.borrow_and_update(), attempt, number.as_ref())
                {
                    return outcome;
                }
                if status.changed().await.is_err() {
                    return Err(Error::ConnectFailed("the instance was deleted".to_owned()));
                }
            }
        };
        tokio::select! {
            outcome = progress => outcome,
            () = self.clock.sleep(Self::PATIENCE) => {
                Err(Error::ConnectFailed("WhatsApp gave no code within 60 seconds".to_owned()))
            }
        }
    }

    /// Begins what [`Self::connect`] begins and waits for nothing; [`Self::progress`] shows what comes of it.
    pub fn begin(&self, instance: &Instance, number: Option<PhoneNumber>) -> Result<()> {
        let command = Command::Connect(Wish { number, history: None }, oneshot::channel().0);
        self.sessions.tell(instance.id, command).map(drop)
    }

    /// Gives up the pairing that is under way, if one is, and gives the state afterwards. An instance that is paired
    /// is left alone: it stays connected, or comes back by itself, also when its phone was quicker than the caller.
    pub async fn cancel(&self, instance: &Instance) -> Result<ConnectionState> {
        if self.sessions.status(instance.id).is_some_and(|status| status.state.is_some()) {
            let (answer, done) = oneshot::channel();
            self.sessions.tell(instance.id, Command::Cancel(answer))?;
            done.await.map_err(|_| Error::NotFound(Resource::Instance))?;
        }
        Ok(self.sessions.state(instance.id, &instance.standing))
    }

    /// What can be shown now of an instance's link to a person who pairs it.
    #[must_use]
    pub fn progress(&self, instance: &Instance) -> Progress {
        let status = self.sessions.status(instance.id).unwrap_or_default();
        let failed = status.problem.map(|(_, problem)| problem);
        Progress {
            state: status.state.unwrap_or_else(|| instance.standing.state_at_rest()),
            qr: status.pairing.qr,
            code: status.pairing.code,
            refused: status.pairing.refused,
            problem: status.pairing.failed.or(failed).or_else(|| proxy_problem(instance)),
        }
    }

    /// Drops the connection there is, if any, and connects anew. Returns once that is under way.
    ///
    /// Fails with `NoSavedSession` when there are no keys to connect with, with `ConnectFailed` when the way out that
    /// was asked for cannot be used.
    pub fn reconnect(&self, instance: &Instance) -> Result<()> {
        if let Some(problem) = proxy_problem(instance) {
            return Err(Error::ConnectFailed(problem));
        }
        match instance.standing {
            Standing::Paired | Standing::Banned { .. } => {
                self.sessions.tell(instance.id, Command::Reconnect).map(drop)
            }
            Standing::Unpaired | Standing::LoggedOut => Err(Error::NoSavedSession),
        }
    }

    /// Unlinks the device and forgets its keys; the instance stays. A repeat is harmless.
    ///
    /// A device that is linked and not connected is connected first. Fails when WhatsApp cannot be told within
    /// [`Self::PATIENCE`]; the device stays linked then, and so do its keys.
    pub async fn log_out(&self, instance: &Instance) -> Result<()> {
        let (answer, done) = oneshot::channel();
        self.sessions.tell(instance.id, Command::LogOut { answer })?;
        tokio::select! {
            done = done => done.map_err(|_| Error::NotFound(Resource::Instance))?,
            () = self.clock.sleep(Self::PATIENCE) => Err(Error::NotAcknowledged),
        }
    }
}

/// Why an instance must not connect, in words, when the way out it was created with cannot be used.
pub(crate) fn proxy_problem(instance: &Instance) -> Option<String> {
    let reason = instance.proxy_problem.as_ref()?;
    Some(format!("the proxy given at creation cannot be used ({reason})"))
}

/// What the status means for a caller of an attempt, if it is decided.
fn outcome(status: &Status, attempt: u64, number: Option<&PhoneNumber>) -> Option<Result<Link>> {
    if status.state == Some(ConnectionState::Connected) {
        return Some(Ok(Link::Connected));
    }
    if let Some((failed, reason)) = &status.problem
        && *failed >= attempt
    {
        return Some(Err(Error::ConnectFailed(reason.clone())));
    }
    let pairing = &status.pairing;
    match number {
        None => pairing.qr.clone().map(|qr| Ok(Link::Qr(qr))),
        Some(number) => {
            let refused = pairing.refused.as_ref().filter(|refusal| refusal.number == *number);
            if let Some(refusal) = refused {
                return Some(Err(match refusal.code {
                    Some(code) => Error::Refused { code },
                    None => Error::ConnectFailed(refusal.reason.clone()),
                }));
            }
            let code = pairing.code.as_ref().filter(|(whose, _)| whose == number);
            code.map(|(_, code)| Ok(Link::PairingCode(code.clone())))
        }
    }
}
