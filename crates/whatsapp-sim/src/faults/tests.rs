use serde_json::{Value, json};

use super::*;

const ANA: &str = "5511999990001";
const BRUNO: &str = "5511999990002";
/// 2026-01-01T00:00:00Z
const NOW: u64 = 1_767_225_600_000;

fn checked(request: Value) -> Result<NewFault, String> {
    let request: FaultRequest = serde_json::from_value(request).map_err(|e| e.to_string())?;
    request.check(NOW).map_err(|e| e.to_string())
}

fn fault(request: Value) -> NewFault {
    checked(request).unwrap()
}

/// With one fault for Ana, whose client is not connected.
fn waiting(request: Value) -> Faults {
    let faults = Faults::default();
    let (_, now) = faults.add(fault(request), false);
    assert_eq!(now, None);
    faults
}

fn decide(faults: &Faults, number: &str, point: Point, now: u64) -> Option<Action> {
    faults.decide_at(number, point, now, |_| true)
}

#[test]
fn a_fault_strikes_its_number_only_and_as_often_as_asked() {
    let faults = waiting(json!({ "number": ANA, "fault": "refuse", "code": 463, "count": 2 }));
    assert_eq!(decide(&faults, BRUNO, Point::Message, NOW), None);
    assert_eq!(decide(&faults, ANA, Point::Login, NOW), None);
    for _ in 0..2 {
        assert_eq!(decide(&faults, ANA, Point::Message, NOW), Some(Action::Refuse(463)));
    }
    assert_eq!(decide(&faults, ANA, Point::Message, NOW), None);
    assert_eq!(faults.list(), []);
}

#[test]
fn a_fault_for_all_strikes_anybody() {
    let faults = waiting(json!({ "all": true, "fault": "delay-ack", "ms": 250, "count": 2 }));
    let late = Some(Action::DelayAck(Duration::from_millis(250)));
    assert_eq!(decide(&faults, ANA, Point::Message, NOW), late);
    assert_eq!(decide(&faults, BRUNO, Point::Message, NOW), late);
    assert_eq!(decide(&faults, ANA, Point::Message, NOW), None);
}

#[test]
fn a_fault_with_an_end_strikes_until_then() {
    let until = "2026-01-01T00:00:01+00:00";
    let faults = waiting(json!({ "number": ANA, "fault": "hold-acks", "until": until }));
    for _ in 0..3 {
        assert_eq!(decide(&faults, ANA, Point::Message, NOW + 999), Some(Action::HoldAck));
    }
    assert_eq!(decide(&faults, ANA, Point::Message, NOW + 1000), None);
}

#[test]
fn a_temporary_ban_says_how_long_it_still_lasts() {
    let faults = waiting(json!({ "number": ANA, "fault": "temp-ban", "code": 104, "seconds": 60 }));
    let refusal = |left| Some(Action::Fail(Failure { reason: 402, ban: Some((104, left)) }));
    assert_eq!(decide(&faults, ANA, Point::Login, NOW), refusal(60));
    assert_eq!(decide(&faults, ANA, Point::Login, NOW + 58_500), refusal(2));
    assert_eq!(decide(&faults, ANA, Point::Login, NOW + 60_000), None);
}

#[test]
fn a_connected_client_is_struck_at_once_and_that_counts() {
    let faults = Faults::default();
    let request = json!({ "number": ANA, "fault": "drop", "count": 2 });
    let (_, now) = faults.add(fault(request), true);
    assert_eq!(now, Some(Action::Drop));
    assert_eq!(decide(&faults, ANA, Point::LoggedIn, NOW), Some(Action::Drop));
    assert_eq!(decide(&faults, ANA, Point::LoggedIn, NOW), None);
}

#[test]
fn a_ban_ends_the_connection_and_refuses_every_login_until_it_is_cleared() {
    let faults = Faults::default();
    let ban = Some(Action::Fail(Failure { reason: 403, ban: None }));
    let (_, now) = faults.add(fault(json!({ "number": ANA, "fault": "ban" })), true);
    assert_eq!(now, ban);
    for _ in 0..3 {
        assert_eq!(decide(&faults, ANA, Point::Login, NOW), ban);
    }
    faults.clear();
    assert_eq!(decide(&faults, ANA, Point::Login, NOW), None);
}

#[test]
fn one_refused_login_is_not_spent_on_the_connection_it_ends() {
    let faults = Faults::default();
    let request = json!({ "number": ANA, "fault": "outdated", "count": 1 });
    let outdated = Some(Action::Fail(Failure { reason: 405, ban: None }));
    assert_eq!(faults.add(fault(request), true).1, outdated);
    assert_eq!(decide(&faults, ANA, Point::Login, NOW), outdated);
    assert_eq!(decide(&faults, ANA, Point::Login, NOW), None);
}

#[test]
fn unlinking_needs_no_connection_and_leaves_nothing_behind() {
    let faults = Faults::default();
    let (_, now) = faults.add(fault(json!({ "number": ANA, "fault": "unlink" })), false);
    assert_eq!(now, Some(Action::Unlink));
    assert_eq!(faults.list(), []);
}

