//! The device itself.

use wacore::store::Device;
use wacore::store::traits::Backend;

pub async fn a_created_device_exists_and_can_be_loaded(backend: &dyn Backend) {
    assert!(!backend.exists().await.unwrap());
    assert!(backend.load().await.unwrap().is_none());
    backend.create().await.unwrap();
    assert!(backend.exists().await.unwrap());
    assert!(!backend.load().await.unwrap().unwrap().is_registered());
}

pub async fn creating_again_keeps_the_device(backend: &dyn Backend) {
    backend.create().await.unwrap();
    let first = backend.load().await.unwrap().unwrap();
    backend.create().await.unwrap();
    let second = backend.load().await.unwrap().unwrap();
    assert_eq!(first.registration_id, second.registration_id);
    assert_eq!(first.adv_secret_key, second.adv_secret_key);
}

pub async fn a_saved_device_is_loaded_whole(backend: &dyn Backend) {
    let mut device = Device::new();
    device.pn = Some("5511999990001:7@s.whatsapp.net".parse().unwrap());
    device.lid = Some("100000000000001:7@lid".parse().unwrap());
    device.push_name.push_str("Ana");
    device.next_pre_key_id = 813;
    device.login_counter = 3;
    device.edge_routing_info = Some(vec![1, 2, 3]);
    backend.save(&Device::new()).await.unwrap();
    backend.save(&device).await.unwrap();
    let loaded = backend.load().await.unwrap().unwrap();
    assert_eq!(serde_json::to_string(&loaded).unwrap(), serde_json::to_string(&device).unwrap());
    assert_eq!(loaded.pn, device.pn);
    assert!(backend.exists().await.unwrap());
}
