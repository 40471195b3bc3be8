//! Calls, as far as they ring.

use wacore::stanza::call::{
    CAPABILITY_OFFER, CAPABILITY_VIDEO_OFFER, DEFAULT_AUDIO_RATES, OfferParams, REJECT_REASON_BUSY,
    TERMINATE_REASON_REJECTED_ELSEWHERE, TerminateParams, build_offer, build_reject,
    build_terminate,
};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, NodeContent, Server};

use super::known_as;
use super::send::devices_of;
use crate::error::{Error, Result};
use crate::hub::{Hub, Parcel, stanza_id, timestamp};
use crate::phone::calls::{CallState, ShownCall};
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;

/// Rings every device of the callee; gives the call's id. Without an account's lock.
pub(crate) fn ring(
    account: &Account,
    callee: &Account,
    video: bool,
) -> Result<(String, Vec<Parcel>)> {
    if callee.number == account.number {
        return Err(Error::Conflict("a phone cannot call itself".to_owned()));
    }
    let call_id = stanza_id();
    let server = account.preferred_server();
    let creator = account.jid(server, 0);
    let mut offer = build_offer(&OfferParams {
        call_id: &call_id,
        to: &callee.jid(server, 0),
        call_creator: &creator,
        device_keys: &[],
        privacy_token: None,
        capability: Some(if video { &CAPABILITY_VIDEO_OFFER } else { &CAPABILITY_OFFER }),
        device_identity: None,
        id: Some(&stanza_id()),
        multi_device: false,
        video,
        audio_rates: DEFAULT_AUDIO_RATES,
    });
    // Who is called may have no number for the LID yet.
    if server == Server::Lid
        && let Some(NodeContent::Nodes(actions)) = &mut offer.content
    {
        for action in actions {
            action.attrs.insert("caller_pn", account.jid(Server::Pn, 0));
        }
    }
    let peer = known_as(callee);
    let state = CallState::Ringing;
    let call = ShownCall { call_id: call_id.clone(), peer, outgoing: true, video, state };
    account.lock().handset.calls.ring(call);
    account.stir();
    Ok((call_id, to_devices(account, callee, &offer, None)))
}

/// The owner ends a call that rings: the own one, or one that somebody makes. Without an account's
/// lock.
pub(crate) fn hang_up(hub: &Hub, account: &Account, call_id: &str) -> Result<Vec<Parcel>> {
    let mut state = account.lock();
    let calls = &mut state.handset.calls;
    let outgoing = calls.find(call_id).ok_or(Error::NotFound("call"))?.outgoing;
    let end = if outgoing { CallState::Ended } else { CallState::Rejected };
    let Some(call) = calls.end(call_id, end) else {
        return Err(Error::Conflict("the call is over".to_owned()));
    };
    drop(state);
    account.stir();
    let peer = call.peer.parse().ok().and_then(|peer| hub.account_of(&peer));
    let peer = peer.ok_or(Error::NotFound("peer"))?;
    if outgoing {
        return Ok(to_devices(account, &peer, &terminate(account, &peer, call_id, None), None));
    }
    let server = peer.preferred_server();
    let caller = peer.jid(server, 0);
    let reject = build_reject(call_id, &caller, &caller, &stanza_id());
    let stanza = sent(account, server, &reject);
    Ok(vec![Parcel { to: peer.device(0), stanza }])
}

/// What somebody says about a call.
pub(super) fn receive(hub: &Hub, account: &Account, stanza: &Node) -> Option<Vec<Parcel>> {
    let from = stanza.jid("from")?;
    let peer = hub.account_of(&from)?;
    let action = stanza.all().first()?;
    let call_id = action.text("call-id")?.into_owned();
    let reason = action.text("reason");
    let mut state = account.lock();
    let calls = &mut state.handset.calls;
    match action.tag.as_ref() {
        "offer" => calls.ring(ShownCall {
            call_id,
            peer: known_as(&peer),
            outgoing: false,
            video: action.child("video").is_some(),
            state: CallState::Ringing,
        }),
        "terminate" => {
            let rejected = reason.as_deref() == Some(TERMINATE_REASON_REJECTED_ELSEWHERE);
            let end = if rejected { CallState::Rejected } else { CallState::Ended };
            calls.end(&call_id, end);
        }
        // A device that cannot talk says nothing about the others.
        "reject" if reason.as_deref() != Some(REJECT_REASON_BUSY) => {
            let own = calls.find(&call_id)?;
            if !own.outgoing || own.peer != known_as(&peer) {
                return None;
            }
            calls.end(&call_id, CallState::Rejected)?;
            drop(state);
            // It is the caller who tells the callee's other devices.
            let reason = Some(TERMINATE_REASON_REJECTED_ELSEWHERE);
            let terminate = terminate(account, &peer, &call_id, reason);
            return Some(to_devices(account, &peer, &terminate, Some(from.device)));
        }
        _ => {}
    }
    None
}

fn terminate(account: &Account, callee: &Account, call_id: &str, reason: Option<&str>) -> Node {
    let server = account.preferred_server();
    build_terminate(&TerminateParams {
        call_id,
        to: &callee.jid(server, 0),
        id: Some(&stanza_id()),
        call_creator: &account.jid(server, 0),
        reason,
    })
}

/// The stanza for every device of the callee, but the one that knows.
fn to_devices(account: &Account, callee: &Account, call: &Node, but: Option<u16>) -> Vec<Parcel> {
    let stanza = sent(account, account.preferred_server(), call);
    let devices = devices_of(callee).into_iter().filter(|device| Some(device.device) != but);
    devices.map(|to| Parcel { to, stanza: stanza.clone() }).collect()
}

/// How a call stanza of the phone's looks to who gets it.
fn sent(account: &Account, server: Server, call: &Node) -> Node {
    NodeBuilder::new("call")
        .attr("from", account.jid(server, 0))
        .attr("id", call.text("id").unwrap_or_default().as_ref())
        .attr("t", timestamp())
        .attr("notify", account.lock().name.as_str())
        .children(call.all().to_vec())
        .build()
}
