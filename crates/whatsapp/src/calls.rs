use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wacore::types::call::{CallAction, IncomingCall as LibraryCall};
use wacore_binary::Jid;
use wharf_domain::ports::IncomingCall;

use crate::convert;

/// How many calls may ring at a time. Older ones are taken for over.
const ROOM: usize = 32;

/// The calls that ring, with the addresses an answer needs: ours have no devices.
#[derive(Default)]
pub(crate) struct Calls(Mutex<VecDeque<Ringing>>);

struct Ringing {
    id: String,
    from: Jid,
    creator: Jid,
}

impl Calls {
    /// Notes what happened to a call, and says whether it has just begun to ring.
    pub(crate) fn note(&self, call: &LibraryCall) -> bool {
        let id = call.action.call_id();
        match &call.action {
            CallAction::Offer { .. } | CallAction::OfferNotice { .. } if !call.offline => {
                let mut ringing = self.lock();
                // A call of a group may be offered and noticed.
                if ringing.iter().any(|known| known.id == id) {
                    return false;
                }
                if ringing.len() == ROOM {
                    ringing.pop_front();
                }
                let creator = call.action.call_creator().clone();
                ringing.push_back(Ringing { id: id.to_owned(), from: call.from.clone(), creator });
                true
            }
            CallAction::Terminate { .. } => {
                self.forget(id);
                false
            }
            _ => false,
        }
    }

    /// Whether a call still rings.
    pub(crate) fn rings(&self, id: &str) -> bool {
        self.lock().iter().any(|known| known.id == id)
    }

    /// Whom an answer goes to, and who is said to have made the call.
    pub(crate) fn way_back(&self, call: &IncomingCall) -> (Jid, Jid) {
        if let Some(known) = self.lock().iter().find(|known| known.id == call.id) {
            return (known.from.clone(), known.creator.clone());
        }
        let creator = convert::to_library(&call.creator);
        (creator.clone(), creator)
    }

    /// Forgets a call that rings no more.
    pub(crate) fn forget(&self, id: &str) {
        self.lock().retain(|known| known.id != id);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Ringing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            is_video: false,
            audio: Vec::new(),
            group_jid: None,
        };
        let from = creator.to_non_ad();
        LibraryCall::new_for_test(from, "1".to_owned(), DateTime::UNIX_EPOCH, action)
    }

    fn end(id: &str) -> LibraryCall {
        let mut call = offer(id);
        call.action = CallAction::Terminate {
            call_id: id.to_owned(),
            call_creator: call.action.call_creator().clone(),
            reason: None,
            duration: None,
            audio_duration: None,
        };
        call
    }

    #[test]
    fn a_call_begins_to_ring_once_and_not_when_it_was_missed() {
        let calls = Calls::default();
        assert!(calls.note(&offer("a")) && !calls.note(&offer("a")));
        let mut missed = offer("b");
        missed.offline = true;
        assert!(!calls.note(&missed) && !calls.rings("b"));
        assert!(!calls.note(&end("a")) && !calls.rings("a"));
    }

    #[test]
    fn an_answer_goes_to_the_device_that_calls_as_long_as_it_is_remembered() {
        let calls = Calls::default();
        calls.note(&offer("a"));
        let told = convert::call(&offer("a"), &Aliases::default()).unwrap();
        let (peer, creator) = calls.way_back(&told);
        assert_eq!((peer.to_string(), creator.to_string()), ("123@lid".into(), "123:4@lid".into()));
        for i in 0..ROOM {
            calls.note(&offer(&format!("{i}")));
        }
        assert!(!calls.rings("a"));
        assert_eq!(calls.way_back(&told).1.to_string(), "123@lid");
    }
}
