use wacore::types::call::{CallAction as Library, IncomingCall as LibraryCall};
use wacore_binary::JidExt;
use wharf_domain::{
    Timestamp,
    call::{CallAction, CallUpdate},
    event::EventKey,
    ports::IncomingCall,
};

use super::{
    address::{Aliases, from_library},
    key,
};
use crate::calls::{ACCEPTED_ELSEWHERE, Known, REJECTED_ELSEWHERE, is_busy};

type LibraryJid = wacore_binary::Jid;

/// Why a call is over that nobody answered, in the contract's word.
const MISSED: &str = "missed";
/// WhatsApp's words for that, besides none at all.
const UNANSWERED: [&str; 2] = ["timeout", "group_call_ended"];

/// Somebody in a call whose other address did not come with it.
pub(crate) fn addresses_of_call(caller: &LibraryJid, known: Option<&Known>) -> Vec<LibraryJid> {
    match known {
        Some(Known { caller_phone: Some(_), .. }) => Vec::new(),
        _ => vec![caller.clone()],
    }
}

/// A call that rings, in our words.
pub(crate) fn ringing(
    call: &LibraryCall,
    known: Option<&Known>,
    aliases: &Aliases,
) -> Option<IncomingCall> {
    if !matches!(call.action, Library::Offer { .. } | Library::OfferNotice { .. }) {
        return None;
    }
    let known = known?;
    let creator = from_library(call.action.call_creator())?;
    Some(IncomingCall {
        id: call.action.call_id().to_owned(),
        from: aliases.party(creator.clone(), known.caller_phone.as_ref(), known.name.clone()),
        creator,
        is_group: known.is_group,
        is_video: known.is_video,
        timestamp: call.timestamp,
    })
}

/// What happened to a call in our words; `None` for what people are not told of: that a device prepares to answer
/// (`preaccept`: nothing is decided), that both sides look for a way (`transport`), and what happens within a call that
/// has been answered (video, hands, screens, who takes part, keys).
pub(crate) fn call(
    call: &LibraryCall,
    known: Option<&Known>,
    aliases: &Aliases,
) -> Option<(EventKey, CallUpdate)> {
    let mut duration = None;
    let (action, reason) = match &call.action {
        // It waited in the mail, so nobody was there.
        Library::Offer { .. } | Library::OfferNotice { .. } if call.offline => {
            (CallAction::Terminated, Some(MISSED.to_owned()))
        }
        Library::Offer { .. } => (CallAction::Offer, None),
        Library::OfferNotice { .. } => (CallAction::Notification, None),
        Library::Accept { .. } => (CallAction::Accepted, None),
        Library::Reject { reason, .. } => (CallAction::Rejected, reason.clone()),
        Library::Terminate { reason, duration: length, .. } => {
            duration = *length;
            end(reason.as_deref(), known)
        }
        Library::RelayLatency { .. } => (CallAction::Latency, None),
        _ => return None,
    };
    let (id, timestamp) = (call.action.call_id().to_owned(), call.timestamp);
    let caller = call.action.call_creator();
    let phone = known.and_then(|known| known.caller_phone.as_ref());
    let name = known.and_then(|known| known.name.clone());
    let group = known.and_then(|known| known.group.as_ref());
    let group = group.or(Some(&call.from).filter(|from| from.is_group()));
    let update = CallUpdate {
        action,
        id,
        from: aliases.party(from_library(caller)?, phone, name),
        group: group.and_then(from_library),
        is_group: group.is_some() || known.is_some_and(|known| known.is_group),
        is_video: known.is_some_and(|known| known.is_video),
        reason,
        duration,
        timestamp,
    };
    Some((key(&update), update))
}

/// A call that we have declined ourselves, which WhatsApp does not tell us of.
pub(crate) fn declined(
    call: &IncomingCall,
    group: Option<&LibraryJid>,
    timestamp: Timestamp,
) -> (EventKey, CallUpdate) {
    let update = CallUpdate {
        action: CallAction::Rejected,
        id: call.id.clone(),
        from: call.from.clone(),
        group: group.and_then(from_library),
        is_group: call.is_group,
        is_video: call.is_video,
        reason: None,
        duration: None,
        timestamp,
    };
    (key(&update), update)
}

/// What the end of a call means, and why it came.
fn end(reason: Option<&str>, known: Option<&Known>) -> (CallAction, Option<String>) {
    let action = match reason {
        Some(ACCEPTED_ELSEWHERE) => CallAction::Accepted,
        Some(REJECTED_ELSEWHERE) => CallAction::Rejected,
        _ => CallAction::Terminated,
    };
    let is_unanswered = reason.is_none_or(|reason| UNANSWERED.contains(&reason))
        && known.is_none_or(|known| !known.is_answered());
    let reason = if is_unanswered { Some(MISSED) } else { reason };
    (action, reason.map(str::to_owned))
}

/// What a call is recognised by when it is told again. That one of several devices is busy is no word of the callee.
fn key(update: &CallUpdate) -> EventKey {
    let busy = update.action == CallAction::Rejected && is_busy(update.reason.as_deref());
    let action = if busy { "busy" } else { update.action.as_str() };
    key::bounded("call", format!("{}|{action}", update.id))
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
