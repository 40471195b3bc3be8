//! Faults that strike who is connected already.

use std::sync::Arc;

use super::Simulator;
use crate::error::Result;
use crate::faults::{Action, ActiveFault, NewFault, Target};
use crate::session::line::Line;
use crate::session::login::{conflict, failure};
use crate::state::account::Account;
use crate::topology;

impl Simulator {
    /// Adds a fault; what it does to clients that are connected, it does now.
    pub fn add_fault(&self, fault: NewFault) -> Result<ActiveFault> {
        let target = fault.target.clone();
        if let Target::Number(number) = &target
            && self.hub.account(number).is_none()
        {
            return Err(crate::error::Error::NotFound("phone"));
        }
        let concerned: Vec<Arc<Account>> = self
            .hub
            .accounts()
            .into_iter()
            .filter(|account| target.concerns(&account.number))
            .collect();
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
            let devices: Vec<u16> = account.lock().devices.keys().copied().collect();
            for device in devices {
                topology::unlink(&self.hub, account, device);
            }
            return;
        }
        let lines: Vec<(u16, Arc<Line>)> =
            account.lock().lines().map(|(device, line)| (device, Arc::clone(line))).collect();
        for (device, line) in lines {
            strike_line(account, device, &line, action);
        }
    }
}

/// Does to one connection what a fault says.
pub(crate) fn strike_line(account: &Account, device: u16, line: &Line, action: &Action) {
    match action {
        // One that is to be refused comes back and is refused then.
        Action::Drop | Action::Fail(_) => line.cut(),
        Action::Stall(pause) => line.stall(*pause),
        Action::Replace => line.hang_up(Some(conflict("replaced"))),
        Action::Redeliver(id) => account.lock().redeliver(device, id),
        Action::Unlink
        | Action::DelayAck(_)
        | Action::HoldAck
        | Action::Refuse(_)
        | Action::ForbidPairing => {}
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