#[test]
fn unlinking_can_be_asked_for_several_times_and_until_a_moment() {
    let faults = Faults::default();
    let twice = json!({ "number": ANA, "fault": "unlink", "count": 2 });
    assert_eq!(faults.add(fault(twice), false).1, Some(Action::Unlink));
    assert_eq!(decide(&faults, ANA, Point::LoggedIn, NOW), Some(Action::Unlink));
    assert_eq!(decide(&faults, ANA, Point::LoggedIn, NOW), None);

    let until = "2099-01-01T00:00:00Z";
    let lasting = json!({ "number": ANA, "fault": "unlink", "until": until });
    assert_eq!(faults.add(fault(lasting), false).1, Some(Action::Unlink));
    for _ in 0..3 {
        assert_eq!(decide(&faults, ANA, Point::LoggedIn, NOW), Some(Action::Unlink));
    }
}

#[test]
fn what_cannot_be_done_at_a_point_waits_for_the_next() {
    let faults = waiting(json!({ "number": ANA, "fault": "redeliver", "messageId": "A1" }));
    assert_eq!(faults.decide_at(ANA, Point::LoggedIn, NOW, |_| false), None);
    assert!(decide(&faults, ANA, Point::LoggedIn, NOW).is_some());
}

#[test]
fn a_fault_that_is_over_strikes_nobody() {
    let faults = Faults::default();
    let drop = Fault::Drop;
    let over = NewFault { target: Target::All, fault: drop, limit: Limit::Until(1) };
    assert_eq!(faults.add(over, true).1, None);
    assert_eq!(faults.list(), []);
}

#[test]
fn the_oldest_fault_strikes_first() {
    let faults = waiting(json!({ "number": ANA, "fault": "refuse", "code": 429 }));
    faults.add(fault(json!({ "all": true, "fault": "hold-acks" })), false);
    assert_eq!(decide(&faults, ANA, Point::Message, NOW), Some(Action::Refuse(429)));
    assert_eq!(decide(&faults, ANA, Point::Message, NOW), Some(Action::HoldAck));
}

#[test]
fn every_other_fault_has_its_point() {
    for (request, point, action) in [
        (
            json!({ "fault": "stall", "ms": 5 }),
            Point::LoggedIn,
            Action::Stall(Duration::from_millis(5)),
        ),
        (json!({ "fault": "replace" }), Point::LoggedIn, Action::Replace),
        (
            json!({ "fault": "redeliver", "messageId": "A1" }),
            Point::LoggedIn,
            Action::Redeliver("A1".to_owned()),
        ),
        (json!({ "fault": "forbid-pairing" }), Point::Pairing, Action::ForbidPairing),
        (json!({ "fault": "throttle-codes" }), Point::Code, Action::ThrottleCodes),
        (json!({ "fault": "expire-media" }), Point::Media, Action::ExpireMedia),
        (json!({ "fault": "media-down" }), Point::Media, Action::DropMedia),
    ] {
        let mut request = request;
        request["number"] = json!(ANA);
        let faults = waiting(request);
        assert_eq!(decide(&faults, ANA, point, NOW), Some(action));
    }
}

#[test]
fn the_list_says_what_was_asked_for_and_what_is_left_of_it() {
    let faults = waiting(json!({ "number": ANA, "fault": "refuse", "code": 463, "count": 2 }));
    let until = "2099-01-01T02:00:00.5+02:00";
    faults.add(fault(json!({ "all": true, "fault": "stall", "ms": 9, "until": until })), false);
    faults.add(fault(json!({ "all": true, "fault": "ban" })), false);
    decide(&faults, ANA, Point::Message, NOW);
    assert_eq!(
        serde_json::to_value(faults.list()).unwrap(),
        json!([
            { "id": 1, "number": ANA, "fault": "refuse", "code": 463, "count": 1 },
            { "id": 2, "all": true, "fault": "stall", "ms": 9, "until": "2099-01-01T00:00:00.500Z" },
            { "id": 3, "all": true, "fault": "ban" },
        ])
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    for (request, reason) in [
        (json!({ "fault": "drop" }), "either `number` or"),
        (json!({ "fault": "drop", "number": ANA, "all": true }), "either `number` or"),
        (json!({ "fault": "explode", "all": true }), "no fault `explode`"),
        (json!({ "fault": "stall", "all": true }), "`ms`"),
        (json!({ "fault": "refuse", "all": true, "code": 200 }), "`code`"),
        (json!({ "fault": "redeliver", "all": true }), "`messageId`"),
        (json!({ "fault": "temp-ban", "all": true, "seconds": 0 }), "`seconds`"),
        (json!({ "fault": "drop", "all": true, "ms": 5 }), "has no `ms`"),
        (json!({ "fault": "drop", "all": true, "count": 0 }), "`count`"),
        (json!({ "fault": "drop", "all": true, "until": "tomorrow" }), "RFC 3339"),
        (json!({ "fault": "ban", "all": true, "until": "2026-01-01T00:00:00Z" }), "over already"),
        (json!({ "fault": "temp-ban", "all": true, "seconds": 9, "code": 105 }), "`code`"),
        (json!({ "fault": "drop", "all": true, "count": 1, "until": "x" }), "either `count` or"),
        (json!({ "fault": "drop", "all": true, "often": 1 }), "unknown field"),
    ] {
        let refusal = checked(request.clone()).unwrap_err();
        assert!(refusal.contains(reason), "{request}: {refusal}");
    }
}
