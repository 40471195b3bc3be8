//! Call signalling, passed on as it is: nobody can talk here.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::fields::Fields as _;
use crate::handset::devices_of;
use crate::hub::{Parcel, timestamp};
use crate::session::Session;

pub(super) fn receive(session: &Session, call: &Node) {
    let (Some(to), Some(id)) = (call.jid("to"), call.text("id")) else {
        return session.hub.stats.count_unknown("call without to or id".to_owned());
    };
    let Some(account) = session.hub.account_of(&to) else { return };
    session.line.send(
        NodeBuilder::new("ack")
            .attr("class", "call")
            .attr("id", id.as_ref())
            .attr("from", &to)
            .build(),
    );
    let server = session.account.shown_server(to.server);
    let stanza = NodeBuilder::new("call")
        .attr("from", session.account.jid(server, session.device))
        .attr("id", id.as_ref())
        .attr("t", timestamp())
        .attr("notify", session.account.lock().name.as_str())
        .children(call.all().to_vec())
        .build();
    // Who calls rings all devices; what follows is between two.
    let rings = call.child("offer").is_some() && to.device == 0;
    let devices = if rings { devices_of(&account) } else { vec![account.device(to.device)] };
    let parcels = devices.into_iter().map(|to| Parcel { to, stanza: stanza.clone() });
    session.hub.deliver(parcels.collect());
}
