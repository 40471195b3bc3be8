use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wacore::types::call::{CallAction, IncomingCall as LibraryCall};
use wacore_binary::{Jid, JidExt};
use wharf_domain::ports::IncomingCall;

use crate::convert;

/// How many calls are remembered. Older ones are taken for over.
const ROOM: usize = 64;

/// The calls of late, as they were offered: what follows an offer does not say again what kind of call it is.
#[derive(Default)]
pub(crate) struct Calls(Mutex<VecDeque<Known>>);

/// What is remembered of a call.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    id: String,
    /// Where its stanzas come from, which is where an answer goes to.
    from: Jid,
    pub(crate) creator: Jid,
    /// The caller's phone address, where it came with the offer.
    pub(crate) caller_phone: Option<Jid>,
    /// The name the caller goes by, where there was an offer.
    pub(crate) name: Option<String>,
    pub(crate) group: Option<Jid>,
    pub(crate) is_group: bool,
    pub(crate) is_video: bool,
    stage: Stage,
}

/// How far a call has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Rings,
    /// It was accepted or declined, by anybody.
    Answered,
    /// It rings no more, or never did here.
    Quiet,
}

impl Known {
    fn of(call: &LibraryCall) -> Self {
        let (mut is_group, mut is_video) = (call.group.is_some(), false);
        let (mut caller_phone, mut group, mut name) = (None, None, None);
        match &call.action {
            CallAction::Offer { caller_pn, is_video: video, group_jid, .. } => {
                is_video = *video;
                caller_phone.clone_from(caller_pn);
                group.clone_from(group_jid);
                name.clone_from(&call.notify);
            }
            CallAction::OfferNotice { is_group: of_group, is_video: video, .. } => {
                is_group |= *of_group;
                is_video = *video;
                name.clone_from(&call.notify);
            }
            _ => {}
        }
        let group = group.or_else(|| Some(call.from.clone()).filter(JidExt::is_group));
        Self {
            id: call.action.call_id().to_owned(),
            from: call.from.clone(),
            creator: call.action.call_creator().clone(),
            caller_phone,
            name: name.filter(|name| !name.is_empty()),
            is_group: is_group || group.is_some(),
            group,
            is_video,
            stage: Stage::Quiet,
        }
    }

    /// Whether it was accepted or declined, by anybody.
    pub(crate) fn is_answered(&self) -> bool {
        self.stage == Stage::Answered
    }
}

/// Whether a device declines only for itself: it cannot take the call, while others go on ringing.
pub(crate) fn is_busy(reason: Option<&str>) -> bool {
    reason == Some("busy")
}

/// What the end of a call says when another device of the account took it.
pub(crate) const ACCEPTED_ELSEWHERE: &str = "accepted_elsewhere";
/// What it says when another device of the account declined it.
pub(crate) const REJECTED_ELSEWHERE: &str = "rejected_elsewhere";

impl Calls {
    /// Notes what happened to a call, and says whether it has just begun to ring.
    pub(crate) fn note(&self, call: &LibraryCall) -> bool {
        match &call.action {
            // A call of a group may be offered and noticed. One that waited in the mail is over.
            CallAction::Offer { .. } | CallAction::OfferNotice { .. } => {
                self.remember(call, |known| {
                    known.stage = if call.offline { Stage::Quiet } else { Stage::Rings };
                    !call.offline
                })
            }
            CallAction::Accept { .. } => self.remember(call, answer),
            CallAction::Reject { reason, .. } if !is_busy(reason.as_deref()) => {
                self.remember(call, answer)
            }
            CallAction::Terminate { reason, .. } => self.remember(call, |known| {
                let elsewhere = [ACCEPTED_ELSEWHERE, REJECTED_ELSEWHERE];
                if reason.as_deref().is_some_and(|it| elsewhere.contains(&it)) {
                    known.stage = Stage::Answered;
                } else if known.stage == Stage::Rings {
                    known.stage = Stage::Quiet;
                }
                false
            }),
            _ => false,
        }
    }

    /// Remembers a call and notes something about it; `false` also when it is known already and nothing new.
    fn remember(&self, call: &LibraryCall, note: impl FnOnce(&mut Known) -> bool) -> bool {
        let mut calls = self.lock();
        let id = call.action.call_id();
        if let Some(known) = calls.iter_mut().find(|known| known.id == id) {
            let is_offer =
                matches!(call.action, CallAction::Offer { .. } | CallAction::OfferNotice { .. });
            // Whatever is remembered of it, it does not begin to ring again.
            return if is_offer { false } else { note(known) };
        }
        if calls.len() == ROOM {
            calls.pop_front();
        }
        let mut known = Known::of(call);
        let noted = note(&mut known);
        calls.push_back(known);
        noted
    }

