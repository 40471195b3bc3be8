//! The calls a phone knows of. Nobody can talk here: a call rings until somebody does something.

use serde::{Deserialize, Serialize};

use crate::phone::signal::DeviceAddress;

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallState {
    /// Nobody has done anything yet.
    Ringing,
    /// It has been answered, here or on another device.
    Accepted,
    /// Who was called does not want it.
    Rejected,
    /// Somebody has hung up.
    Ended,
    /// Nobody has answered for too long.
    Missed,
}

/// A call as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownCall {
    /// The caller's id for it.
    pub call_id: String,
    /// The JID of the other account; of the group, for who calls one.
    pub peer: String,
    /// The JID of the group whose call it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether it was made on this phone.
    pub outgoing: bool,
    /// Whether it is a video call.
    pub video: bool,
    /// How it stands.
    pub state: CallState,
    /// How long it lasted, if it was answered and is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// What an owner does about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", deny_unknown_fields)]
pub enum CallAct {
    /// Is about to answer.
    PreAccept,
    /// Answers. The caller tells the account's other devices that it was accepted elsewhere.
    Accept {
        /// Whether these are passed the acceptance itself before.
        #[serde(default)]
        relayed: bool,
    },
    /// Ends it: a call that somebody makes and that was not answered is rejected.
    HangUp {
        /// How long it has lasted, if it was answered: counted if it is not given.
        #[serde(default)]
        seconds: Option<u32>,
    },
    /// The caller gives up a call that nobody answers.
    TimeOut,
    /// Tells the other side how far one of WhatsApp's relays is.
    MeasureLatency,
}

/// What a phone knows of a call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) shown: ShownCall,
    /// The device that calls.
    pub(crate) caller: DeviceAddress,
    /// When it was answered, in seconds.
    pub(crate) answered: Option<u64>,
}

/// The calls on a phone, oldest first.
#[derive(Default)]
pub(crate) struct Calls(Vec<Call>);

impl Calls {
    /// Notes a call that begins.
    pub(crate) fn ring(&mut self, call: Call) {
        if self.find(&call.shown.call_id).is_none() {
            self.0.push(call);
        }
    }

    /// Notes how a call goes on, and gives it. `None` for one that cannot: what is over stays so.
    pub(crate) fn advance(&mut self, call_id: &str, state: CallState, now: u64) -> Option<Call> {
        let call = self.0.iter_mut().find(|call| call.shown.call_id == call_id)?;
        let goes_on = match call.shown.state {
            CallState::Ringing => state != CallState::Ringing,
            CallState::Accepted => state == CallState::Ended,
            _ => false,
        };
        if !goes_on {
            return None;
        }
        call.shown.state = state;
        if state == CallState::Accepted {
            call.answered = Some(now);
        } else if let Some(answered) = call.answered {
            call.shown.seconds = u32::try_from(now.saturating_sub(answered)).ok();
        }
        Some(call.clone())
    }

    /// Corrects how long a call lasted.
    pub(crate) fn lasted(&mut self, call_id: &str, seconds: u32) {
        if let Some(call) = self.0.iter_mut().find(|call| call.shown.call_id == call_id)
            && call.answered.is_some()
        {
            call.shown.seconds = Some(seconds);
        }
    }

    pub(crate) fn find(&self, call_id: &str) -> Option<&Call> {
        self.0.iter().find(|call| call.shown.call_id == call_id)
    }

    pub(crate) fn list(&self) -> Vec<ShownCall> {
        self.0.iter().map(|call| call.shown.clone()).collect()
    }
}
