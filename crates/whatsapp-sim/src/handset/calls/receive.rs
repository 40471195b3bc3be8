//! What others say about calls.

use wacore::stanza::call::{
    REJECT_REASON_BUSY, TERMINATE_REASON_ACCEPTED_ELSEWHERE, TERMINATE_REASON_REJECTED_ELSEWHERE,
    TERMINATE_REASON_TIMEOUT,
};
use wacore_binary::{Jid, Node};

use super::{called, terminate, to_devices};
use crate::clock;
use crate::handset::known_as;
use crate::hub::{Hub, Parcel};
use crate::phone::calls::{Call, CallState, ShownCall};
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;

/// Takes what somebody says about a call; gives what the phone says to that.
pub(in crate::handset) fn receive(
    hub: &Hub,
    account: &Account,
    stanza: &Node,
) -> Option<Vec<Parcel>> {
    let from = stanza.jid("from")?;
    let peer = hub.account_of(&from)?;
    let action = stanza.all().first()?;
    let call_id = action.text("call-id")?.into_owned();
    let reason = action.text("reason");
    let now = clock::seconds();
    match action.tag.as_ref() {
        "offer" | "offer_notice" => {
            let video =
                action.child("video").is_some() || action.text("media").as_deref() == Some("video");
            let shown = ShownCall {
                call_id,
                peer: known_as(&peer),
                group: action.text("group-jid").map(std::borrow::Cow::into_owned),
                outgoing: false,
                video,
                state: CallState::Ringing,
                seconds: None,
            };
            let call = Call { shown, caller: peer.device(from.device), answered: None };
            account.lock().handset.calls.ring(call);
            None
        }
        "terminate" => {
            terminated(account, &call_id, action, now);
            None
        }
        "accept" => {
            let reason = TERMINATE_REASON_ACCEPTED_ELSEWHERE;
            answered(hub, account, (&from, &peer), &call_id, CallState::Accepted, reason)
        }
        // A device that cannot talk says nothing about the others.
        "reject" if reason.as_deref() != Some(REJECT_REASON_BUSY) => {
            let reason = TERMINATE_REASON_REJECTED_ELSEWHERE;
            answered(hub, account, (&from, &peer), &call_id, CallState::Rejected, reason)
        }
        _ => None,
    }
}

fn terminated(account: &Account, call_id: &str, terminate: &Node, now: u64) {
    let state = match terminate.text("reason").as_deref() {
        Some(TERMINATE_REASON_REJECTED_ELSEWHERE) => CallState::Rejected,
        Some(TERMINATE_REASON_ACCEPTED_ELSEWHERE) => CallState::Accepted,
        Some(TERMINATE_REASON_TIMEOUT) => CallState::Missed,
        _ => CallState::Ended,
    };
    let seconds = terminate.text("duration").and_then(|seconds| seconds.parse().ok());
    let mut account = account.lock();
    let calls = &mut account.handset.calls;
    // A group's call goes on for who made it when others leave.
    let own_of_group = |call: &Call| call.shown.outgoing && call.shown.group.is_some();
    if calls.find(call_id).is_some_and(own_of_group) {
        return;
    }
    if calls.advance(call_id, state, now).is_some()
        && let Some(seconds) = seconds
    {
        calls.lasted(call_id, seconds);
    }
}

/// A device of somebody who was called has accepted or rejected. It is the caller who tells the
/// account's other devices.
fn answered(
    hub: &Hub,
    account: &Account,
    (from, peer): (&Jid, &Account),
    call_id: &str,
    state: CallState,
    reason: &str,
) -> Option<Vec<Parcel>> {
    let call = account.lock().handset.calls.find(call_id).cloned()?;
    let called = called(hub, account, &call)?;
    let was_called = || called.accounts(account).iter().any(|it| it.number == peer.number);
    if !call.shown.outgoing || !was_called() {
        return None;
    }
    let mut locked = account.lock();
    let calls = &mut locked.handset.calls;
    let is_group = call.shown.group.is_some();
    // In a group everybody speaks for themselves: one who does not want to leaves it ringing.
    if !is_group || state == CallState::Accepted {
        let advanced = calls.advance(call_id, state, clock::seconds());
        if advanced.is_none() && !is_group {
            return None;
        }
    }
    drop(locked);
    let server = called.server(account);
    let terminate = terminate(call_id, &account.jid(server, 0), Some(reason));
    Some(to_devices(account, server, peer, &terminate, Some(from.device)))
}
