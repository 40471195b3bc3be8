use waproto::buffa::MessageField;

use super::*;

fn text(text: &str) -> wa::Message {
    wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
}

fn ana() -> DeviceAddress {
    DeviceAddress::new("5511999990001", 0)
}

fn bruno() -> DeviceAddress {
    DeviceAddress::new("5511999990002", 3)
}

/// Ana's and Bruno's phones after Ana's first message.
fn acquainted() -> (PhoneSignal, PhoneSignal) {
    let (mut a, mut b) = (PhoneSignal::generate().unwrap(), PhoneSignal::generate().unwrap());
    let enc = a.encrypt(&bruno(), Some(&b.bundle()), &text("first")).unwrap();
    b.decrypt(&ana(), &enc).unwrap();
    (a, b)
}

fn restarted(signal: &PhoneSignal) -> PhoneSignal {
    let keys = serde_json::to_string(signal).unwrap();
    let mut restarted: PhoneSignal = serde_json::from_str(&keys).unwrap();
    for peer in signal.peers() {
        let session = serde_json::to_string(&signal.session(&peer).unwrap()).unwrap();
        restarted.restore(&serde_json::from_str(&session).unwrap()).unwrap();
    }
    restarted
}

#[test]
fn what_has_to_be_stored_is_said_once() {
    let (mut a, _) = acquainted();
    assert_eq!(a.take_unstored(), [bruno()].into());
    assert_eq!(a.take_unstored(), [].into());
    a.encrypt(&bruno(), None, &text("more")).unwrap();
    assert_eq!(a.take_unstored(), [bruno()].into());
    a.forget(&bruno());
    assert_eq!(a.take_unstored(), [bruno()].into());
    assert!(a.session(&bruno()).is_none());
}

#[test]
fn the_first_message_opens_a_session_and_the_answer_settles_it() {
    let (mut a, mut b) = (PhoneSignal::generate().unwrap(), PhoneSignal::generate().unwrap());

    let first = a.encrypt(&bruno(), Some(&b.bundle()), &text("hello")).unwrap();
    assert_eq!(first.kind, EncKind::Prekey);
    assert_eq!(b.decrypt(&ana(), &first).unwrap(), text("hello"));

    let answer = b.encrypt(&ana(), None, &text("hi")).unwrap();
    assert_eq!(answer.kind, EncKind::Message);
    assert_eq!(a.decrypt(&bruno(), &answer).unwrap(), text("hi"));
    assert_eq!(a.encrypt(&bruno(), None, &text("how")).unwrap().kind, EncKind::Message);
}

#[test]
fn a_bundle_without_a_one_time_prekey_is_enough() {
    let (mut a, mut b) = (PhoneSignal::generate().unwrap(), PhoneSignal::generate().unwrap());
    let enc = a.encrypt(&bruno(), Some(&b.long_term_bundle()), &text("hello")).unwrap();
    assert_eq!(b.decrypt(&ana(), &enc).unwrap(), text("hello"));
}

#[test]
fn without_session_and_bundle_nothing_is_encrypted() {
    let mut a = PhoneSignal::generate().unwrap();
    assert!(!a.has_session(&bruno()));
    assert!(matches!(a.encrypt(&bruno(), None, &text("hello")), Err(SignalError::NoSession)));
}

#[test]
fn messages_out_of_order_decrypt_and_a_second_copy_is_a_duplicate() {
    let (mut a, mut b) = acquainted();
    let encs: Vec<Enc> =
        ["1", "2", "3"].map(|t| a.encrypt(&bruno(), None, &text(t)).unwrap()).into();
    for index in [2, 0, 1] {
        let expected = text(&(index + 1).to_string());
        assert_eq!(b.decrypt(&ana(), &encs[index]).unwrap(), expected);
    }
    assert!(matches!(b.decrypt(&ana(), &encs[0]), Err(SignalError::Duplicate)));
}

#[test]
fn a_second_copy_of_an_opening_message_is_a_duplicate() {
    let (mut a, mut b) = (PhoneSignal::generate().unwrap(), PhoneSignal::generate().unwrap());
    let enc = a.encrypt(&bruno(), Some(&b.bundle()), &text("hello")).unwrap();
    b.decrypt(&ana(), &enc).unwrap();
    assert!(matches!(b.decrypt(&ana(), &enc), Err(SignalError::Duplicate)));
}

