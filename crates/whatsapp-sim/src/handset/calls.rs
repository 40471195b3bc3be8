//! Calls, as far as their signalling goes.

mod receive;

use std::sync::Arc;

use wacore::stanza::call::{
    CAPABILITY_OFFER, CAPABILITY_VIDEO_OFFER, DEFAULT_AUDIO_RATES, OfferParams,
    TERMINATE_REASON_GROUP_CALL_ENDED, TERMINATE_REASON_TIMEOUT, TerminateParams, build_offer,
    build_preaccept, build_reject, build_terminate, encode_latency,
};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent, Server};

use super::known_as;
use super::send::devices_of;
use crate::clock;
use crate::error::{Error, Result};
use crate::hub::{Hub, Parcel, stanza_id, timestamp};
use crate::phone::calls::{Call, CallAct, CallState, ShownCall};
use crate::room::Room;
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;

pub(super) use receive::receive;

/// A relay to measure the way to: where one would be, and how far it is said to be.
const RELAY: (&str, [u8; 6], u32) = ("sim1c01", [127, 0, 0, 1, 13, 150], 30);

/// Whom a phone calls.
pub(crate) enum Called {
    /// One account.
    Person(Arc<Account>),
    /// Everybody else in a group. It rings there, or they are told that they may join.
    Group { room: Room, rings: bool },
}

impl Called {
    fn peer(&self) -> String {
        match self {
            Self::Person(person) => known_as(person),
            Self::Group { room, .. } => room.jid.to_string(),
        }
    }

    fn group(&self) -> Option<&Jid> {
        match self {
            Self::Person(_) => None,
            Self::Group { room, .. } => Some(&room.jid),
        }
    }

    /// The accounts, without the caller's.
    fn accounts(&self, caller: &Account) -> Vec<Arc<Account>> {
        match self {
            Self::Person(person) => vec![Arc::clone(person)],
            Self::Group { room, .. } => {
                let others = room.members.iter().filter(|member| member.number != caller.number);
                others.cloned().collect()
            }
        }
    }

    fn server(&self, caller: &Account) -> Server {
        match self {
            Self::Person(person) => caller.server_with(person),
            Self::Group { room, .. } => caller.shown_server(room.server),
        }
    }
}

/// Calls somebody; gives the call's id. Without an account's lock; so are all here.
pub(crate) fn ring(
    account: &Account,
    called: &Called,
    video: bool,
) -> Result<(String, Vec<Parcel>)> {
    if let Called::Person(callee) = called
        && callee.number == account.number
    {
        return Err(Error::Conflict("a phone cannot call itself".to_owned()));
    }
    let call_id = stanza_id();
    let server = called.server(account);
    let action = match called {
        Called::Group { rings: false, .. } => notice(account, server, &call_id, video),
        _ => offer(account, server, &call_id, video),
    };
    let mut offered = action;
    if let (Some(group), Some(NodeContent::Nodes(actions))) = (called.group(), &mut offered.content)
    {
        for action in actions {
            action.attrs.insert("group-jid", group);
        }
    }
    let shown = ShownCall {
        call_id: call_id.clone(),
        peer: called.peer(),
        group: called.group().map(ToString::to_string),
        outgoing: true,
        video,
        state: CallState::Ringing,
        seconds: None,
    };
    let call = Call { shown, caller: account.device(0), answered: None };
    account.lock().handset.calls.ring(call);
    account.stir();
    let parcels = called.accounts(account).into_iter();
    let parcels = parcels.flat_map(|callee| to_devices(account, server, &callee, &offered, None));
    Ok((call_id, parcels.collect()))
}

