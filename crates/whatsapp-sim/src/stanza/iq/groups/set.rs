//! What companions do with groups.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use super::{describe, invite_node, naming};
use crate::clock;
use crate::groups::{self, Joined};
use crate::session::Session;
use crate::stanza::fields::Fields as _;
use crate::stanza::iq::Answer;
use crate::state::groups::{Group, GroupChange, MemberAddMode, Outcome, Refusal};

/// The code for somebody there is not.
const NOBODY: u16 = 404;

/// What a request came to.
type Done = Result<Vec<Node>, Refusal>;

/// Does what is asked. `None` for what the server does not know.
pub(super) fn set(session: &Session, request: &Node, content: &Node) -> Option<Answer> {
    let tag = content.tag.as_ref();
    let group = request.jid("to").unwrap_or_default();
    let done = match tag {
        "create" => create(session, content),
        "leave" => Ok(leave(session, content)),
        "invite" if content.text("code").is_some() => join(session, content),
        "invite" => change(session, &group, &GroupChange::ResetInvite)
            .and_then(|_| groups::invite(&session.hub, &session.account, &group))
            .map(|code| vec![invite_node(&code)]),
        "add" | "remove" | "promote" | "demote" | "cancel_membership_requests" => {
            people(session, &group, content)
        }
        "membership_requests_action" => {
            let verdict = content.all().first().ok_or(Refusal::Senseless);
            verdict.and_then(|verdict| people(session, &group, verdict)).map(|answer| {
                vec![NodeBuilder::new("membership_requests_action").children(answer).build()]
            })
        }
        "description" => describe_anew(session, &group, content),
        "ack" => Ok(Vec::new()),
        _ => change(session, &group, &setting(content)?).map(|_| Vec::new()),
    };
    Some(done.map_or_else(Answer::from, Answer::Result))
}

fn change(session: &Session, group: &Jid, change: &GroupChange) -> Result<Outcome, Refusal> {
    groups::change(&session.hub, &session.account, group, change)
}

/// Does something with the people a request names, and says what became of each.
fn people(session: &Session, group: &Jid, content: &Node) -> Done {
    let asked = Asked::of(session, content);
    let members = asked.known.iter().map(|(_, number)| number.clone()).collect();
    let wanted = match content.tag.as_ref() {
        "add" => GroupChange::Add { members },
        "remove" => GroupChange::Remove { members },
        "promote" => GroupChange::Promote { members },
        "demote" => GroupChange::Demote { members },
        "approve" => GroupChange::Approve { members },
        "reject" => GroupChange::Reject { members },
        "cancel_membership_requests" => GroupChange::Cancel,
        _ => return Err(Refusal::Senseless),
    };
    let outcome = change(session, group, &wanted)?;
    Ok(vec![asked.answer(session, group, &content.tag, &outcome)])
}

/// The change of a setting that is asked for.
fn setting(content: &Node) -> Option<GroupChange> {
    let text = || content.content().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    Some(match content.tag.as_ref() {
        "subject" => GroupChange::Subject { subject: text().unwrap_or_default() },
        tag @ ("announcement" | "not_announcement") => {
            GroupChange::Announcement { on: tag == "announcement" }
        }
        tag @ ("locked" | "unlocked") => GroupChange::Locked { on: tag == "locked" },
        "ephemeral" => GroupChange::Ephemeral { seconds: expiration(content) },
        "not_ephemeral" => GroupChange::Ephemeral { seconds: 0 },
        "membership_approval_mode" => GroupChange::Approval { on: approval(content) },
        "member_add_mode" => {
            GroupChange::MemberAddMode { mode: MemberAddMode::parse(content.content()?)? }
        }
        tag @ ("no_frequently_forwarded" | "frequently_forwarded_ok") => {
            GroupChange::Other { tag: tag.to_owned() }
        }
        _ => return None,
    })
}

fn expiration(ephemeral: &Node) -> u32 {
    ephemeral.text("expiration").and_then(|seconds| seconds.parse().ok()).unwrap_or_default()
}

fn approval(mode: &Node) -> bool {
    mode.child("group_join").and_then(|join| join.text("state")).as_deref() == Some("on")
}

