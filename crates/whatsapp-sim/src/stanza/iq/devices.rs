//! A companion that unlinks itself, or another one of its account.

use wacore_binary::Node;

use super::Answer;
use crate::session::Session;
use crate::stanza::fields::Fields as _;
use crate::topology;

pub(super) fn remove(session: &Session, request: &Node) -> Answer {
    match target(session, request) {
        Some(device) if session.account.lock().devices.contains_key(&device) => {
            Answer::Result(Vec::new())
        }
        Some(_) => Answer::NOT_FOUND,
        None => Answer::BAD_REQUEST,
    }
}

/// Done after the answer: the end of the stream must not overtake it.
pub(super) fn removed(session: &Session, request: &Node) {
    let content = request.all().first();
    if let Some(device) = content.and_then(|content| target(session, content)) {
        topology::unlink(&session.hub, &session.account, device);
    }
}

fn target(session: &Session, request: &Node) -> Option<u16> {
    let jid = request.jid("jid")?;
    let account = session.hub.account_of(&jid)?;
    (account.number == session.account.number).then_some(jid.device)
}
