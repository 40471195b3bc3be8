//! What members are told about their groups, and what others are by an invite link.

mod set;

use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

use super::Answer;
use crate::groups;
use crate::hub::Hub;
use crate::session::Session;
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;
use crate::state::groups::{Group, Refusal, Role};

/// Answers what is asked about groups. `None` for what the server does not know.
pub(super) fn get(session: &Session, request: &Node, content: &Node) -> Option<Answer> {
    Some(match content.tag.as_ref() {
        "query" if content.child("group").is_some() => several(session, content),
        "query" => query(session, request, content),
        "participating" => participating(session),
        "invite" if content.text("code").is_some() => invited(session, content),
        "invite" => invite(session, request),
        "membership_approval_requests" => requests(session, request),
        _ => return None,
    })
}

/// Does with groups what is asked. `None` for what the server does not know.
pub(super) fn set(session: &Session, request: &Node, content: &Node) -> Option<Answer> {
    set::set(session, request, content)
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (code, text) = refusal.code();
        Self::error(code, text)
    }
}

/// Describes a group; not again to a client that knows who is in it.
fn query(session: &Session, request: &Node, query: &Node) -> Answer {
    let Some(jid) = request.jid("to") else { return Answer::BAD_REQUEST };
    let Some(group) = session.hub.groups.get(&jid) else { return Refusal::NoGroup.into() };
    if !group.has(&session.account.number) {
        return Refusal::NotAMember.into();
    }
    let members: Vec<Jid> = group
        .members
        .iter()
        .filter_map(|number| session.hub.account(number))
        .map(|account| account.jid(account.shown_server(group.server()), 0))
        .collect();
    let known = MessageUtils::participant_list_hash(&members).ok();
    if known.is_some() && query.text("phash").as_deref() == known.as_deref() {
        return Answer::Result(Vec::new());
    }
    Answer::Result(vec![describe(&session.hub, &group)])
}

/// Describes several groups; of one it cannot describe it says why.
fn several(session: &Session, query: &Node) -> Answer {
    let hub = &session.hub;
    let asked = query.get_children_by_tag("group").filter_map(|group| group.jid("jid"));
    let groups = asked.map(|jid| match hub.groups.get(&jid) {
        Some(group) if group.has(&session.account.number) => describe(hub, &group),
        known => {
            let refusal = if known.is_some() { Refusal::NotAMember } else { Refusal::NoGroup };
            let error = refusal.code().0.to_string();
            NodeBuilder::new("group").attr("id", jid.user.as_str()).attr("error", error).build()
        }
    });
    let groups: Vec<Node> = groups.collect();
    Answer::Result(vec![NodeBuilder::new("groups").children(groups).build()])
}

/// Describes the groups the account is in.
fn participating(session: &Session) -> Answer {
    let groups = session.hub.groups.of(&session.account.number);
    let groups: Vec<Node> = groups.iter().map(|group| describe(&session.hub, group)).collect();
    Answer::Result(vec![NodeBuilder::new("groups").children(groups).build()])
}

/// Describes a group to whoever has the link to it.
fn invited(session: &Session, content: &Node) -> Answer {
    let code = content.text("code").unwrap_or_default();
    match session.hub.groups.invited_by(&code) {
        Some(group) => Answer::Result(vec![describe(&session.hub, &group)]),
        None => Refusal::NoInvite.into(),
    }
}

fn invite(session: &Session, request: &Node) -> Answer {
    let Some(jid) = request.jid("to") else { return Answer::BAD_REQUEST };
    match groups::invite(&session.hub, &session.account, &jid) {
        Ok(code) => Answer::Result(vec![invite_node(&code)]),
        Err(refusal) => refusal.into(),
    }
}

fn invite_node(code: &str) -> Node {
    NodeBuilder::new("invite").attr("code", code).build()
}

/// Who wants to be let in.
fn requests(session: &Session, request: &Node) -> Answer {
    let Some(jid) = request.jid("to") else { return Answer::BAD_REQUEST };
    let Some(group) = session.hub.groups.get(&jid) else { return Refusal::NoGroup.into() };
    if !group.is_admin(&session.account.number) {
        return Refusal::NotAllowed.into();
    }
    let requests = group.requests.iter().filter_map(|request| {
        let account = session.hub.account(&request.number)?;
        let node = NodeBuilder::new("membership_approval_request")
            .attr("jid", account.jid(account.shown_server(group.server()), 0))
            .attr("request_time", request.at.to_string());
        Some(node.build())
    });
    let requests: Vec<Node> = requests.collect();
    Answer::Result(vec![
        NodeBuilder::new("membership_approval_requests").children(requests).build(),
    ])
}

