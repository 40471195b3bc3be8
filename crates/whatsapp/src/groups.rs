use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::TimeDelta;
use tokio::sync::Notify;
use wharf_domain::{
    Timestamp,
    address::Jid,
    message::{Chat, ChatKind},
};
use whatsapp_rust::{Client, ErrorChainExt as _, GroupMetadata};

use crate::{
    convert::{self, GroupFacts},
    session::Core,
};

/// How many groups of an instance are remembered.
const ROOM: usize = 2_000;
/// How many may wait to be asked for.
const WAITING: usize = 256;
/// How long a group that could not be learnt about is not asked for again.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// What is known of the groups of an instance. It outlives sessions, since each change of a group is told, if need be
/// with the next connection.
#[derive(Default)]
pub(crate) struct Groups {
    state: Mutex<State>,
    asked: Notify,
}

#[derive(Default)]
struct State {
    known: HashMap<Jid, Known>,
    wanted: VecDeque<Jid>,
    /// Whether all groups were asked for at once.
    listed: bool,
}

#[derive(Default)]
struct Known {
    name: Option<String>,
    is_community: Option<bool>,
    ask_after: Option<Timestamp>,
}

impl Groups {
    /// Gives the chat of a message the name of its group. What is not known is asked for, beside everything else, and
    /// there for the next message.
    pub(crate) fn dress(&self, chat: &mut Chat, now: Timestamp) {
        if chat.kind != ChatKind::Group {
            return;
        }
        let mut state = self.lock();
        let known = state.known.get(&chat.party.jid);
        if let Some(known) = known {
            wear(chat, known);
        }
        let is_due = known.is_none_or(|known| {
            known.name.is_none() && known.ask_after.is_none_or(|after| after <= now)
        });
        if is_due && state.wanted.len() < WAITING {
            let group = chat.party.jid.clone();
            state.remember(group.clone()).ask_after = Some(now + PATIENCE);
            state.wanted.push_back(group);
            drop(state);
            self.asked.notify_one();
        }
    }

    /// Gives a chat the name of its group if that is known.
    pub(crate) fn dress_if_known(&self, chat: &mut Chat) {
        if chat.kind == ChatKind::Group
            && let Some(known) = self.lock().known.get(&chat.party.jid)
        {
            wear(chat, known);
        }
    }

    /// What a group is called, as far as it is known.
    pub(crate) fn name(&self, group: &Jid) -> Option<String> {
        self.lock().known.get(group).and_then(|known| known.name.clone())
    }

    /// Remembers what was said about a group.
    pub(crate) fn learn(&self, group: Jid, facts: GroupFacts) {
        let GroupFacts { name, is_community } = facts;
        let name = name.filter(|name| !name.is_empty());
        if name.is_none() && is_community.is_none() {
            return;
        }
        let mut state = self.lock();
        let known = state.remember(group);
        known.name = name.or(known.name.take());
        known.is_community = is_community.or(known.is_community);
    }

    /// Remembers what was said about a group some time ago, unless more is known.
    pub(crate) fn learn_if_new(&self, group: Jid, facts: GroupFacts) {
        if self.name(&group).is_none() {
            self.learn(group, facts);
        }
    }

    /// The next group to ask for.
    async fn next(&self) -> Jid {
        loop {
            if let Some(group) = self.lock().wanted.pop_front() {
                return group;
            }
            self.asked.notified().await;
        }
    }

    /// Whether all groups are to be asked for: once, when the first is wanted.
    fn list(&self) -> bool {
        !std::mem::replace(&mut self.lock().listed, true)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, group: Jid) -> &mut Known {
        if self.known.len() >= ROOM
            && !self.known.contains_key(&group)
            && let Some(other) = self.known.keys().next().cloned()
        {
            self.known.remove(&other);
        }
        self.known.entry(group).or_default()
    }
}

fn wear(chat: &mut Chat, known: &Known) {
    if known.name.is_some() {
        chat.party.name.clone_from(&known.name);
    }
    chat.is_community |= known.is_community.unwrap_or(false);
}

