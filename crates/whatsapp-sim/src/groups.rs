//! What people do with their groups, from a phone or from a companion, and who hears of it.

mod notification;

use std::sync::Arc;

use wacore_binary::Jid;

use crate::clock;
use crate::hub::Hub;
use crate::room::Room;
use crate::state::account::Account;
use crate::state::groups::{Effect, Group, GroupChange, Outcome, Refusal};

/// What became of somebody who followed an invite link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Joined {
    /// They are a member.
    Joined,
    /// An admin has to let them in.
    Requested,
}

/// Adds a group that `owner` has made and tells its members. Under a change, without an account's
/// lock; so are all here.
pub(crate) fn found(hub: &Hub, owner: &Account, group: Group) -> Arc<Group> {
    let _turn = hub.groups.turn();
    introduce(hub, &group, &group.members);
    let group = keep(hub, group);
    hub.deliver(notification::created(hub, owner, &group));
    group
}

/// Does with a group what somebody wants.
pub(crate) fn change(
    hub: &Hub,
    actor: &Account,
    group: &Jid,
    change: &GroupChange,
) -> Result<Outcome, Refusal> {
    alter(hub, actor, group, |group, now| group.apply(&actor.number, change, now))
}

/// Does something with a group, keeps what becomes of it, and tells whom it concerns.
pub(crate) fn alter(
    hub: &Hub,
    actor: &Account,
    group: &Jid,
    alter: impl FnOnce(&mut Group, u64) -> Result<Outcome, Refusal>,
) -> Result<Outcome, Refusal> {
    let _turn = hub.groups.turn();
    let mut altered = Group::clone(&*hub.groups.get(group).ok_or(Refusal::NoGroup)?);
    let outcome = alter(&mut altered, clock::seconds())?;
    for effect in &outcome.effects {
        if let Effect::Added { who, .. } = effect {
            introduce(hub, &altered, who);
        }
    }
    let is_over = outcome.effects.contains(&Effect::Deleted) || altered.members.is_empty();
    let altered = if is_over {
        hub.groups.remove(&altered.id);
        hub.ledger.mark(&altered.record());
        Arc::new(altered)
    } else {
        keep(hub, altered)
    };
    for effect in &outcome.effects {
        hub.deliver(notification::of(hub, actor, &altered, effect));
    }
    Ok(outcome)
}

/// Follows an invite link.
pub(crate) fn join(hub: &Hub, actor: &Account, code: &str) -> Result<(Jid, Joined), Refusal> {
    let group = hub.groups.invited_by(code).ok_or(Refusal::NoInvite)?.jid();
    let outcome = alter(hub, actor, &group, |group, now| {
        // It may have been reset since.
        if group.invite.as_deref() != Some(code) {
            return Err(Refusal::NoInvite);
        }
        group.join(&actor.number, now)
    })?;
    let joined = outcome.effects.iter().any(|effect| matches!(effect, Effect::Added { .. }));
    Ok((group, if joined { Joined::Joined } else { Joined::Requested }))
}

/// What the group's invite link ends in, for its admins.
pub(crate) fn invite(hub: &Hub, actor: &Account, group: &Jid) -> Result<String, Refusal> {
    let mut code = String::new();
    alter(hub, actor, group, |group, _| {
        if !group.has(&actor.number) {
            return Err(Refusal::NotAMember);
        }
        if !group.is_admin(&actor.number) {
            return Err(Refusal::NotAllowed);
        }
        code = group.invite_code();
        Ok(Outcome::default())
    })?;
    Ok(code)
}

fn keep(hub: &Hub, group: Group) -> Arc<Group> {
    let group = hub.groups.put(group);
    hub.ledger.mark(&group.record());
    group
}

/// Lets new members and the others know each other: they are told of each other's devices.
fn introduce(hub: &Hub, group: &Group, new: &[String]) {
    for member in &Room::group(hub, group).members {
        let mut state = member.lock();
        let others = if new.contains(&member.number) { &group.members[..] } else { new };
        for number in others {
            state.meet(number);
        }
    }
}
