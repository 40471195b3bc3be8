//! The groups there are.

mod change;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Server};

pub use change::GroupChange;
pub(crate) use change::{Effect, Outcome, Refusal};

use super::journal::{Batch, Records, parse};
use crate::error::Result;

/// What the journal's records of groups begin with.
const RECORDS: &str = "group/";

/// A group of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// The user part of its JID.
    pub(crate) id: String,
    pub(crate) subject: String,
    /// The number of who made it: the one admin who cannot be removed.
    pub(crate) owner: String,
    /// The numbers of all members, the owner's included, in the order in which they came.
    pub(crate) members: Vec<String>,
    /// Whether its members are addressed by LID.
    pub(crate) by_lid: bool,
    /// When it was made, in seconds.
    pub(crate) created: u64,
    /// The admins besides the owner.
    #[serde(default)]
    pub(crate) admins: BTreeSet<String>,
    /// Whether the owner has left: one who comes back is a member as others are.
    #[serde(default)]
    pub(crate) owner_left: bool,
    /// Who gave it another subject, and when.
    #[serde(default)]
    pub(crate) renamed: Option<Stamp>,
    #[serde(default)]
    pub(crate) description: Option<Description>,
    #[serde(default)]
    pub(crate) settings: Settings,
    /// What its invite link ends in, once somebody has asked for it.
    #[serde(default)]
    pub(crate) invite: Option<String>,
    /// Those who want to be let in, oldest first.
    #[serde(default)]
    pub(crate) requests: Vec<Stamp>,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) number: String,
    /// In seconds.
    pub(crate) at: u64,
}

/// What a group is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// Whoever changes it names the one it replaces by this.
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) set: Stamp,
}

/// What may be done in a group, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Only admins write.
    pub(crate) announcement: bool,
    /// Only admins change the subject and the description.
    pub(crate) locked: bool,
    /// After how many seconds messages disappear; 0 is never.
    pub(crate) ephemeral: u32,
    /// Admins have to let people in.
    pub(crate) approval: bool,
    pub(crate) member_add_mode: MemberAddMode,
}

/// Who may add people to a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberAddMode {
    /// Admins only.
    AdminAdd,
    /// Every member.
    #[default]
    AllMemberAdd,
}

impl MemberAddMode {
    /// WhatsApp's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdminAdd => "admin_add",
            Self::AllMemberAdd => "all_member_add",
        }
    }

    pub(crate) fn parse(word: &[u8]) -> Option<Self> {
        [Self::AdminAdd, Self::AllMemberAdd].into_iter().find(|it| it.as_str().as_bytes() == word)
    }
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// What everybody may.
    Member,
    /// Whatever there is to do, but not to the owner.
    Admin,
    /// The owner.
    SuperAdmin,
}

impl Group {
    /// A group of its owner and whoever else is a member from the start.
    pub(crate) fn new(owner: &str, subject: &str, by_lid: bool, now: u64) -> Self {
        Self {
            id: format!("120363{:012}", rand::random_range(0..1_000_000_000_000_u64)),
            subject: subject.to_owned(),
            owner: owner.to_owned(),
            members: vec![owner.to_owned()],
            by_lid,
            created: now,
            admins: BTreeSet::new(),
            owner_left: false,
            renamed: None,
            description: None,
            settings: Settings::default(),
            invite: None,
            requests: Vec::new(),
        }
    }

    pub(crate) fn jid(&self) -> Jid {
        Jid::group(self.id.as_str())
    }

    pub(crate) fn server(&self) -> Server {
        if self.by_lid { Server::Lid } else { Server::Pn }
    }

    /// The name of its record in the journal.
    pub(crate) fn record(&self) -> String {
        format!("{RECORDS}{}", self.id)
    }

    pub(crate) fn has(&self, number: &str) -> bool {
        self.members.iter().any(|member| member == number)
    }

    /// What somebody is in it; nothing for who is not a member.
    pub(crate) fn role(&self, number: &str) -> Option<Role> {
        self.has(number).then(|| match number {
            owner if owner == self.owner && !self.owner_left => Role::SuperAdmin,
            admin if self.admins.contains(admin) => Role::Admin,
            _ => Role::Member,
        })
    }

    pub(crate) fn is_admin(&self, number: &str) -> bool {
        self.role(number) > Some(Role::Member)
    }

    /// Whether somebody may write there.
    pub(crate) fn may_write(&self, number: &str) -> bool {
        self.has(number) && (!self.settings.announcement || self.is_admin(number))
    }

    /// What its invite link ends in.
    pub(crate) fn invite_code(&mut self) -> String {
        self.invite.get_or_insert_with(new_invite).clone()
    }
}

/// All groups, by id.
#[derive(Default)]
pub(crate) struct Groups {
    by_id: RwLock<BTreeMap<String, Arc<Group>>>,
    turn: Mutex<()>,
}

impl Groups {
    /// The groups of a journal.
    pub(crate) fn restore(records: &Records) -> Result<Self> {
        let mut groups = BTreeMap::new();
        for (key, json) in records.range(RECORDS.to_owned()..) {
            let Some(id) = key.strip_prefix(RECORDS) else { break };
            groups.insert(id.to_owned(), Arc::new(parse(key, json)?));
        }
        Ok(Self { by_id: RwLock::new(groups), turn: Mutex::default() })
    }

    /// Held while a group is changed and its members are told: all hear of all changes in one order.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a group, or what has become of it.
    pub(crate) fn put(&self, group: Group) -> Arc<Group> {
        let group = Arc::new(group);
        let mut groups = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        groups.insert(group.id.clone(), Arc::clone(&group));
        group
    }

    pub(crate) fn remove(&self, id: &str) {
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The group a JID names.
    pub(crate) fn get(&self, jid: &Jid) -> Option<Arc<Group>> {
        (jid.server == Server::Group).then(|| self.read().get(jid.user.as_str()).cloned())?
    }

    /// The group an invite link leads to.
    pub(crate) fn invited_by(&self, code: &str) -> Option<Arc<Group>> {
        let groups = self.read();
        groups.values().find(|group| group.invite.as_deref() == Some(code)).cloned()
    }

    /// The groups an account is in.
    pub(crate) fn of(&self, number: &str) -> Vec<Arc<Group>> {
        self.read().values().filter(|group| group.has(number)).cloned().collect()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
        self.read().values().cloned().collect()
    }

    /// Writes a group down, or that it is no more, if `record` names one. Says whether it does.
    pub(crate) fn collect(&self, record: &str, batch: &mut Batch) -> bool {
        let Some(id) = record.strip_prefix(RECORDS) else { return false };
        match self.read().get(id) {
            Some(group) => batch.put(record, &**group),
            None => batch.remove(record),
        }
        true
    }

    /// Writes all groups down.
    pub(crate) fn collect_all(&self, batch: &mut Batch) {
        for group in self.read().values() {
            batch.put(&group.record(), &**group);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Group>>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a new invite link ends in.
fn new_invite() -> String {
    let mut code = format!("{:032X}", rand::random::<u128>());
    code.truncate(22);
    code
}
