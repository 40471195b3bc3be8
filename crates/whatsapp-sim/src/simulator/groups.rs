//! The groups there are, as somebody sees them who sees everything.

use serde::Serialize;

use super::Simulator;
use crate::clock;
use crate::error::{Error, Result};
use crate::groups;
use crate::hub::Hub;
use crate::state::groups::{Group, MemberAddMode, Role};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// Its address.
    pub jid: String,
    /// What it is called.
    pub subject: String,
    /// What it is about.
    pub description: Option<String>,
    /// Its members, in the order in which they came.
    pub members: Vec<MemberView>,
    /// The numbers of those who want to be let in.
    pub requests: Vec<String>,
    /// Whether only admins write.
    pub announcement: bool,
    /// Whether only admins change the subject and the description.
    pub locked: bool,
    /// After how many seconds messages disappear; 0 is never.
    pub ephemeral: u32,
    /// Whether admins have to let people in.
    pub approval: bool,
    /// Who may add people.
    pub member_add_mode: MemberAddMode,
    /// What its invite link ends in, if somebody has asked for it.
    pub invite_code: Option<String>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberView {
    /// The phone number.
    pub number: String,
    /// The address the group has for it: by number or by LID.
    pub jid: String,
    /// What it may do.
    pub role: Role,
}

impl Simulator {
    /// Makes a group of phones, by their numbers; the owner is one of its members. Gives its JID.
    pub async fn create_group(
        &self,
        owner: &str,
        subject: &str,
        members: &[&str],
    ) -> Result<String> {
        if subject.trim().is_empty() {
            return Err(Error::Invalid("a group has a subject".to_owned()));
        }
        let owner = self.hub.account(owner).ok_or(Error::NotFound("owner"))?;
        let now = clock::seconds();
        let mut group = Group::new(&owner.number, subject, owner.lid_addressed, now);
        for member in members {
            let member = self.hub.account(member).ok_or(Error::NotFound("member"))?;
            if !group.has(&member.number) {
                group.members.push(member.number.clone());
            }
        }
        let group = {
            let _change = self.hub.ledger.change();
            groups::found(&self.hub, &owner, group)
        };
        self.hub.settled().await;
        Ok(group.jid().to_string())
    }

    /// All groups.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupView> {
        self.hub.groups.all().iter().map(|group| view(&self.hub, group)).collect()
    }

    /// The group with this JID.
    #[must_use]
    pub fn group(&self, jid: &str) -> Option<GroupView> {
        let group = self.hub.groups.get(&jid.parse().ok()?)?;
        Some(view(&self.hub, &group))
    }
}

fn view(hub: &Hub, group: &Group) -> GroupView {
    let server = group.server();
    let members = group.members.iter().filter_map(|number| {
        let account = hub.account(number)?;
        let jid = account.jid(server, 0).to_string();
        Some(MemberView { number: number.clone(), jid, role: group.role(number)? })
    });
    let settings = &group.settings;
    GroupView {
        jid: group.jid().to_string(),
        subject: group.subject.clone(),
        description: group.description.as_ref().map(|description| description.text.clone()),
        members: members.collect(),
        requests: group.requests.iter().map(|request| request.number.clone()).collect(),
        announcement: settings.announcement,
        locked: settings.locked,
        ephemeral: settings.ephemeral,
        approval: settings.approval,
        member_add_mode: settings.member_add_mode,
        invite_code: group.invite.clone(),
    }
}
