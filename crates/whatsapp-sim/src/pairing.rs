//! Linking a device: a connection that belongs to nobody yet, and the phone that takes it in.

mod code;
mod offer;
mod unpaired;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use wacore_binary::builder::NodeBuilder;

use crate::clock;
use crate::error::{Error, Result};
use crate::faults::{Action, Point};
use crate::hub::Hub;
use crate::phone::link::{LinkCode, LinkError, Qr};
use crate::state::account::Account;

pub(crate) use unpaired::Unpaired;

/// How long a client has to countersign.
const COUNTERSIGNATURE: Duration = Duration::from_secs(30);

/// What is being linked.
#[derive(Default)]
pub(crate) struct Pairings {
    references: Mutex<HashMap<String, Arc<Unpaired>>>,
    codes: Mutex<code::Codes>,
}

impl Pairings {
    fn references(&self) -> MutexGuard<'_, HashMap<String, Arc<Unpaired>>> {
        self.references.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn codes(&self) -> MutexGuard<'_, code::Codes> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that shows a QR code.
    pub(crate) fn shown_by(&self, qr: &Qr) -> Result<Arc<Unpaired>> {
        let gone = || Error::Gone("the QR code is not shown any more".to_owned());
        let unpaired = self.references().get(&qr.reference).cloned().ok_or_else(gone)?;
        if unpaired.has_rotated_away(&qr.reference, clock::instant()) {
            return Err(gone());
        }
        if !unpaired.is_described_by(qr) {
            return Err(Error::Conflict("the QR code's keys are not its client's".to_owned()));
        }
        Ok(unpaired)
    }
}

/// The owner of `account` points the camera at a QR code. Gives the new device's id.
pub(crate) async fn scan(hub: &Arc<Hub>, account: &Arc<Account>, qr: &str) -> Result<u16> {
    let qr = Qr::parse(qr)?;
    let waiting = hub.pairings.shown_by(&qr)?;
    check_allowed(hub, &account.number, Some(&waiting))?;
    scan_allowed(hub, account, &qr).await
}

/// The same, once it is known that the account may link devices.
pub(crate) async fn scan_allowed(hub: &Arc<Hub>, account: &Arc<Account>, qr: &Qr) -> Result<u16> {
    let unpaired = hub.pairings.shown_by(qr)?;
    let (answer, answered) = oneshot::channel();
    {
        let _change = hub.ledger.change();
        let offer = unpaired.offer(account, &qr.adv_secret, answer)?;
        unpaired.line.send(offer);
    }
    countersigned(answered).await
}

/// The owner of `account` types in a pairing code. Gives the new device's id.
pub(crate) async fn enter_code(hub: &Arc<Hub>, account: &Arc<Account>, code: &str) -> Result<u16> {
    if !LinkCode::is_well_formed(code) {
        return Err(LinkError::Code.into());
    }
    let hello = hub.pairings.codes().outstanding(&account.number, clock::instant())?;
    let code = code.to_owned();
    let entered = tokio::task::spawn_blocking(move || code::enter(&code, &hello.wrapped_ephemeral));
    let entered = entered.await.map_err(|_| Error::Stopping)??;
    check_allowed(hub, &account.number, None)?;
    let (answer, answered) = oneshot::channel();
    {
        let _change = hub.ledger.change();
        hub.pairings.codes().answer(account, &hello.reference, entered, answer)?;
    }
    countersigned(answered).await
}

/// Whether the account of this number may link a device. The one that waits for it may be told why not.
pub(crate) fn check_allowed(hub: &Hub, number: &str, waiting: Option<&Unpaired>) -> Result<()> {
    match hub.faults.decide(number, Point::Pairing) {
        Some(Action::Downgrade) => {
            if let Some(waiting) = waiting {
                let downgrade = NodeBuilder::new("downgrade_webclient").build();
                let note = NodeBuilder::new("ib").attr("from", "s.whatsapp.net");
                waiting.line.send(note.children([downgrade]).build());
            }
            Err(Error::Conflict("the phone cannot link devices".to_owned()))
        }
        Some(Action::ForbidPairing) => {
            Err(Error::Conflict("the account may not link devices now".to_owned()))
        }
        _ => Ok(()),
    }
}

async fn countersigned(answered: oneshot::Receiver<Result<u16>>) -> Result<u16> {
    match tokio::time::timeout(COUNTERSIGNATURE, answered).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::Gone("the client has left".to_owned())),
        Err(_) => Err(Error::TimedOut("the client to countersign")),
    }
}
