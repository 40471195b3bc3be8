//! What is private is unreadable in the database, and opens in its own row only.

use std::sync::Arc;

use wacore::store::Device;
use wacore::store::traits::{
    AppStateSyncKey, AppSyncStore as _, DeviceStore as _, MsgSecretStore as _, ProtocolStore as _,
    SignalStore as _,
};
use wharf_seal::{Keyring, MasterKey, Random, SystemRandom};
use wharf_whatsapp_store::StoreFactory;

use crate::home::{Home, INSTANCE, OTHER_INSTANCE};

fn secret(name: &str) -> Vec<u8> {
    format!("<private {name} material>").into_bytes()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Bytes as the library's JSON writes them.
fn as_json(bytes: &[u8]) -> Vec<u8> {
    let json = serde_json::to_string(bytes).unwrap();
    json.trim_matches(['[', ']']).as_bytes().to_vec()
}

#[tokio::test]
async fn no_private_key_is_readable_in_the_file() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    let device = Device::new();
    backend.save(&device).await.unwrap();
    backend
        .store_pending_inbound("a@lid", "a@lid", "M1", &secret("pending message"))
        .await
        .unwrap();
    backend
        .put_msg_secret("a@lid", "a@lid", "M1", b"<a private message secret of 32>")
        .await
        .unwrap();
    backend.put_session("a@lid", &secret("session")).await.unwrap();
    backend.store_prekey(1, &secret("prekey"), false).await.unwrap();
    backend.store_signed_prekey(1, &secret("signed prekey")).await.unwrap();
    backend.put_sender_key("g@g.us::a", &secret("sender key")).await.unwrap();
    let sync_key = AppStateSyncKey { key_data: secret("sync key"), ..AppStateSyncKey::default() };
    backend.set_sync_key(b"k", sync_key).await.unwrap();
    backend.store_sent_message("a@lid", "M1", &secret("sent message")).await.unwrap();
    // Proves that the search would find what is there.
    backend.put_group_metadata("g@g.us", b"<public metadata>").await.unwrap();
    home.db.close().await.unwrap();

    let file = home.bytes();
    assert!(contains(&file, b"<public metadata>"));
    assert!(!contains(&file, b"<private"), "a record");
    assert!(!contains(&file, b"<a private message secret"), "a message secret");
    assert!(!contains(&file, &as_json(&secret("sync key"))), "an app-state key");
    let private = [
        device.adv_secret_key.to_vec(),
        device.noise_key.private_key.serialize().to_vec(),
        device.identity_key.private_key.serialize().to_vec(),
        device.signed_pre_key.private_key.serialize().to_vec(),
    ];
    for key in private {
        assert_eq!(key.len(), 32);
        assert!(!contains(&file, &key) && !contains(&file, &as_json(&key)), "a device key");
    }
}

#[tokio::test]
async fn a_session_moved_to_another_row_is_refused() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    backend.put_session("a@lid", b"a's").await.unwrap();
    backend.put_session("b@lid", b"b's").await.unwrap();
    home.tamper(
        "UPDATE wa_session SET record = (SELECT record FROM wa_session WHERE address = 'a@lid')
         WHERE address = 'b@lid'",
    )
    .await;
    assert_eq!(backend.get_session("a@lid").await.unwrap().unwrap(), "a's");
    backend.get_session("b@lid").await.unwrap_err();
}

#[tokio::test]
async fn a_value_moved_to_another_instance_is_refused() {
    let home = Home::sqlite().await;
    let factory = home.factory();
    let other = factory.open(OTHER_INSTANCE).await.unwrap();
    home.open().await.create().await.unwrap();
    other.create().await.unwrap();
    let moved = home
        .tamper(
            "UPDATE wa_device SET device = (SELECT device FROM wa_device WHERE rowid = 1)
             WHERE rowid = 2",
        )
        .await;
    assert_eq!(moved, 1);
    assert!(home.open().await.load().await.is_ok());
    assert!(other.load().await.is_err());
}

#[tokio::test]
async fn a_prekey_passed_off_as_a_signed_one_is_refused() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    backend.store_prekey(1, b"prekey", false).await.unwrap();
    backend.store_signed_prekey(1, b"signed").await.unwrap();
    home.tamper("UPDATE wa_signed_prekey SET record = (SELECT record FROM wa_prekey)").await;
    backend.load_signed_prekey(1).await.unwrap_err();
}

#[tokio::test]
async fn another_keyring_opens_nothing() {
    let home = Home::sqlite().await;
    home.open().await.put_session("a@lid", b"session").await.unwrap();
    let keyring = Keyring::generate(Arc::new(SystemRandom::new())).unwrap();
    let stranger = StoreFactory::new(home.db.clone(), Arc::new(keyring));
    stranger.open(INSTANCE).await.unwrap().get_session("a@lid").await.unwrap_err();
}

/// The keyring of `home` and one that has a further data key.
fn rotated(home: &Home) -> Keyring {
    let random: Random = Arc::new(SystemRandom::new());
    let master = MasterKey::generate(&random).unwrap();
    let wrapped = home.keyring.wrap(&master).unwrap();
    let mut keyring = Keyring::unwrap(&master, &wrapped, random).unwrap();
    keyring.add_data_key().unwrap();
    keyring
}

async fn after_a_rotation_everything_is_sealed_anew_in_batches(home: Home) {
    crate::instances::fill(&home.open().await).await;
    let backend = home.open().await;
    for n in 0..30u32 {
        backend.store_prekey(n, &n.to_be_bytes(), false).await.unwrap();
    }
    let factory = StoreFactory::new(home.db.clone(), Arc::new(rotated(&home)));
    let mut batches = Vec::new();
    loop {
        let done = factory.reseal(10).await.unwrap();
        if done == 0 {
            break;
        }
        assert!(done <= 10);
        batches.push(done);
    }
    // Eight kinds with a row each, and thirty prekeys.
    assert_eq!(batches.iter().sum::<u64>(), 38);

    let backend = factory.open(INSTANCE).await.unwrap();
    assert!(backend.load().await.unwrap().unwrap().is_registered());
    assert_eq!(backend.load_prekey(29).await.unwrap().unwrap(), 29u32.to_be_bytes()[..]);
    assert!(backend.get_sync_key(b"k").await.unwrap().is_some());
    assert_eq!(backend.take_sent_message("a@lid", "M1").await.unwrap().unwrap(), b"sent");
    // The old keyring does not know the new key.
    home.open().await.get_session("a@lid").await.unwrap_err();
}

#[tokio::test]
async fn after_a_rotation_everything_is_sealed_anew_in_batches_on_sqlite() {
    after_a_rotation_everything_is_sealed_anew_in_batches(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn after_a_rotation_everything_is_sealed_anew_in_batches_on_postgres() {
    after_a_rotation_everything_is_sealed_anew_in_batches(Home::postgres().await).await;
}
