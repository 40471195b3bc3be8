//! The calls a phone knows of. Nobody can talk here: a call rings until somebody ends it.

use serde::Serialize;

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallState {
    /// Nobody has done anything yet.
    Ringing,
    /// Who was called does not want it.
    Rejected,
    /// Who called has given up.
    Ended,
}

/// A call as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownCall {
    /// The caller's id for it.
    pub call_id: String,
    /// The JID of the other account.
    pub peer: String,
    /// Whether it was made on this phone.
    pub outgoing: bool,
    /// Whether it is a video call.
    pub video: bool,
    /// How it stands.
    pub state: CallState,
}

/// The calls on a phone, oldest first.
#[derive(Default)]
pub(crate) struct Calls(Vec<ShownCall>);

impl Calls {
    /// Notes a call that begins.
    pub(crate) fn ring(&mut self, call: ShownCall) {
        if self.find(&call.call_id).is_none() {
            self.0.push(call);
        }
    }

    /// Ends a call that rings, and gives it. `None` for one that does not.
    pub(crate) fn end(&mut self, call_id: &str, state: CallState) -> Option<ShownCall> {
        let mut ringing = self.0.iter_mut().filter(|call| call.state == CallState::Ringing);
        let call = ringing.find(|call| call.call_id == call_id)?;
        call.state = state;
        Some(call.clone())
    }

    pub(crate) fn find(&self, call_id: &str) -> Option<&ShownCall> {
        self.0.iter().find(|call| call.call_id == call_id)
    }

    pub(crate) fn list(&self) -> &[ShownCall] {
        &self.0
    }
}
