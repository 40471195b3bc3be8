use wacore_binary::builder::NodeBuilder;

use super::*;
use crate::phone::history::Wanted;
use crate::state::queue::Queue;

fn account(ledger: Ledger) -> Account {
    let handset = Handset::new().unwrap();
    let (number, lid) = ("5511999990001".to_owned(), "100000000000001".to_owned());
    Account::new(number, lid, false, 0, "Ana".to_owned(), handset, Arc::new(ledger))
}

/// With one device, a message that came and went, and one more acquaintance.
fn busy(ledger: Ledger) -> Account {
    let account = account(ledger);
    let mut state = account.lock();
    let id = state.reserve_device().unwrap();
    let keys = state.handset().signal.bundle();
    let prekey = keys.prekey.clone().unwrap();
    state.link(Device {
        id,
        key_index: 1,
        platform: "chrome".to_owned(),
        name: "Test".to_owned(),
        noise: [0; 32],
        keys: PeerBundle { prekey: None, ..keys },
        prekeys: std::collections::VecDeque::new(),
        identity_proof: Vec::new(),
        push_name: String::new(),
        wants: Wanted::default(),
        has_app_state_keys: false,
        presence: None,
        queue: Queue::default(),
        delivery: None,
    });
    state.add_prekeys(id, vec![prekey]);
    let message = NodeBuilder::new("message").attr("id", "A").attr("from", "1@lid").build();
    assert!(state.enqueue(id, Arc::new(message)));
    state.meet("5511999990002");
    drop(state);
    account
}

#[test]
fn what_nobody_writes_down_is_not_remembered_as_changed() {
    let (ledger, _) = Ledger::open(None).unwrap();
    let account = busy(ledger);
    let changed = &account.lock().changed;
    assert!(!changed.any && !changed.account && !changed.handset);
    assert!(changed.queued.is_empty() && changed.devices.is_empty() && changed.prekeys.is_empty());
}

#[test]
fn taking_a_prekey_changes_neither_the_device_nor_the_phone() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(Some(directory.path())).unwrap();
    let account = busy(ledger);
    let mut state = account.lock();
    assert!(state.changed.any && state.changed.handset && state.changed.devices.contains(&1));
    state.changed = Changed::default();
    let taken = state.take_bundle(1).unwrap().prekey.unwrap();
    assert_eq!(state.changed.prekeys, BTreeSet::from([(1, taken.id)]));
    assert!(state.changed.any && !state.changed.handset && state.changed.devices.is_empty());
}

#[test]
fn device_numbers_end() {
    let (ledger, _) = Ledger::open(None).unwrap();
    let account = account(ledger);
    let mut state = account.lock();
    state.devices_ever = u16::MAX;
    assert!(matches!(state.reserve_device(), Err(Error::Conflict(_))));
}
