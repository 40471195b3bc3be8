//! Faults that strike who is connected already.

use std::sync::Arc;

use super::Simulator;
use crate::error::{Error, Result};
use crate::faults::{Action, ActiveFault, Fault, NewFault, Target};
use crate::hub::Hub;
use crate::session::line::Line;
use crate::session::login::{conflict, failure, stream_error};
use crate::state::account::Account;
use crate::topology;

impl Simulator {
    /// Adds a fault; what it does to clients that are connected, it does now.
    pub fn add_fault(&self, fault: NewFault) -> Result<ActiveFault> {
        let target = fault.target.clone();
        if let Target::Number(number) = &target
            && self.hub.account(number).is_none()
        {
            return Err(Error::NotFound("phone"));
        }
        let concerned: Vec<Arc<Account>> = self
            .hub
            .accounts()
            .into_iter()
            .filter(|account| target.concerns(&account.number))
            .collect();
        if let Fault::Redeliver { message_id } = &fault.fault {
            check_redeliverable(&concerned, message_id)?;
        }
        let connected = concerned.iter().any(|account| account.lock().lines().next().is_some());
        let (added, action) = self.hub.faults.add(fault, connected);
        if let Some(action) = action {
            for account in &concerned {
                self.strike(account, &action);
            }
        }
        Ok(added)
    }

    fn strike(&self, account: &Account, action: &Action) {
        let _change = self.hub.ledger.change();
        if *action == Action::Unlink {
            return unlink_all(&self.hub, account);
        }
        let lines: Vec<(u16, Arc<Line>)> =
            account.lock().lines().map(|(device, line)| (device, Arc::clone(line))).collect();
        for (device, line) in lines {
            strike_line(&self.hub, account, device, &line, action);
        }
    }
}

/// What is asked of clients that are connected has to be possible for one of them; those that are
/// not are asked when they log in.
fn check_redeliverable(accounts: &[Arc<Account>], message: &str) -> Result<()> {
    let (mut connected, mut known) = (false, false);
    for account in accounts {
        let state = account.lock();
        for (device, _) in state.lines() {
            connected = true;
            known |= state.can_redeliver(device, message);
        }
    }
    if connected && !known { Err(Error::NotFound("message")) } else { Ok(()) }
}

fn unlink_all(hub: &Hub, account: &Account) {
    let devices: Vec<u16> = account.lock().devices.keys().copied().collect();
    for device in devices {
        topology::unlink(hub, account, device);
    }
}

/// Does to one connection what a fault says. Under a change, and without an account's lock.
pub(crate) fn strike_line(hub: &Hub, account: &Account, device: u16, line: &Line, action: &Action) {
    match action {
        // One that is to be refused comes back and is refused then.
        Action::Drop | Action::Fail(_) => line.cut(),
        Action::Stall(pause) => line.stall(*pause),
        Action::Replace => line.hang_up(Some(conflict("replaced"))),
        Action::EndStream(code) => line.hang_up(Some(stream_error(*code))),
        Action::Redeliver(id) => {
            if account.lock().redeliver(device, id) {
                hub.stats.count_redelivered();
            }
        }
        Action::Unlink => unlink_all(hub, account),
        Action::DelayAck(_)
        | Action::HoldAck
        | Action::Refuse(_)
        | Action::ForbidPairing
        | Action::Downgrade
        | Action::SpoilPairing
        | Action::ThrottleCodes
        | Action::ExpireMedia
        | Action::DropMedia => {}
    }
}

/// The refusal of a login by a fault.
pub(crate) fn refusal(failed: crate::faults::Failure) -> wacore_binary::Node {
    let mut stanza = failure(failed.reason);
    if let Some((code, seconds)) = failed.ban {
        stanza.attrs.insert("code", code.to_string());
        stanza.attrs.insert("expire", seconds.to_string());
    }
    stanza
}