#[test]
fn a_phone_that_lost_its_session_recovers_by_a_fresh_one() {
    let (mut a, mut b) = acquainted();
    b.forget(&ana());
    let answered = a.encrypt(&bruno(), None, &text("lost")).unwrap();
    // Still an opening message, but its one-time prekey is spent.
    assert!(matches!(b.decrypt(&ana(), &answered), Err(SignalError::Undecipherable(_))));

    let again = a.encrypt(&bruno(), Some(&b.bundle()), &text("lost")).unwrap();

    assert_eq!(again.kind, EncKind::Prekey);
    assert_eq!(b.decrypt(&ana(), &again).unwrap(), text("lost"));
}

#[test]
fn a_fresh_session_still_opens_what_was_under_way_in_the_old_one() {
    let (mut a, mut b) = acquainted();
    let under_way = a.encrypt(&bruno(), None, &text("old")).unwrap();
    let fresh = a.encrypt(&bruno(), Some(&b.bundle()), &text("new")).unwrap();
    assert_eq!(b.decrypt(&ana(), &fresh).unwrap(), text("new"));
    assert_eq!(b.decrypt(&ana(), &under_way).unwrap(), text("old"));
}

#[test]
fn a_forged_message_is_refused_and_harms_nothing() {
    let (mut a, mut b) = acquainted();
    let answer = b.encrypt(&ana(), None, &text("answer")).unwrap();
    a.decrypt(&bruno(), &answer).unwrap();
    let genuine = a.encrypt(&bruno(), None, &text("genuine")).unwrap();
    assert_eq!(genuine.kind, EncKind::Message, "which ends in its authentication tag");
    let mut forged = genuine.clone();
    *forged.bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(b.decrypt(&ana(), &forged), Err(SignalError::Undecipherable(_))));
    assert_eq!(b.decrypt(&ana(), &genuine).unwrap(), text("genuine"));
}

#[test]
fn a_bundle_signed_by_another_is_refused() {
    let (mut a, mut b) = (PhoneSignal::generate().unwrap(), PhoneSignal::generate().unwrap());
    let forged = PeerBundle { identity: [8; 32], ..b.bundle() };
    assert!(matches!(
        a.encrypt(&bruno(), Some(&forged), &text("hello")),
        Err(SignalError::Bundle(_))
    ));
    assert!(!a.has_session(&bruno()));
}

#[test]
fn keys_and_sessions_survive_a_restart_on_both_sides() {
    let (a, b) = acquainted();
    let (mut a, mut b) = (restarted(&a), restarted(&b));
    assert_eq!(a.identity_public(), restarted(&a).identity_public());

    let enc = b.encrypt(&ana(), None, &text("after")).unwrap();
    assert_eq!(a.decrypt(&bruno(), &enc).unwrap(), text("after"));
    let enc = a.encrypt(&bruno(), None, &text("too")).unwrap();
    assert_eq!(b.decrypt(&ana(), &enc).unwrap(), text("too"));
}

#[test]
fn a_prekey_handed_out_before_a_restart_still_works_after_it() {
    let (mut a, mut b) = (PhoneSignal::generate().unwrap(), PhoneSignal::generate().unwrap());
    let enc = a.encrypt(&bruno(), Some(&b.bundle()), &text("hello")).unwrap();
    let mut b = restarted(&b);
    assert_eq!(b.decrypt(&ana(), &enc).unwrap(), text("hello"));
    assert_ne!(b.bundle().prekey.unwrap().id, 1);
}

#[test]
fn a_nested_message_arrives_whole() {
    let (mut a, mut b) = acquainted();
    let sent = wa::Message {
        device_sent_message: MessageField::some(wa::message::DeviceSentMessage {
            destination_jid: Some("5511999990003@s.whatsapp.net".to_owned()),
            message: MessageField::some(text("typed")),
            ..Default::default()
        }),
        ..Default::default()
    };
    let enc = a.encrypt(&bruno(), None, &sent).unwrap();
    assert_eq!(b.decrypt(&ana(), &enc).unwrap(), sent);
}
