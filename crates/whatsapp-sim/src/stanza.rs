//! What clients send, one file a kind, and how it is answered.

mod ack;
mod call;
pub(crate) mod chatstate;
pub(crate) mod fields;
mod ib;
pub(crate) mod iq;
mod message;
pub(crate) mod presence;
pub(crate) mod receipt;

use wacore_binary::Node;

use crate::session::Session;

/// Deals with a stanza of a linked device.
pub(crate) fn receive(session: &Session, stanza: &Node) {
    let _change = session.hub.ledger.change();
    match stanza.tag.as_ref() {
        "iq" => iq::receive(session, stanza),
        "message" => message::receive(session, stanza),
        "receipt" => receipt::receive(session, stanza),
        "ack" => ack::receive(session, stanza),
        "presence" => presence::receive(session, stanza),
        "chatstate" => chatstate::receive(session, stanza),
        "call" => call::receive(session, stanza),
        "ib" => ib::receive(session, stanza),
        unknown => session.hub.stats.count_unknown(unknown.to_owned()),
    }
}
