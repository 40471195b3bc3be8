//! Notes that want no answer.

use wacore_binary::Node;

use super::fields::Fields as _;
use crate::session::Session;

pub(super) fn receive(session: &Session, ib: &Node) {
    for note in ib.all() {
        match note.tag.as_ref() {
            // The client paces what waits for it. The connection does so too, and the stanzas are
            // in its memory anyway: they are sent as fast as the socket takes them.
            "offline_batch" | "unified_session" => {}
            unknown => session.hub.stats.count_unknown(format!("ib {unknown}")),
        }
    }
}
