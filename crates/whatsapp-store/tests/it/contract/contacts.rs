//! LID mappings, base keys and device lists.

use wacore::store::traits::{Backend, DeviceInfo, DeviceListRecord, LidPnMappingEntry};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";

fn mapping(lid: &str, phone: &str, updated_at: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: phone.to_owned(),
        created_at: 1_700_000_000,
        updated_at,
        learning_source: "usync".to_owned(),
    }
}

async fn lid_of(backend: &dyn Backend, phone: &str) -> Option<String> {
    backend.get_pn_mapping(phone).await.unwrap().map(|entry| entry.lid)
}

pub async fn a_lid_mapping_is_found_both_ways(backend: &dyn Backend) {
    assert!(backend.get_lid_mapping("100").await.unwrap().is_none());
    assert_eq!(lid_of(backend, ANA).await, None);
    backend.put_lid_mapping(&mapping("100", ANA, 5)).await.unwrap();
    let entry = backend.get_lid_mapping("100").await.unwrap().unwrap();
    assert_eq!(entry.phone_number, ANA);
    assert_eq!((entry.created_at, entry.updated_at), (1_700_000_000, 5));
    assert_eq!(entry.learning_source, "usync");
    assert_eq!(lid_of(backend, ANA).await.unwrap(), "100");
}

pub async fn a_batch_of_lid_mappings_is_kept_whole(backend: &dyn Backend) {
    let entries: Vec<_> =
        (0..1200).map(|n| mapping(&format!("{n}"), &format!("55119{n:08}"), n)).collect();
    backend.put_lid_mappings(&entries).await.unwrap();
    backend.put_lid_mappings(&[mapping("7", ANA, 1), mapping("7", BIA, 2)]).await.unwrap();
    assert_eq!(backend.get_all_lid_mappings().await.unwrap().len(), 1200);
    assert_eq!(backend.get_lid_mapping("7").await.unwrap().unwrap().phone_number, BIA);
}

pub async fn the_latest_lid_of_a_phone_number_wins(backend: &dyn Backend) {
    backend.put_lid_mapping(&mapping("100", ANA, 5)).await.unwrap();
    backend.put_lid_mapping(&mapping("200", ANA, 6)).await.unwrap();
    assert_eq!(lid_of(backend, ANA).await.unwrap(), "200");
    assert!(backend.get_lid_mapping("100").await.unwrap().is_some());
}

pub async fn a_lid_that_moves_leaves_its_old_number(backend: &dyn Backend) {
    backend.put_lid_mapping(&mapping("100", ANA, 5)).await.unwrap();
    backend.put_lid_mapping(&mapping("100", BIA, 6)).await.unwrap();
    assert_eq!(lid_of(backend, ANA).await, None);
    assert_eq!(lid_of(backend, BIA).await.unwrap(), "100");
}

pub async fn a_number_left_by_one_lid_keeps_the_other(backend: &dyn Backend) {
    backend.put_lid_mapping(&mapping("100", ANA, 5)).await.unwrap();
    backend.put_lid_mapping(&mapping("200", ANA, 6)).await.unwrap();
    backend.put_lid_mapping(&mapping("100", BIA, 7)).await.unwrap();
    assert_eq!(lid_of(backend, ANA).await.unwrap(), "200");
}

pub async fn base_keys_are_compared_by_address_and_message(backend: &dyn Backend) {
    let same = async |address: &str, message: &str, key: &[u8]| {
        backend.has_same_base_key(address, message, key).await.unwrap()
    };
    assert!(!same("a", "m", b"key").await);
    backend.save_base_key("a", "m", b"old").await.unwrap();
    backend.save_base_key("a", "m", b"key").await.unwrap();
    assert!(same("a", "m", b"key").await);
    assert!(!same("a", "m", b"old").await);
    assert!(!same("a", "n", b"key").await);
    assert!(!same("b", "m", b"key").await);
    backend.delete_base_key("a", "m").await.unwrap();
    assert!(!same("a", "m", b"key").await);
}

fn devices(user: &str, ids: &[u32]) -> DeviceListRecord {
    DeviceListRecord {
        user: user.to_owned(),
        devices: ids.iter().map(|id| DeviceInfo::new(*id, Some(id + 1))).collect(),
        timestamp: 1_700_000_000,
        phash: Some("2:abc".to_owned()),
        raw_id: Some(42),
    }
}

fn ids(record: &DeviceListRecord) -> Vec<u32> {
    record.devices.iter().map(|device| device.device_id).collect()
}

pub async fn device_lists_are_kept_by_user(backend: &dyn Backend) {
    assert!(backend.get_devices(ANA).await.unwrap().is_none());
    backend.update_device_list(devices(ANA, &[0])).await.unwrap();
    backend.update_device_list(devices(ANA, &[0, 7])).await.unwrap();
    let record = backend.get_devices(ANA).await.unwrap().unwrap();
    assert_eq!((record.user.as_str(), ids(&record)), (ANA, vec![0, 7]));
    assert_eq!(record.devices[1].key_index, Some(8));
    assert_eq!((record.timestamp, record.raw_id), (1_700_000_000, Some(42)));
    assert_eq!(record.phash.as_deref(), Some("2:abc"));
    backend.delete_devices(ANA).await.unwrap();
    assert!(backend.get_devices(ANA).await.unwrap().is_none());
}

pub async fn a_batch_of_device_lists_keeps_the_last_of_a_user(backend: &dyn Backend) {
    let records = vec![devices(ANA, &[0]), devices(BIA, &[0]), devices(ANA, &[0, 1])];
    backend.update_device_lists(records).await.unwrap();
    assert_eq!(ids(&backend.get_devices(ANA).await.unwrap().unwrap()), [0, 1]);
    assert_eq!(ids(&backend.get_devices(BIA).await.unwrap().unwrap()), [0]);
}
