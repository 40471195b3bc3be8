//! Instances share tables and nothing else.

use wacore::store::Device;
use wacore::store::traits::{
    AppStateSyncKey, AppSyncStore as _, Backend, DeviceStore as _, LidPnMappingEntry,
    ProtocolStore as _, SignalStore as _,
};

use crate::home::{Home, INSTANCE, OTHER_INSTANCE};

/// Tables with an instance's rows.
const TABLES: [&str; 18] = [
    "wa_base_key",
    "wa_device",
    "wa_device_list",
    "wa_group_metadata",
    "wa_identity",
    "wa_lid_mapping",
    "wa_msg_secret",
    "wa_mutation_mac",
    "wa_pending_inbound",
    "wa_prekey",
    "wa_sender_key",
    "wa_sender_key_device",
    "wa_sent_message",
    "wa_session",
    "wa_signed_prekey",
    "wa_sync_key",
    "wa_sync_version",
    "wa_tc_token",
];

/// Puts one row into every table.
pub async fn fill(backend: &dyn Backend) {
    // Written with the first of the Signal state.
    backend.store_pending_inbound("a@lid", "a@lid", "M1", b"pending").await.unwrap();
    backend.put_msg_secret("a@lid", "a@lid", "M1", &[3; 32]).await.unwrap();
    let mut device = Device::new();
    device.pn = Some("5511999990001:7@s.whatsapp.net".parse().unwrap());
    backend.save(&device).await.unwrap();
    backend.put_identity("a@lid", [1; 32]).await.unwrap();
    backend.put_session("a@lid", b"session").await.unwrap();
    backend.store_prekey(1, b"prekey", false).await.unwrap();
    backend.store_signed_prekey(1, b"signed").await.unwrap();
    backend.put_sender_key("g@g.us::a", b"sender key").await.unwrap();
    backend.set_sync_key(b"k", AppStateSyncKey::default()).await.unwrap();
    backend.set_version("regular", wacore::appstate::hash::HashState::default()).await.unwrap();
    let mac = wacore_appstate::processor::AppStateMutationMAC {
        index_mac: vec![1; 32],
        value_mac: vec![2; 32],
    };
    backend.put_mutation_macs("regular", 1, &[mac]).await.unwrap();
    backend.set_sender_key_status("g@g.us", &[("a@lid", true)]).await.unwrap();
    let mapping = LidPnMappingEntry {
        lid: "100".to_owned(),
        phone_number: "5511999990001".to_owned(),
        created_at: 1,
        updated_at: 1,
        learning_source: "usync".to_owned(),
    };
    backend.put_lid_mapping(&mapping).await.unwrap();
    backend.save_base_key("a@lid", "M1", b"base").await.unwrap();
    let devices = wacore::store::traits::DeviceListRecord {
        user: "a".to_owned(),
        devices: Vec::new(),
        timestamp: 1,
        phash: None,
        raw_id: None,
    };
    backend.update_device_list(devices).await.unwrap();
    backend.put_group_metadata("g@g.us", b"group").await.unwrap();
    backend.touch_tc_token_sender_timestamp("a@lid", 1).await.unwrap();
    backend.store_sent_message("a@lid", "M1", b"sent").await.unwrap();
}

async fn counts(home: &Home) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(home.count(table).await);
    }
    counts
}

async fn wiping_an_instance_removes_all_of_it_and_nothing_else(home: Home) {
    let factory = home.factory();
    for instance in [INSTANCE, OTHER_INSTANCE] {
        fill(&factory.open(instance).await.unwrap()).await;
    }
    assert_eq!(counts(&home).await, [2; 18]);
    factory.wipe(INSTANCE).await.unwrap();
    assert_eq!(counts(&home).await, [1; 18]);

    assert!(!factory.has_device(INSTANCE).await.unwrap());
    let other = factory.open(OTHER_INSTANCE).await.unwrap();
    assert_eq!(other.get_session("a@lid").await.unwrap().unwrap(), "session");
    factory.wipe(INSTANCE).await.unwrap();
}