/// Asks WhatsApp for the names of groups that are wanted, one after the other, as long as the session lasts.
pub(crate) async fn learn_names(core: Arc<Core>) {
    core.connected.cancelled().await;
    loop {
        let group = core.groups.next().await;
        let Some(client) = core.client() else { return };
        if core.groups.list() {
            list(&core, &client).await;
        }
        if core.groups.name(&group).is_none() {
            ask(&core, &client, group).await;
        }
    }
}

async fn list(core: &Core, client: &Client) {
    match client.groups().get_participating().await {
        Ok(all) => all.into_values().for_each(|metadata| learn(core, &metadata)),
        Err(e) => tracing::debug!(retry = e.is_timeout(), "could not list the groups"),
    }
}

async fn ask(core: &Core, client: &Client, group: Jid) {
    match client.groups().get_metadata(&convert::to_library(&group)).await {
        Ok(metadata) => learn(core, &metadata),
        Err(e) => tracing::debug!(retry = e.is_timeout(), "could not ask for a group's name"),
    }
}

fn learn(core: &Core, metadata: &GroupMetadata) {
    if let Some(group) = convert::from_library(&metadata.id) {
        let name = Some(metadata.subject.clone());
        let is_community = Some(metadata.is_default_sub_group);
        core.groups.learn(group, GroupFacts { name, is_community });
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use wharf_domain::address::Party;

    use super::*;

    fn group(i: usize) -> Jid {
        Jid::parse(&format!("12036300000000{i:04}@g.us")).unwrap()
    }

    fn chat(i: usize) -> Chat {
        let party = Party::of(group(i), None, None);
        Chat { party, kind: ChatKind::Group, is_community: false }
    }

    fn facts(name: &str, is_community: Option<bool>) -> GroupFacts {
        GroupFacts { name: Some(name.to_owned()), is_community }
    }

    #[test]
    fn what_is_not_known_is_asked_for_once_in_a_while() {
        let (groups, now) = (Groups::default(), Timestamp::UNIX_EPOCH);
        let mut message = chat(1);
        groups.dress(&mut message, now);
        groups.dress(&mut message, now);
        assert_eq!(message, chat(1));
        assert_eq!(groups.next().now_or_never(), Some(group(1)));
        assert_eq!(groups.next().now_or_never(), None);
        groups.dress(&mut message, now + PATIENCE);
        assert_eq!(groups.next().now_or_never(), Some(group(1)));
        groups.learn(group(1), facts("Família", Some(true)));
        groups.dress(&mut message, now + PATIENCE * 3);
        assert_eq!((message.party.name.as_deref(), message.is_community), (Some("Família"), true));
        assert_eq!(groups.next().now_or_never(), None);
    }

    #[test]
    fn a_new_name_takes_the_place_of_the_old_one_and_says_nothing_else() {
        let groups = Groups::default();
        groups.learn(group(1), facts("Família", Some(true)));
        groups.learn(group(1), facts("Parentes", None));
        groups.learn(group(1), facts("", None));
        groups.learn_if_new(group(1), facts("Passado", None));
        let mut receipt = chat(1);
        groups.dress_if_known(&mut receipt);
        assert_eq!((receipt.party.name.as_deref(), receipt.is_community), (Some("Parentes"), true));
        groups.dress_if_known(&mut chat(2));
        assert_eq!(groups.next().now_or_never(), None);
    }

    #[test]
    fn there_is_room_for_so_many_and_the_newest_is_among_them() {
        let groups = Groups::default();
        for i in 0..=ROOM {
            groups.learn(group(i), facts(&format!("{i}"), None));
        }
        assert_eq!(groups.lock().known.len(), ROOM);
        assert!(groups.name(&group(ROOM)).is_some());
        for i in 0..2 * WAITING {
            groups.dress(&mut chat(5_000 + i), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(groups.lock().wanted.len(), WAITING);
    }
}
