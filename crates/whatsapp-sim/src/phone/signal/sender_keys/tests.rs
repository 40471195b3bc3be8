use super::*;

const CHAT: &str = "120363000000000001@g.us";

fn text(text: &str) -> wa::Message {
    wa::Message { conversation: Some(text.to_owned()), ..Default::default() }
}

fn ana() -> DeviceAddress {
    DeviceAddress::new("5511999990001", 0)
}

fn bruno() -> DeviceAddress {
    DeviceAddress::new("5511999990002", 3)
}

/// Ana's phone, and Bruno's that has been given her key.
fn acquainted() -> (PhoneSignal, PhoneSignal) {
    let (mut a, mut b) = (PhoneSignal::generate().unwrap(), PhoneSignal::generate().unwrap());
    give(&mut a, &mut b);
    (a, b)
}

fn give(a: &mut PhoneSignal, b: &mut PhoneSignal) {
    let key = a.distribution(CHAT, &ana()).unwrap();
    b.take_key(CHAT, &ana(), &MessageField::some(key)).unwrap();
    a.has_key(CHAT, &ana(), &bruno());
}

#[test]
fn who_has_the_key_reads_what_is_written_from_then_on_once() {
    let (mut a, mut b) = acquainted();
    let sealed = ["1", "2"].map(|it| a.encrypt_for_chat(CHAT, &ana(), &text(it)).unwrap());
    for index in [1, 0] {
        let opened = b.decrypt_in_chat(CHAT, &ana(), &sealed[index]).unwrap();
        assert_eq!(opened, text(&(index + 1).to_string()));
    }
    let again = b.decrypt_in_chat(CHAT, &ana(), &sealed[0]);
    assert!(matches!(again, Err(SignalError::Duplicate)));
}

#[test]
fn a_key_is_good_for_its_author_and_chat_alone() {
    let (mut a, mut b) = acquainted();
    let sealed = a.encrypt_for_chat(CHAT, &ana(), &text("hello")).unwrap();
    for (chat, author) in [(CHAT, bruno()), ("status@broadcast", ana())] {
        let opened = b.decrypt_in_chat(chat, &author, &sealed);
        assert!(matches!(opened, Err(SignalError::Undecipherable(_))), "{opened:?}");
    }
    let mut forged = sealed.clone();
    *forged.last_mut().unwrap() ^= 1;
    b.decrypt_in_chat(CHAT, &ana(), &forged).unwrap_err();
    assert_eq!(b.decrypt_in_chat(CHAT, &ana(), &sealed).unwrap(), text("hello"));
}

#[test]
fn the_key_goes_to_who_lacks_it_and_is_another_once_somebody_has_left() {
    let (mut a, mut b) = acquainted();
    let other = DeviceAddress::new("5511999990003", 0);
    let both = [bruno(), other.clone()];
    assert_eq!(a.without_key(CHAT, &ana(), &both), both[1..]);
    a.has_key(CHAT, &ana(), &other);
    assert!(a.without_key(CHAT, &ana(), &both).is_empty());

    let left = [bruno()];
    assert_eq!(a.without_key(CHAT, &ana(), &left), left);
    let before = a.distribution(CHAT, &ana()).unwrap();
    let sealed = a.encrypt_for_chat(CHAT, &ana(), &text("among us")).unwrap();
    assert!(b.decrypt_in_chat(CHAT, &ana(), &sealed).is_err());
    b.take_key(CHAT, &ana(), &MessageField::some(before)).unwrap();
    assert_eq!(b.decrypt_in_chat(CHAT, &ana(), &sealed).unwrap(), text("among us"));
}

#[test]
fn keys_survive_a_restart_on_both_sides_and_are_gone_once_forgotten() {
    let (mut a, mut b) = acquainted();
    let restarted = |signal: &mut PhoneSignal| {
        let mut after = PhoneSignal::generate().unwrap();
        for name in signal.take_unstored_chains() {
            let stored = serde_json::to_string(&signal.chain(&name).unwrap()).unwrap();
            after.restore_chain(serde_json::from_str(&stored).unwrap()).unwrap();
        }
        after
    };
    let (mut a, mut b) = (restarted(&mut a), restarted(&mut b));
    assert!(a.without_key(CHAT, &ana(), &[bruno()]).is_empty());
    let sealed = a.encrypt_for_chat(CHAT, &ana(), &text("after")).unwrap();
    assert_eq!(b.decrypt_in_chat(CHAT, &ana(), &sealed).unwrap(), text("after"));

    let names = b.chains();
    b.take_unstored_chains();
    b.forget_chains();
    assert_eq!(b.take_unstored_chains(), names);
    assert!(names.iter().all(|name| b.chain(name).is_none()));
    let sealed = a.encrypt_for_chat(CHAT, &ana(), &text("lost")).unwrap();
    let opened = b.decrypt_in_chat(CHAT, &ana(), &sealed);
    assert!(matches!(opened, Err(SignalError::Undecipherable(_))));
}