/// A group as its members see it.
pub(crate) fn describe(hub: &Hub, group: &Group) -> Node {
    let accounts = group.members.iter().filter_map(|number| hub.account(number));
    let participants = accounts.map(|account| participant(&account, group).build());
    let participants: Vec<Node> = participants.collect();
    let renamed = group.renamed.as_ref();
    let mut builder = NodeBuilder::new("group")
        .attr("id", group.id.as_str())
        .attr("subject", group.subject.as_str())
        .attr("s_t", renamed.map_or(group.created, |renamed| renamed.at).to_string())
        .attr("creation", group.created.to_string())
        .attr("addressing_mode", if group.by_lid { "lid" } else { "pn" })
        .attr("size", participants.len().to_string());
    if let Some(owner) = hub.account(&group.owner) {
        builder = naming(builder, "creator", "creator_pn", &owner, group);
    }
    if let Some(namer) = hub.account(renamed.map_or(&group.owner, |renamed| &renamed.number)) {
        builder = naming(builder, "s_o", "s_o_pn", &namer, group);
    }
    let settings = &group.settings;
    let mut children = participants;
    let flags = [("locked", settings.locked), ("announcement", settings.announcement)];
    let flags = flags.into_iter().filter(|(_, set)| *set);
    children.extend(flags.map(|(tag, _)| NodeBuilder::new(tag).build()));
    children.extend(ephemeral(group));
    if settings.approval {
        children.push(approval_mode(group));
    }
    children.push(member_add_mode(group));
    children.extend(description(hub, group));
    builder.children(children).build()
}

/// A member of a group, or who was one or wants to be, under both addresses if both are known.
pub(crate) fn participant(account: &Account, group: &Group) -> NodeBuilder {
    let builder = NodeBuilder::new("participant");
    let mut builder = naming(builder, "jid", "phone_number", account, group);
    if account.shown_server(group.server()) != Server::Lid {
        builder = builder.attr("lid", account.jid(Server::Lid, 0));
    }
    match group.role(&account.number) {
        Some(Role::SuperAdmin) => builder.attr("type", "superadmin"),
        Some(Role::Admin) => builder.attr("type", "admin"),
        _ => builder,
    }
}

/// Names somebody as the group addresses its members; beside a LID the number, unless it is hidden.
pub(crate) fn naming(
    builder: NodeBuilder,
    address: &'static str,
    number: &'static str,
    account: &Account,
    group: &Group,
) -> NodeBuilder {
    let server = account.shown_server(group.server());
    let builder = builder.attr(address, account.jid(server, 0));
    if server == Server::Lid && !account.hides_number() {
        builder.attr(number, account.jid(Server::Pn, 0))
    } else {
        builder
    }
}

/// After how long messages disappear, if they do.
pub(crate) fn ephemeral(group: &Group) -> Option<Node> {
    let seconds = group.settings.ephemeral;
    let node = NodeBuilder::new("ephemeral").attr("expiration", seconds.to_string());
    (seconds > 0).then(|| node.build())
}

/// Whether admins have to let people in.
pub(crate) fn approval_mode(group: &Group) -> Node {
    let state = if group.settings.approval { "on" } else { "off" };
    let join = NodeBuilder::new("group_join").attr("state", state).build();
    NodeBuilder::new("membership_approval_mode").children([join]).build()
}

/// Who may add people.
pub(crate) fn member_add_mode(group: &Group) -> Node {
    let mode = group.settings.member_add_mode.as_str();
    NodeBuilder::new("member_add_mode").string_content(mode).build()
}

fn description(hub: &Hub, group: &Group) -> Option<Node> {
    let description = group.description.as_ref()?;
    let body = NodeBuilder::new("body").string_content(description.text.as_str()).build();
    let mut node = NodeBuilder::new("description")
        .attr("id", description.id.as_str())
        .attr("t", description.set.at.to_string());
    if let Some(account) = hub.account(&description.set.number) {
        node = naming(node, "participant", "participant_pn", &account, group);
    }
    Some(node.children([body]).build())
}
