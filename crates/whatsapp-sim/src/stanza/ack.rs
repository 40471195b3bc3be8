//! A client has a stanza: the only reason for one to leave its queue, besides a delivery receipt.

use wacore_binary::Node;

use super::fields::Fields as _;
use crate::session::Session;
use crate::state::queue::Receiving;

pub(super) fn receive(session: &Session, ack: &Node) {
    let (Some(class), Some(id), Some(from)) = (ack.text("class"), ack.text("id"), ack.jid("to"))
    else {
        return;
    };
    let kind = ack.text("type");
    let participant = ack.jid("participant");
    let receiving = Receiving {
        class: &class,
        id: &id,
        from: &from,
        participant: participant.as_ref(),
        kind: kind.as_deref(),
    };
    session.account.lock().acknowledge(session.device, &receiving);
}
