//! One-time prekeys and signed prekeys.

use bytes::Bytes;
use wacore::store::traits::Backend;

pub async fn prekeys_are_kept_by_id(backend: &dyn Backend) {
    assert_eq!(backend.load_prekey(1).await.unwrap(), None);
    backend.store_prekey(1, b"one", false).await.unwrap();
    backend.store_prekey(u32::MAX, b"last", false).await.unwrap();
    backend.store_prekey(1, b"one again", true).await.unwrap();
    assert_eq!(backend.load_prekey(1).await.unwrap().unwrap(), "one again");
    assert_eq!(backend.load_prekey(u32::MAX).await.unwrap().unwrap(), "last");
    backend.remove_prekey(1).await.unwrap();
    assert_eq!(backend.load_prekey(1).await.unwrap(), None);
}

pub async fn a_full_upload_of_prekeys_is_kept_whole(backend: &dyn Backend) {
    // More than fit into one statement.
    let keys: Vec<(u32, Bytes)> =
        (1..=2500).map(|id: u32| (id, Bytes::copy_from_slice(&id.to_be_bytes()))).collect();
    let ids: Vec<u32> = (1..=2500).collect();
    backend.store_prekeys_batch(&keys, false).await.unwrap();
    backend.mark_prekeys_uploaded(&ids).await.unwrap();
    assert_eq!(backend.load_prekeys_batch(&ids).await.unwrap(), keys);
    assert_eq!(backend.get_max_prekey_id().await.unwrap(), 2500);
}

pub async fn only_prekeys_that_exist_are_loaded_and_in_the_order_asked(backend: &dyn Backend) {
    let keys = [1, 2, 3].map(|id| (id, Bytes::from(vec![u8::try_from(id).unwrap()])));
    backend.store_prekeys_batch(&keys, false).await.unwrap();
    let loaded = backend.load_prekeys_batch(&[3, 9, 1]).await.unwrap();
    assert_eq!(loaded, [keys[2].clone(), keys[0].clone()]);
}

pub async fn marking_a_prekey_uploaded_does_not_bring_it_back(backend: &dyn Backend) {
    backend.store_prekey(1, b"one", false).await.unwrap();
    backend.store_prekey(2, b"two", false).await.unwrap();
    backend.remove_prekey(1).await.unwrap();
    backend.mark_prekeys_uploaded(&[1, 2, 3]).await.unwrap();
    assert_eq!(backend.load_prekey(1).await.unwrap(), None);
    assert_eq!(backend.load_prekey(3).await.unwrap(), None);
}

pub async fn marking_a_prekey_uploaded_keeps_its_record(backend: &dyn Backend) {
    backend.store_prekey(1, b"one", false).await.unwrap();
    backend.mark_prekeys_uploaded(&[1]).await.unwrap();
    assert_eq!(backend.load_prekey(1).await.unwrap().unwrap(), "one");
}

pub async fn the_highest_prekey_id_is_that_of_what_is_stored(backend: &dyn Backend) {
    assert_eq!(backend.get_max_prekey_id().await.unwrap(), 0);
    backend.store_prekey(7, b"seven", false).await.unwrap();
    backend.store_prekey(3, b"three", false).await.unwrap();
    assert_eq!(backend.get_max_prekey_id().await.unwrap(), 7);
    backend.remove_prekey(7).await.unwrap();
    assert_eq!(backend.get_max_prekey_id().await.unwrap(), 3);
}

pub async fn signed_prekeys_are_kept_by_id(backend: &dyn Backend) {
    assert_eq!(backend.load_signed_prekey(1).await.unwrap(), None);
    backend.store_signed_prekey(1, b"one").await.unwrap();
    backend.store_signed_prekey(2, b"two").await.unwrap();
    backend.store_signed_prekey(1, b"one again").await.unwrap();
    assert_eq!(backend.load_signed_prekey(1).await.unwrap().unwrap(), b"one again");
    let mut all = backend.load_all_signed_prekeys().await.unwrap();
    all.sort();
    assert_eq!(all, [(1, b"one again".to_vec()), (2, b"two".to_vec())]);
    backend.remove_signed_prekey(1).await.unwrap();
    assert_eq!(backend.load_signed_prekey(1).await.unwrap(), None);
    assert_eq!(backend.load_all_signed_prekeys().await.unwrap().len(), 1);
}