/// Makes a group of the owner and those it names that there are.
fn create(session: &Session, content: &Node) -> Done {
    let (hub, owner) = (&session.hub, &session.account);
    let subject = content.text("subject").unwrap_or_default();
    if subject.trim().is_empty() {
        return Err(Refusal::Senseless);
    }
    let now = clock::seconds();
    let mut group = Group::new(&owner.number, &subject, owner.lid_addressed, now);
    for member in Asked::of(session, content).known {
        if !group.has(&member.1) {
            group.members.push(member.1);
        }
    }
    let settings = &mut group.settings;
    settings.ephemeral = content.child("ephemeral").map_or(0, expiration);
    settings.approval = content.child("membership_approval_mode").is_some_and(approval);
    let mode = content.content_of("member_add_mode").and_then(MemberAddMode::parse);
    settings.member_add_mode = mode.unwrap_or_default();
    if let Some(description) = content.child("description") {
        let (id, text) = described(description);
        // Nothing can be in the way: nobody has seen the group yet.
        let _ = group.replace_description(&owner.number, None, id, text, now);
    }
    let group = groups::found(hub, owner, group);
    Ok(vec![describe(hub, &group)])
}

fn describe_anew(session: &Session, group: &Jid, content: &Node) -> Done {
    let (id, text) = described(content);
    let previous = content.text("prev");
    let number = &session.account.number;
    groups::alter(&session.hub, &session.account, group, |group, now| {
        group.replace_description(number, previous.as_deref(), id, text, now)
    })?;
    Ok(Vec::new())
}

/// A description's id and text; no text for one that is taken away.
fn described(description: &Node) -> (String, Option<String>) {
    let id = description.text("id").unwrap_or_default().into_owned();
    let body = description.content_of("body");
    (id, body.map(|body| String::from_utf8_lossy(body).into_owned()))
}

fn leave(session: &Session, content: &Node) -> Vec<Node> {
    let named = content.get_children_by_tag("group");
    let left = named.filter_map(|group| {
        // By its whole JID or by the user part of it.
        let id = group.text("id")?;
        let jid = Jid::group(id.split('@').next().unwrap_or_default());
        let node = NodeBuilder::new("group").attr("id", id.as_ref());
        Some(match change(session, &jid, &GroupChange::Leave) {
            Ok(_) => node.build(),
            Err(refusal) => node.attr("error", refusal.code().0.to_string()).build(),
        })
    });
    vec![NodeBuilder::new("leave").children(left.collect::<Vec<_>>()).build()]
}

fn join(session: &Session, content: &Node) -> Done {
    let code = content.text("code").unwrap_or_default();
    let (group, joined) = groups::join(&session.hub, &session.account, &code)?;
    let tag = match joined {
        Joined::Joined => "group",
        Joined::Requested => "membership_approval_request",
    };
    Ok(vec![NodeBuilder::new(tag).attr("jid", group).build()])
}

/// The people a request is about.
struct Asked {
    /// As the client calls them, and their numbers.
    known: Vec<(Jid, String)>,
    /// Those there are not.
    unknown: Vec<Jid>,
}

impl Asked {
    fn of(session: &Session, content: &Node) -> Self {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        let named = content.get_children_by_tag("participant");
        for jid in named.filter_map(|participant| participant.jid("jid")) {
            match session.hub.account_of(&jid) {
                Some(account) => known.push((jid, account.number.clone())),
                None => unknown.push(jid),
            }
        }
        Self { known, unknown }
    }

    /// What became of each of them, addressed as the group addresses its members.
    fn answer(&self, session: &Session, group: &Jid, tag: &str, outcome: &Outcome) -> Node {
        let group = session.hub.groups.get(group);
        let known = self.known.iter().map(|(jid, number)| {
            let node = NodeBuilder::new("participant");
            let node = match (session.hub.account(number), &group) {
                (Some(account), Some(group)) => {
                    naming(node, "jid", "phone_number", &account, group)
                }
                _ => node.attr("jid", jid),
            };
            match outcome.refused.iter().find(|(refused, _)| refused == number) {
                Some((_, code)) => node.attr("error", code.to_string()).build(),
                None => node.build(),
            }
        });
        let unknown = self.unknown.iter().map(|jid| {
            let node = NodeBuilder::new("participant").attr("jid", jid);
            node.attr("error", NOBODY.to_string()).build()
        });
        let participants: Vec<Node> = known.chain(unknown).collect();
        NodeBuilder::new_dynamic(tag.to_owned()).children(participants).build()
    }
}
