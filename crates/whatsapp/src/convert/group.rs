use wacore::stanza::groups::{
    GroupNotification, GroupNotificationAction as Library, GroupParticipantInfo,
};
use wacore_binary::Node;
use wharf_domain::{
    address::{Jid, Party, Server},
    event::EventKey,
    group::{GroupAction, GroupChange},
    instance::Profile,
};

use super::{
    address::{Aliases, from_library},
    key,
};

type LibraryJid = wacore_binary::Jid;

/// So many people of a change are looked up of whom only the phone number is known. Nobody needs their LIDs so much that
/// the making of a big group should wait for a thousand questions.
const LOOKED_UP: usize = 32;

/// What a notification says about the group itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupFacts {
    pub(crate) name: Option<String>,
    /// Whether it is the announcement chat of a community, where that is said.
    pub(crate) is_community: Option<bool>,
}

/// The addresses in a change whose other half did not come with it.
pub(crate) fn addresses_of_group(told: &GroupNotification, action: &Library) -> Vec<LibraryJid> {
    let author = told.participant.iter().filter(|_| told.participant_pn.is_none()).cloned();
    let people = people(action);
    let half_known = people.iter().filter(|one| one.other.is_none()).map(|one| one.jid.clone());
    let (hidden, mut open): (Vec<_>, Vec<_>) = author
        .chain(half_known)
        .partition(|jid| from_library(jid).is_some_and(|jid| jid.server() == Server::Lid));
    open.truncate(LOOKED_UP);
    hidden.into_iter().chain(open).collect()
}

/// Who is named with both addresses: the author, those whom a change concerns, and who is in a group that we come into.
pub(crate) fn pairs_of_group(told: &GroupNotification, action: &Library) -> Vec<(Jid, Jid)> {
    let people = match action {
        Library::Create { raw } => created(raw).map_or_else(Vec::new, members),
        other => people(other),
    };
    let author = told.participant.clone().zip(told.participant_pn.clone());
    author
        .into_iter()
        .chain(people.into_iter().filter_map(|one| Some((one.jid, one.other?))))
        .filter_map(|(one, other)| Some((from_library(&one)?, from_library(&other)?)))
        .collect()
}

/// What is said about the group itself.
pub(crate) fn group_facts(action: &Library) -> GroupFacts {
    match action {
        Library::Subject { subject, .. } => {
            GroupFacts { name: Some(subject.clone()), is_community: None }
        }
        Library::Create { raw } => created(raw).map_or_else(GroupFacts::default, |group| {
            let name = group.attrs().optional_string("subject").map(|it| it.to_string());
            let is_community = Some(group.get_optional_child("default_sub_group").is_some());
            GroupFacts { name, is_community }
        }),
        _ => GroupFacts::default(),
    }
}

/// One of the changes of a group that are told at once, in our words; the group goes by `name`.
pub(crate) fn group(
    told: &GroupNotification,
    index: usize,
    name: Option<String>,
    own: &Profile,
    aliases: &Aliases,
) -> Option<(EventKey, GroupChange)> {
    let library = told.actions.get(index)?;
    let group = from_library(&told.group_jid)?;
    let author_name = told.notify.clone().filter(|name| !name.is_empty());
    let author = told.participant.as_ref().and_then(|author| {
        let jid = from_library(author)?;
        Some(aliases.party(jid, told.participant_pn.as_ref(), author_name))
    });
    let (action, reason) = action(library);
    let mut participants: Vec<Party> = people(library)
        .into_iter()
        .filter_map(|one| {
            Some(aliases.party(from_library(&one.jid)?, one.other.as_ref(), one.name))
        })
        .collect();
    match library {
        // Whoever asks to be let in is the one who speaks.
        Library::MembershipApprovalRequest { .. } => participants.extend(author.clone()),
        Library::Create { raw } if !is_new(raw) => {
            let ourselves = |jid| Party::of(jid, own.lid.clone(), own.name.clone());
            participants.extend(own.jid.clone().map(ourselves));
        }
        _ => {}
    }
    if let Some(author) = &author {
        for one in participants.iter_mut().filter(|one| one.jid == author.jid) {
            one.name = one.name.take().or_else(|| author.name.clone());
        }
    }
    let seconds = i64::try_from(told.timestamp).ok().filter(|seconds| *seconds > 0);
    let change = GroupChange {
        action,
        group: Party::of(group, None, name),
        author,
        participants,
        reason,
        timestamp: seconds.and_then(wacore::time::from_secs).unwrap_or_else(wacore::time::now_utc),
    };
    Some((key(told, library, index), change))
}

/// What a change is recognised by when it is told again.
fn key(told: &GroupNotification, library: &Library, index: usize) -> EventKey {
    let group = told.group_jid.to_non_ad_string();
    let notification = match told.notification_id.as_deref() {
        Some(id) => id.to_owned(),
        None => format!("{}|{}", told.timestamp, library.wire_tag()),
    };
    key::bounded("group", format!("{group}|{notification}|{index}"))
}

