//! Who has our sender key, and what groups look like.

use wacore::store::traits::Backend;

const SALES: &str = "120363000000000001@g.us";
const CHESS: &str = "120363000000000002@g.us";

async fn devices(backend: &dyn Backend, group: &str) -> Vec<(String, bool)> {
    let mut devices = backend.get_sender_key_devices(group).await.unwrap();
    devices.sort();
    devices
}

fn own(devices: &[(&str, bool)]) -> Vec<(String, bool)> {
    devices.iter().map(|(device, has_key)| ((*device).to_owned(), *has_key)).collect()
}

pub async fn sender_key_status_is_kept_by_group_and_device(backend: &dyn Backend) {
    assert_eq!(devices(backend, SALES).await, []);
    backend.set_sender_key_status(SALES, &[("a@lid", true), ("b@lid", true)]).await.unwrap();
    backend.set_sender_key_status(SALES, &[("b@lid", true), ("b@lid", false)]).await.unwrap();
    backend.set_sender_key_status(CHESS, &[("a@lid", false)]).await.unwrap();
    assert_eq!(devices(backend, SALES).await, own(&[("a@lid", true), ("b@lid", false)]));
    assert_eq!(devices(backend, CHESS).await, own(&[("a@lid", false)]));
}

pub async fn clearing_a_group_leaves_the_others(backend: &dyn Backend) {
    backend.set_sender_key_status(SALES, &[("a@lid", true)]).await.unwrap();
    backend.set_sender_key_status(CHESS, &[("a@lid", true)]).await.unwrap();
    backend.clear_sender_key_devices(SALES).await.unwrap();
    assert_eq!(devices(backend, SALES).await, []);
    assert_eq!(devices(backend, CHESS).await.len(), 1);
}

pub async fn a_device_is_forgotten_in_every_group(backend: &dyn Backend) {
    for group in [SALES, CHESS] {
        let entries = [("a@lid", true), ("b@lid", true), ("c@lid", true)];
        backend.set_sender_key_status(group, &entries).await.unwrap();
    }
    backend.delete_sender_key_device_rows(&["a@lid", "c@lid", "absent@lid"]).await.unwrap();
    for group in [SALES, CHESS] {
        assert_eq!(devices(backend, group).await, own(&[("b@lid", true)]));
    }
}

pub async fn all_groups_can_be_cleared(backend: &dyn Backend) {
    for group in [SALES, CHESS] {
        backend.set_sender_key_status(group, &[("a@lid", true)]).await.unwrap();
    }
    backend.clear_all_sender_key_devices().await.unwrap();
    for group in [SALES, CHESS] {
        assert_eq!(devices(backend, group).await, []);
    }
}

pub async fn group_metadata_is_kept_until_deleted(backend: &dyn Backend) {
    assert_eq!(backend.get_group_metadata(SALES).await.unwrap(), None);
    backend.put_group_metadata(SALES, b"one").await.unwrap();
    backend.put_group_metadata(SALES, b"two").await.unwrap();
    assert_eq!(backend.get_group_metadata(SALES).await.unwrap().unwrap(), b"two");
    assert_eq!(backend.get_group_metadata(CHESS).await.unwrap(), None);
    backend.delete_group_metadata(SALES).await.unwrap();
    assert_eq!(backend.get_group_metadata(SALES).await.unwrap(), None);
}