#[tokio::test]
async fn wiping_an_instance_removes_all_of_it_and_nothing_else_on_sqlite() {
    wiping_an_instance_removes_all_of_it_and_nothing_else(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn wiping_an_instance_removes_all_of_it_and_nothing_else_on_postgres() {
    wiping_an_instance_removes_all_of_it_and_nothing_else(Home::postgres().await).await;
}

async fn instances_are_listed_as_long_as_anything_is_stored(home: Home) {
    let factory = home.factory();
    assert!(factory.instances().await.unwrap().is_empty());
    let other = factory.open(OTHER_INSTANCE).await.unwrap();
    fill(&other).await;
    for table in TABLES {
        factory.wipe(INSTANCE).await.unwrap();
        fill(&home.open().await).await;
        assert_eq!(factory.instances().await.unwrap(), [INSTANCE, OTHER_INSTANCE]);
        let own = INSTANCE.simple();
        let own = match home.db.backend() {
            sea_orm::DbBackend::Sqlite => format!("X'{own}'"),
            _ => format!("'{own}'"),
        };
        for emptied in TABLES.iter().filter(|emptied| **emptied != table) {
            home.tamper(&format!("DELETE FROM {emptied} WHERE instance_id = {own}")).await;
        }
        assert_eq!(factory.instances().await.unwrap(), [INSTANCE, OTHER_INSTANCE], "{table}");
    }
    factory.wipe(INSTANCE).await.unwrap();
    assert_eq!(factory.instances().await.unwrap(), [OTHER_INSTANCE]);
}

#[tokio::test]
async fn instances_are_listed_as_long_as_anything_is_stored_on_sqlite() {
    instances_are_listed_as_long_as_anything_is_stored(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn instances_are_listed_as_long_as_anything_is_stored_on_postgres() {
    instances_are_listed_as_long_as_anything_is_stored(Home::postgres().await).await;
}

#[tokio::test]
async fn an_instance_sees_only_its_own() {
    let home = Home::sqlite().await;
    fill(&home.open().await).await;
    let other = home.factory().open(OTHER_INSTANCE).await.unwrap();
    assert!(!other.exists().await.unwrap());
    assert_eq!(other.get_session("a@lid").await.unwrap(), None);
    assert_eq!(other.load_prekey(1).await.unwrap(), None);
    assert!(!other.has_signal_state_for_user("a").await.unwrap());
    assert_eq!(other.take_sent_message("a@lid", "M1").await.unwrap(), None);
    assert!(other.get_all_lid_mappings().await.unwrap().is_empty());
    assert!(other.get_tc_token("a@lid").await.unwrap().is_none());
    assert_eq!(other.get_latest_sync_key_id().await.unwrap(), None);
}

#[tokio::test]
async fn pairing_is_told_without_opening_the_device() {
    let home = Home::sqlite().await;
    let factory = home.factory();
    assert!(!factory.has_device(INSTANCE).await.unwrap());
    assert_eq!(factory.registered_jid(INSTANCE).await.unwrap(), None);

    let backend = home.open().await;
    backend.create().await.unwrap();
    assert!(factory.has_device(INSTANCE).await.unwrap());
    assert_eq!(factory.registered_jid(INSTANCE).await.unwrap(), None);

    let mut device = backend.load().await.unwrap().unwrap();
    device.pn = Some("5511999990001:7@s.whatsapp.net".parse().unwrap());
    backend.save(&device).await.unwrap();
    let jid = factory.registered_jid(INSTANCE).await.unwrap();
    assert_eq!(jid.as_deref(), Some("5511999990001:7@s.whatsapp.net"));
}

async fn phone_numbers_are_told_beside_an_open_store_and_to_their_instance_alone(home: Home) {
    let mapping = |lid: &str, phone: &str| LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: phone.to_owned(),
        created_at: 1,
        updated_at: 1,
        learning_source: "usync".to_owned(),
    };
    let backend = home.open().await;
    let many: Vec<_> =
        (0..1_200).map(|n| mapping(&format!("{n}"), &format!("55119{n:08}"))).collect();
    backend.put_lid_mappings(&many).await.unwrap();
    let factory = home.factory();
    let lids: Vec<_> = (0..1_300).map(|n| n.to_string()).collect();
    let lids: Vec<_> = lids.iter().map(String::as_str).collect();
    let known = factory.phones(INSTANCE, &lids).await.unwrap();
    assert_eq!(known.len(), 1_200);
    assert!(known.contains(&("7".to_owned(), "5511900000007".to_owned())));
    assert_eq!(factory.phones(OTHER_INSTANCE, &lids).await.unwrap(), []);
    assert_eq!(factory.phones(INSTANCE, &[]).await.unwrap(), []);
    // The store that is open has not been retired by the question.
    backend.put_session("a@lid", b"session").await.unwrap();
}

#[tokio::test]
async fn phone_numbers_are_told_beside_an_open_store_and_to_their_instance_alone_on_sqlite() {
    let home = Home::sqlite().await;
    phone_numbers_are_told_beside_an_open_store_and_to_their_instance_alone(home).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn phone_numbers_are_told_beside_an_open_store_and_to_their_instance_alone_on_postgres() {
    let home = Home::postgres().await;
    phone_numbers_are_told_beside_an_open_store_and_to_their_instance_alone(home).await;
}
