use chrono::DateTime;

use super::*;
use crate::calls::Calls;

const PHONE: &str = "5511999990001@s.whatsapp.net";
const GROUP: &str = "120363000000000001@g.us";

fn offer(creator: &str, caller_pn: Option<&str>, group: Option<&str>) -> LibraryCall {
    let action = Library::Offer {
        call_id: "CALL1".to_owned(),
        call_creator: creator.parse().unwrap(),
        caller_pn: caller_pn.map(|jid| jid.parse().unwrap()),
        caller_country_code: None,
        device_class: None,
        joinable: false,
        is_video: true,
        audio: Vec::new(),
        group_jid: group.map(|jid| jid.parse().unwrap()),
    };
    let from = group.unwrap_or(creator).parse().unwrap();
    let mut call = LibraryCall::new_for_test(from, "1".to_owned(), DateTime::UNIX_EPOCH, action);
    call.notify = Some("Ana".to_owned());
    call
}

/// What follows an offer.
fn then(action: impl FnOnce(String, LibraryJid) -> Library) -> LibraryCall {
    let mut call = offer("123:3@lid", None, None);
    call.notify = None;
    call.action = action("CALL1".to_owned(), "123:3@lid".parse().unwrap());
    call
}

fn end_of(reason: Option<&str>) -> LibraryCall {
    then(|call_id, call_creator| Library::Terminate {
        call_id,
        call_creator,
        reason: reason.map(str::to_owned),
        duration: Some(61),
        audio_duration: None,
    })
}

/// What is told of each of these in turn, as one session hears them.
fn told(calls: &[LibraryCall]) -> Vec<Option<(EventKey, CallUpdate)>> {
    let memory = Calls::default();
    let tell = |heard: &LibraryCall| {
        memory.note(heard);
        call(heard, memory.known("CALL1").as_ref(), &Aliases::default())
    };
    calls.iter().map(tell).collect()
}

fn first(heard: &LibraryCall, aliases: &Aliases) -> (IncomingCall, CallUpdate) {
    let memory = Calls::default();
    memory.note(heard);
    let known = memory.known("CALL1");
    let rings = ringing(heard, known.as_ref(), aliases).unwrap();
    (rings, call(heard, known.as_ref(), aliases).unwrap().1)
}

#[test]
fn who_calls_is_told_by_phone_number() {
    let table = [("5511999990001:3@s.whatsapp.net", None), ("123:3@lid", Some(PHONE))];
    for (creator, caller_pn) in table {
        let (rings, update) = first(&offer(creator, caller_pn, None), &Aliases::default());
        assert_eq!(
            (rings.from.jid.user(), rings.from.name.as_deref()),
            ("5511999990001", Some("Ana"))
        );
        assert!(!rings.is_group && rings.is_video);
        assert_eq!((update.from, update.is_video), (rings.from, true), "{creator}");
    }
    let mut aliases = Aliases::default();
    aliases.add("5511999990001", "123");
    let (rings, _) = first(&offer("123:3@lid", None, None), &aliases);
    assert_eq!((rings.from.jid.user(), rings.creator.user()), ("5511999990001", "123"));
}

#[test]
fn a_call_of_a_group_is_from_whoever_made_it() {
    let (rings, update) = first(&offer(PHONE, None, Some(GROUP)), &Aliases::default());
    assert_eq!((rings.from.jid.user(), rings.is_group), ("5511999990001", true));
    assert_eq!((update.group.unwrap().to_string().as_str(), update.is_group), (GROUP, true));
}

#[test]
fn what_follows_an_offer_is_told_with_what_the_offer_said() {
    let accept =
        then(|call_id, call_creator| Library::Accept { call_id, call_creator, audio: Vec::new() });
    let latency = then(|call_id, call_creator| Library::RelayLatency { call_id, call_creator });
    let told = told(&[offer("123:3@lid", Some(PHONE), None), accept, latency, end_of(None)]);
    let [Some(offered), Some(accepted), Some(measured), Some(ended)] = &told[..] else {
        panic!("{told:?}")
    };
    for (_, update) in [offered, accepted, measured, ended] {
        assert_eq!((update.from.jid.to_string().as_str(), update.is_video), (PHONE, true));
        assert_eq!(update.from.name.as_deref(), Some("Ana"));
    }
    assert_eq!(measured.1.action, CallAction::Latency);
    assert_eq!(
        (ended.1.action, &ended.1.reason, ended.1.duration),
        (CallAction::Terminated, &None, Some(61))
    );
    let keys: Vec<_> = told.iter().flatten().map(|(key, _)| key.0.as_str()).collect();
    let expected =
        ["call|CALL1|offer", "call|CALL1|accepted", "call|CALL1|latency", "call|CALL1|terminated"];
    assert_eq!(keys, expected);
}

#[test]
fn the_reason_of_the_end_says_what_became_of_the_call() {
    let table = [
        (None, CallAction::Terminated, Some("missed")),
        (Some("timeout"), CallAction::Terminated, Some("missed")),
        (Some("group_call_ended"), CallAction::Terminated, Some("missed")),
        (Some("accepted_elsewhere"), CallAction::Accepted, Some("accepted_elsewhere")),
        (Some("rejected_elsewhere"), CallAction::Rejected, Some("rejected_elsewhere")),
        (Some("relay_bind_failed"), CallAction::Terminated, Some("relay_bind_failed")),
    ];
    for (reason, action, word) in table {
        for heard in [vec![end_of(reason)], vec![offer("123:3@lid", None, None), end_of(reason)]] {
            let (_, update) = told(&heard).pop().flatten().unwrap();
            assert_eq!((update.action, update.reason.as_deref()), (action, word));
        }
    }
}

#[test]
fn a_declined_call_was_not_missed_and_a_busy_device_declines_nothing() {
    let reject = |reason: Option<&str>| {
        let reason = reason.map(str::to_owned);
        then(|call_id, call_creator| Library::Reject { call_id, call_creator, reason })
    };
    let rings = offer("123:3@lid", None, None);
    let told = told(&[rings, reject(Some("busy")), reject(None), end_of(None)]);
    let reasons: Vec<_> = told
        .iter()
        .flatten()
        .map(|(key, update)| (key.0.as_str(), update.reason.as_deref()))
        .collect();
    let expected = [
        ("call|CALL1|offer", None),
        ("call|CALL1|busy", Some("busy")),
        ("call|CALL1|rejected", None),
        ("call|CALL1|terminated", None),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn a_call_that_nobody_was_there_for_was_missed() {
    let mut offered = offer("123:3@lid", Some(PHONE), None);
    offered.offline = true;
    let told = told(&[offered, end_of(None)]);
    for (key, update) in told.iter().flatten() {
        let told = (key.0.as_str(), update.reason.as_deref());
        assert_eq!(told, ("call|CALL1|terminated", Some("missed")));
        assert_eq!((update.from.jid.to_string().as_str(), update.is_video), (PHONE, true));
    }
    assert_eq!(told.iter().flatten().count(), 2);
}

#[test]
fn what_both_sides_do_to_prepare_a_call_is_not_told() {
    let preaccept = then(|call_id, call_creator| Library::PreAccept {
        call_id,
        call_creator,
        audio: Vec::new(),
    });
    let transport = then(|call_id, call_creator| Library::Transport {
        call_id,
        call_creator,
        p2p_cand_round: None,
        transport_message_type: None,
    });
    assert_eq!(told(&[preaccept, transport]), [None, None]);
}
