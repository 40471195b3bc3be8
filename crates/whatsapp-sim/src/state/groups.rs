//! The groups there are. A group stays as it was made.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Server};

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
    /// The number of who made it.
    pub(crate) owner: String,
    /// The numbers of all members, the owner's included.
    pub(crate) members: Vec<String>,
    /// Whether its members are addressed by LID.
    pub(crate) by_lid: bool,
    /// When it was made, in seconds.
    pub(crate) created: u64,
}

impl Group {
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
}

/// All groups, by id.
#[derive(Default)]
pub(crate) struct Groups(RwLock<BTreeMap<String, Arc<Group>>>);

impl Groups {
    /// The groups of a journal.
    pub(crate) fn restore(records: &Records) -> Result<Self> {
        let mut groups = BTreeMap::new();
        for (key, json) in records.range(RECORDS.to_owned()..) {
            let Some(id) = key.strip_prefix(RECORDS) else { break };
            groups.insert(id.to_owned(), Arc::new(parse(key, json)?));
        }
        Ok(Self(RwLock::new(groups)))
    }

    pub(crate) fn add(&self, group: Group) {
        let mut groups = self.0.write().unwrap_or_else(PoisonError::into_inner);
        groups.insert(group.id.clone(), Arc::new(group));
    }

    /// The group a JID names.
    pub(crate) fn get(&self, jid: &Jid) -> Option<Arc<Group>> {
        (jid.server == Server::Group).then(|| self.read().get(jid.user.as_str()).cloned())?
    }

    /// The groups an account is in.
    pub(crate) fn of(&self, number: &str) -> Vec<Arc<Group>> {
        let groups = self.read();
        let with = groups.values().filter(|group| group.members.iter().any(|it| it == number));
        with.cloned().collect()
    }

    /// Writes a group down, if `record` names one. Says whether it does.
    pub(crate) fn collect(&self, record: &str, batch: &mut Batch) -> bool {
        let Some(id) = record.strip_prefix(RECORDS) else { return false };
        if let Some(group) = self.read().get(id) {
            batch.put(record, &**group);
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
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