fn action(library: &Library) -> (GroupAction, Option<String>) {
    let plain = |action| (action, None);
    match library {
        Library::Add { reason, .. } => (GroupAction::Joined, reason.clone()),
        Library::Remove { reason, .. } => (GroupAction::Left, reason.clone()),
        Library::Promote { .. } => plain(GroupAction::Promoted),
        Library::Demote { .. } => plain(GroupAction::Demoted),
        Library::Modify { .. } => plain(GroupAction::NumberChanged),
        Library::Subject { subject, .. } => plain(GroupAction::Name(subject.clone())),
        Library::Description { description, .. } => plain(GroupAction::Topic(description.clone())),
        Library::Locked { .. } => plain(GroupAction::Locked(true)),
        Library::Unlocked => plain(GroupAction::Locked(false)),
        Library::Announce => plain(GroupAction::Announce(true)),
        Library::NotAnnounce => plain(GroupAction::Announce(false)),
        Library::Ephemeral { expiration, .. } => plain(GroupAction::Ephemeral(*expiration)),
        Library::MembershipApprovalMode { enabled } => plain(GroupAction::Approval(*enabled)),
        Library::MembershipApprovalRequest { request_method, .. }
        | Library::CreatedMembershipRequests { request_method, .. } => {
            (GroupAction::JoinRequested, Some(request_method.as_str().to_owned()))
        }
        Library::RevokedMembershipRequests { .. } => plain(GroupAction::JoinRequestRevoked),
        Library::MemberAddMode { mode } => plain(GroupAction::MemberAddMode(mode.clone())),
        Library::Invite { .. } => plain(GroupAction::Link),
        Library::RevokeInvite => (GroupAction::Link, Some("revoke".to_owned())),
        Library::Create { raw } if is_new(raw) => plain(GroupAction::Created),
        Library::Create { raw } => {
            let reason = raw.attrs().optional_string("reason").map(|reason| reason.to_string());
            (GroupAction::Joined, reason)
        }
        Library::Delete { reason } => (GroupAction::Deleted, reason.clone()),
        // In the contract `link` is the invite link's.
        Library::Link { link_type, .. } => {
            (GroupAction::Other("linked".to_owned()), Some(link_type.clone()))
        }
        Library::Unlink { unlink_type, .. } => {
            (GroupAction::Other("unlinked".to_owned()), Some(unlink_type.clone()))
        }
        other => plain(GroupAction::Other(other.wire_tag().to_owned())),
    }
}

/// Somebody whom a change concerns.
struct Concerned {
    jid: LibraryJid,
    other: Option<LibraryJid>,
    name: Option<String>,
}

impl From<&GroupParticipantInfo> for Concerned {
    fn from(info: &GroupParticipantInfo) -> Self {
        Self {
            jid: info.jid.clone(),
            other: info.phone_number.clone().or_else(|| info.lid.clone()),
            name: info.display_name.clone().and_then(real_name),
        }
    }
}

/// For people who are not among the contacts WhatsApp puts a number with most of its digits hidden in place of a name.
fn real_name(name: String) -> Option<String> {
    let is_number = name.starts_with('+') && name.chars().any(|c| c.is_ascii_digit());
    (!name.is_empty() && !is_number).then_some(name)
}

fn people(library: &Library) -> Vec<Concerned> {
    match library {
        Library::Add { participants, .. }
        | Library::Remove { participants, .. }
        | Library::Promote { participants }
        | Library::Demote { participants }
        | Library::Modify { participants }
        | Library::LinkedGroupPromote { participants }
        | Library::LinkedGroupDemote { participants } => {
            participants.iter().map(Concerned::from).collect()
        }
        Library::CreatedMembershipRequests { requests, .. } => {
            requests.iter().map(Concerned::from).collect()
        }
        Library::RevokedMembershipRequests { participants } => {
            participants.iter().cloned().map(alone).collect()
        }
        Library::ChangeNumber { new_owner, .. } => new_owner.iter().cloned().map(alone).collect(),
        Library::Create { raw } if is_new(raw) => created(raw).map_or_else(Vec::new, members),
        _ => Vec::new(),
    }
}

fn alone(jid: LibraryJid) -> Concerned {
    Concerned { jid, other: None, name: None }
}

/// Whether a group was made just now. To us a group is also described as made when we come into one that others are in
/// already.
fn is_new(create: &Node) -> bool {
    create.attrs().optional_string("type").as_deref() == Some("new")
}

/// The group that was made, or that we have come into, as it is described.
fn created(create: &Node) -> Option<&Node> {
    create.get_optional_child("group")
}

fn members(group: &Node) -> Vec<Concerned> {
    let members = group.get_children_by_tag("participant").filter_map(|member| {
        let mut attrs = member.attrs();
        Some(Concerned {
            jid: attrs.optional_jid("jid")?,
            other: attrs.optional_jid("phone_number").or_else(|| attrs.optional_jid("lid")),
            name: attrs.optional_string("display_name").and_then(|it| real_name(it.to_string())),
        })
    });
    members.collect()
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
