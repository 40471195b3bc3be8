//! App-state keys, versions and mutation MACs.

use wacore::appstate::hash::HashState;
use wacore::store::traits::{AppStateSyncKey, Backend};
use wacore_appstate::processor::AppStateMutationMAC;

fn key(byte: u8) -> AppStateSyncKey {
    AppStateSyncKey {
        key_data: vec![byte; 32],
        fingerprint: vec![byte],
        timestamp: 1_700_000_000 + i64::from(byte),
    }
}

fn mac(index: u8, value: u8) -> AppStateMutationMAC {
    AppStateMutationMAC { index_mac: vec![index; 32], value_mac: vec![value; 32] }
}

pub async fn sync_keys_are_kept_and_the_latest_is_the_last_stored(backend: &dyn Backend) {
    assert!(backend.get_sync_key(b"a").await.unwrap().is_none());
    assert_eq!(backend.get_latest_sync_key_id().await.unwrap(), None);
    for (id, byte) in [(b"a", 1), (b"b", 2), (b"a", 3)] {
        backend.set_sync_key(id, key(byte)).await.unwrap();
        assert_eq!(backend.get_latest_sync_key_id().await.unwrap().unwrap(), id);
    }
    let stored = backend.get_sync_key(b"a").await.unwrap().unwrap();
    assert_eq!(stored.key_data, [3; 32]);
    assert_eq!((stored.fingerprint, stored.timestamp), (vec![3], 1_700_000_003));
    assert_eq!(backend.get_sync_key(b"b").await.unwrap().unwrap().key_data, [2; 32]);
}

pub async fn an_unknown_collection_is_at_version_zero(backend: &dyn Backend) {
    let state = backend.get_version("regular").await.unwrap();
    let fresh = HashState::default();
    assert_eq!((state.version, state.hash), (fresh.version, fresh.hash));
}

pub async fn collections_keep_their_state(backend: &dyn Backend) {
    let mut state = HashState { version: 7, hash: [9; 128], ..HashState::default() };
    state.index_value_map.insert("index".to_owned(), vec![1, 2, 3]);
    backend.set_version("regular", state.clone()).await.unwrap();
    backend.set_version("critical_block", HashState::default()).await.unwrap();
    state.version = 8;
    state.mac_mismatch_fatal = true;
    backend.set_version("regular", state.clone()).await.unwrap();
    let stored = backend.get_version("regular").await.unwrap();
    assert_eq!((stored.version, stored.hash), (8, [9; 128]));
    assert_eq!(stored.index_value_map, state.index_value_map);
    assert!(stored.mac_mismatch_fatal);
}

pub async fn mutation_macs_are_kept_by_collection_and_index(backend: &dyn Backend) {
    backend.put_mutation_macs("regular", 1, &[mac(1, 10), mac(2, 20)]).await.unwrap();
    backend.put_mutation_macs("regular", 2, &[mac(1, 11), mac(1, 12)]).await.unwrap();
    let found = async |name, index: u8| backend.get_mutation_mac(name, &[index; 32]).await.unwrap();
    assert_eq!(found("regular", 1).await.unwrap(), [12; 32]);
    assert_eq!(found("regular", 2).await.unwrap(), [20; 32]);
    assert_eq!(found("regular_low", 1).await, None);
    backend.delete_mutation_macs("regular", &[vec![1; 32], vec![9; 32]]).await.unwrap();
    assert_eq!(found("regular", 1).await, None);
    assert!(found("regular", 2).await.is_some());
}

pub async fn many_mutation_macs_are_found_at_once(backend: &dyn Backend) {
    let index = |n: u16| {
        let mut index = [0; 32];
        index[..2].copy_from_slice(&n.to_be_bytes());
        index
    };
    let macs: Vec<_> = (0..1500)
        .map(|n| AppStateMutationMAC {
            index_mac: index(n).to_vec(),
            value_mac: n.to_be_bytes().to_vec(),
        })
        .collect();
    backend.put_mutation_macs("regular", 1, &macs).await.unwrap();
    let asked: Vec<_> = (0..3000).map(index).collect();
    let found = backend.get_mutation_macs("regular", &asked).await.unwrap();
    assert_eq!(found.len(), 1500);
    assert_eq!(found[&index(1499)], 1499u16.to_be_bytes());
}

pub async fn clearing_a_collection_leaves_the_others(backend: &dyn Backend) {
    backend.put_mutation_macs("regular", 1, &[mac(1, 10)]).await.unwrap();
    backend.put_mutation_macs("regular_high", 1, &[mac(1, 11)]).await.unwrap();
    backend.clear_mutation_macs("regular").await.unwrap();
    assert_eq!(backend.get_mutation_mac("regular", &[1; 32]).await.unwrap(), None);
    assert!(backend.get_mutation_mac("regular_high", &[1; 32]).await.unwrap().is_some());
}
