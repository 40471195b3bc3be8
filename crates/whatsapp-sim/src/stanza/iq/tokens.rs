//! Privacy tokens: one account's permission for another to write to it.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, Server};

use super::Answer;
use crate::hub::{Parcel, stanza_id, timestamp};
use crate::session::Session;
use crate::stanza::fields::Fields as _;

/// Hands each token to the account it is for.
pub(super) fn hand_on(session: &Session, tokens: &Node) -> Answer {
    let mut parcels = Vec::new();
    for token in tokens.get_children_by_tag("token") {
        let Some(jid) = token.jid("jid") else { return Answer::BAD_REQUEST };
        let Some(account) = session.hub.account_of(&jid) else { continue };
        let mut token = token.clone();
        let server = session.account.shown_server(jid.server);
        token.attrs.insert("jid", session.account.jid(server, 0));
        let notification = NodeBuilder::new("notification")
            .attr("from", session.account.jid(session.account.shown_server(Server::Pn), 0))
            .attr("sender_lid", session.account.jid(Server::Lid, 0))
            .attr("type", "privacy_token")
            .attr("id", stanza_id())
            .attr("t", timestamp())
            .children([NodeBuilder::new("tokens").children([token]).build()])
            .build();
        let state = account.lock();
        parcels.extend(
            state
                .devices
                .keys()
                .map(|device| Parcel { to: account.device(*device), stanza: notification.clone() }),
        );
    }
    session.hub.deliver(parcels);
    Answer::Result(Vec::new())
}