    /// What is remembered of a call.
    pub(crate) fn known(&self, id: &str) -> Option<Known> {
        self.lock().iter().find(|known| known.id == id).cloned()
    }

    /// Whether a call still rings.
    pub(crate) fn rings(&self, id: &str) -> bool {
        self.lock().iter().any(|known| known.id == id && known.stage == Stage::Rings)
    }

    /// Whom an answer goes to, and who is said to have made the call.
    pub(crate) fn way_back(&self, call: &IncomingCall) -> (Jid, Jid) {
        if let Some(known) = self.known(&call.id) {
            return (known.from, known.creator);
        }
        let creator = convert::to_library(&call.creator);
        (creator.clone(), creator)
    }

    /// Notes that a call was declined here.
    pub(crate) fn declined(&self, id: &str) {
        if let Some(known) = self.lock().iter_mut().find(|known| known.id == id) {
            answer(known);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(known: &mut Known) -> bool {
    known.stage = Stage::Answered;
    false
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::convert::Aliases;

    fn offer(id: &str) -> LibraryCall {
        let creator: Jid = "123:4@lid".parse().unwrap();
        let action = CallAction::Offer {
            call_id: id.to_owned(),
            call_creator: creator.clone(),
            caller_pn: None,
            caller_country_code: None,
            device_class: None,
            joinable: false,
            is_video: true,
            audio: Vec::new(),
            group_jid: None,
        };
        let from = creator.to_non_ad();
        LibraryCall::new_for_test(from, "1".to_owned(), DateTime::UNIX_EPOCH, action)
    }

    fn with(id: &str, action: impl FnOnce(String, Jid) -> CallAction) -> LibraryCall {
        let mut call = offer(id);
        call.action = action(id.to_owned(), call.action.call_creator().clone());
        call
    }

    fn end(id: &str, reason: Option<&str>) -> LibraryCall {
        with(id, |call_id, call_creator| CallAction::Terminate {
            call_id,
            call_creator,
            reason: reason.map(str::to_owned),
            duration: None,
            audio_duration: None,
        })
    }

    fn reject(id: &str, reason: Option<&str>) -> LibraryCall {
        with(id, |call_id, call_creator| CallAction::Reject {
            call_id,
            call_creator,
            reason: reason.map(str::to_owned),
        })
    }

    #[test]
    fn a_call_begins_to_ring_once_and_not_when_it_was_missed() {
        let calls = Calls::default();
        assert!(calls.note(&offer("a")) && !calls.note(&offer("a")));
        let mut missed = offer("b");
        missed.offline = true;
        assert!(!calls.note(&missed) && !calls.rings("b"));
        assert!(!calls.note(&end("a", None)) && !calls.rings("a"));
        // Whatever comes first.
        assert!(!calls.note(&end("c", None)) && !calls.note(&offer("c")) && !calls.rings("c"));
    }

    #[test]
    fn whoever_answers_ends_the_ringing_but_a_busy_device_does_not() {
        let calls = Calls::default();
        let table = [
            (reject("a", Some("busy")), true, false),
            (reject("b", None), false, true),
            (end("c", Some(ACCEPTED_ELSEWHERE)), false, true),
            (end("d", Some("timeout")), false, false),
        ];
        for (what, rings, is_answered) in table {
            let id = what.action.call_id().to_owned();
            assert!(calls.note(&offer(&id)) && !calls.note(&what));
            let known = calls.known(&id).unwrap();
            assert_eq!((calls.rings(&id), known.is_answered()), (rings, is_answered), "{id}");
            assert!(known.is_video, "{id}");
        }
        assert!(calls.note(&offer("e")));
        calls.declined("e");
        assert!(!calls.rings("e") && calls.known("e").unwrap().is_answered());
    }

    #[test]
    fn an_answer_goes_to_the_device_that_calls_as_long_as_it_is_remembered() {
        let calls = Calls::default();
        calls.note(&offer("a"));
        let known = calls.known("a");
        let told = convert::ringing(&offer("a"), known.as_ref(), &Aliases::default()).unwrap();
        let (peer, creator) = calls.way_back(&told);
        assert_eq!((peer.to_string(), creator.to_string()), ("123@lid".into(), "123:4@lid".into()));
        for i in 0..ROOM {
            calls.note(&offer(&format!("{i}")));
        }
        assert!(!calls.rings("a"));
        assert_eq!(calls.way_back(&told).1.to_string(), "123@lid");
        assert_eq!(calls.lock().len(), ROOM);
    }
}
