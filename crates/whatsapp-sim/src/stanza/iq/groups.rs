//! What members are told about their groups.

use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

use super::Answer;
use crate::hub::Hub;
use crate::session::Session;
use crate::stanza::fields::Fields as _;
use crate::state::groups::Group;

/// Describes a group; not again to a client that knows who is in it.
pub(super) fn query(session: &Session, request: &Node, query: &Node) -> Answer {
    let Some(jid) = request.jid("to") else { return Answer::BAD_REQUEST };
    let Some(group) = session.hub.groups.get(&jid) else { return Answer::NOT_FOUND };
    if !group.members.contains(&session.account.number) {
        return Answer::error(403, "forbidden");
    }
    let members: Vec<Jid> = group
        .members
        .iter()
        .filter_map(|number| Some(session.hub.account(number)?.jid(group.server(), 0)))
        .collect();
    let known = MessageUtils::participant_list_hash(&members).ok();
    if known.is_some() && query.text("phash").as_deref() == known.as_deref() {
        return Answer::Result(Vec::new());
    }
    Answer::Result(vec![describe(&session.hub, &group)])
}

/// Describes the groups the account is in.
pub(super) fn participating(session: &Session) -> Answer {
    let groups = session.hub.groups.of(&session.account.number);
    let groups: Vec<Node> = groups.iter().map(|group| describe(&session.hub, group)).collect();
    Answer::Result(vec![NodeBuilder::new("groups").children(groups).build()])
}

/// A group as its members see it.
pub(crate) fn describe(hub: &Hub, group: &Group) -> Node {
    let server = group.server();
    let participants = group.members.iter().filter_map(|number| {
        let account = hub.account(number)?;
        let builder = NodeBuilder::new("participant").attr("jid", account.jid(server, 0));
        let builder = match server {
            Server::Lid => builder.attr("phone_number", account.jid(Server::Pn, 0)),
            _ => builder.attr("lid", account.jid(Server::Lid, 0)),
        };
        let is_owner = *number == group.owner;
        Some(if is_owner { builder.attr("type", "superadmin").build() } else { builder.build() })
    });
    let participants: Vec<Node> = participants.collect();
    let mut builder = NodeBuilder::new("group")
        .attr("id", group.id.as_str())
        .attr("subject", group.subject.as_str())
        .attr("s_t", group.created.to_string())
        .attr("creation", group.created.to_string())
        .attr("addressing_mode", if server == Server::Lid { "lid" } else { "pn" })
        .attr("size", participants.len().to_string());
    if let Some(owner) = hub.account(&group.owner) {
        builder = builder.attr("creator", owner.jid(server, 0)).attr("s_o", owner.jid(server, 0));
        if server == Server::Lid {
            let number = owner.jid(Server::Pn, 0);
            builder = builder.attr("creator_pn", &number).attr("s_o_pn", &number);
        }
    }
    builder.children(participants).build()
}