fn offer(account: &Account, server: Server, call_id: &str, video: bool) -> Node {
    let creator = account.jid(server, 0);
    let mut offer = build_offer(&OfferParams {
        call_id,
        to: &creator,
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
        && !account.hides_number()
        && let Some(NodeContent::Nodes(actions)) = &mut offer.content
    {
        for action in actions {
            action.attrs.insert("caller_pn", account.jid(Server::Pn, 0));
        }
    }
    offer
}

fn notice(account: &Account, server: Server, call_id: &str, video: bool) -> Node {
    let notice = action("offer_notice", call_id, &account.jid(server, 0))
        .attr("media", if video { "video" } else { "audio" })
        .attr("type", "group");
    call([notice.build()])
}

/// The owner does something about a call.
pub(crate) fn act(
    hub: &Hub,
    account: &Account,
    call_id: &str,
    act: CallAct,
) -> Result<Vec<Parcel>> {
    let known = account.lock().handset.calls.find(call_id).cloned();
    let known = known.ok_or(Error::NotFound("call"))?;
    let ShownCall { outgoing, state, .. } = known.shown;
    let sensible = match act {
        CallAct::PreAccept | CallAct::Accept { .. } => !outgoing && state == CallState::Ringing,
        CallAct::TimeOut => outgoing && state == CallState::Ringing,
        CallAct::HangUp { .. } | CallAct::MeasureLatency => {
            matches!(state, CallState::Ringing | CallState::Accepted)
        }
    };
    if !sensible {
        return Err(Error::Conflict("the call does not stand like that".to_owned()));
    }
    let creator = creator(hub, account, &known)?;
    let advance = |state: CallState| {
        account.lock().handset.calls.advance(call_id, state, clock::seconds());
        account.stir();
    };
    Ok(match act {
        CallAct::PreAccept => {
            let rates = DEFAULT_AUDIO_RATES;
            let video = known.shown.video;
            let stanza = build_preaccept(call_id, &creator, &creator, &stanza_id(), rates, video);
            to_others(hub, account, &known, &stanza)
        }
        CallAct::MeasureLatency => to_others(hub, account, &known, &latency(call_id, &creator)),
        CallAct::Accept { relayed } => {
            advance(CallState::Accepted);
            let audio = NodeBuilder::new("audio").attr("enc", "opus").attr("rate", "16000").build();
            let accept = action("accept", call_id, &creator).children([audio]).build();
            let accept = call([accept]);
            let mut parcels = Vec::new();
            if relayed {
                let server = account.preferred_server();
                parcels = to_devices(account, server, account, &accept, Some(0));
            }
            parcels.extend(to_others(hub, account, &known, &accept));
            parcels
        }
        CallAct::TimeOut => {
            advance(CallState::Missed);
            let stanza = terminate(call_id, &creator, Some(TERMINATE_REASON_TIMEOUT));
            to_others(hub, account, &known, &stanza)
        }
        CallAct::HangUp { .. } if !outgoing && state == CallState::Ringing => {
            advance(CallState::Rejected);
            let stanza = build_reject(call_id, &creator, &creator, &stanza_id());
            to_others(hub, account, &known, &stanza)
        }
        CallAct::HangUp { seconds } => {
            advance(CallState::Ended);
            let mut state = account.lock();
            if let Some(seconds) = seconds {
                state.handset.calls.lasted(call_id, seconds);
            }
            let seconds = state.handset.calls.find(call_id).and_then(|call| call.shown.seconds);
            drop(state);
            let is_group = known.shown.group.is_some();
            let reason = is_group.then_some(TERMINATE_REASON_GROUP_CALL_ENDED);
            let mut stanza = terminate(call_id, &creator, reason);
            if let (Some(seconds), Some(NodeContent::Nodes(actions))) =
                (seconds, &mut stanza.content)
            {
                for action in actions {
                    action.attrs.insert("duration", seconds.to_string());
                    action.attrs.insert("audio_duration", seconds.to_string());
                }
            }
            to_others(hub, account, &known, &stanza)
        }
    })
}

/// How a call's stanzas address who made it.
fn creator(hub: &Hub, account: &Account, call: &Call) -> Result<Jid> {
    let caller = hub.account(&call.caller.number).ok_or(Error::NotFound("caller"))?;
    let to = called(hub, account, call);
    let server = to.map_or_else(|| caller.preferred_server(), |to| to.server(&caller));
    Ok(caller.jid(server, call.caller.device))
}

/// Whom a call was made to.
fn called(hub: &Hub, account: &Account, call: &Call) -> Option<Called> {
    if let Some(group) = &call.shown.group {
        let group = hub.groups.get(&group.parse().ok()?)?;
        return Some(Called::Group { room: Room::group(hub, &group), rings: true });
    }
    if !call.shown.outgoing {
        return Some(Called::Person(hub.account(&account.number)?));
    }
    let peer = call.shown.peer.parse().ok()?;
    Some(Called::Person(hub.account_of(&peer)?))
}

/// The stanza for all devices that were called, or for the one that calls.
fn to_others(hub: &Hub, account: &Account, call: &Call, stanza: &Node) -> Vec<Parcel> {
    if !call.shown.outgoing {
        let server = account.preferred_server();
        let stanza = sent(account, server, stanza);
        return vec![Parcel { to: call.caller.clone(), stanza }];
    }
    let Some(called) = called(hub, account, call) else { return Vec::new() };
    let (server, callees) = (called.server(account), called.accounts(account));
    let parcels = callees.iter();
    parcels.flat_map(|callee| to_devices(account, server, callee, stanza, None)).collect()
}

fn terminate(call_id: &str, creator: &Jid, reason: Option<&str>) -> Node {
    let id = stanza_id();
    let (to, call_creator) = (creator, creator);
    build_terminate(&TerminateParams { call_id, to, id: Some(&id), call_creator, reason })
}

fn latency(call_id: &str, creator: &Jid) -> Node {
    let (name, address, milliseconds) = RELAY;
    let relay = NodeBuilder::new("te")
        .attr("latency", encode_latency(milliseconds))
        .attr("relay_name", name)
        .bytes(address.to_vec());
    call([action("relaylatency", call_id, creator).children([relay.build()]).build()])
}

fn action(tag: &'static str, call_id: &str, creator: &Jid) -> NodeBuilder {
    NodeBuilder::new(tag).attr("call-id", call_id).attr("call-creator", creator)
}

fn call(actions: [Node; 1]) -> Node {
    NodeBuilder::new("call").attr("id", stanza_id()).children(actions).build()
}

/// The stanza for every device of the callee, but the one that knows.
fn to_devices(
    account: &Account,
    server: Server,
    callee: &Account,
    call: &Node,
    but: Option<u16>,
) -> Vec<Parcel> {
    let stanza = sent(account, server, call);
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
