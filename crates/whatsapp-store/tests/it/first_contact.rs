//! A first contact probes hundreds of addresses; the database must not hear of it.

use wacore::store::traits::{ProtocolStore as _, SignalStore as _, TcTokenEntry};

use crate::home::{Home, INSTANCE};

/// The statements `run` makes.
async fn statements(home: &Home, run: impl Future<Output = ()>) -> Vec<String> {
    home.statements.lock().unwrap().clear();
    run.await;
    std::mem::take(&mut *home.statements.lock().unwrap())
}

async fn a_scan_of_all_devices_costs_three_statements(home: Home) {
    let factory = home.factory();
    let earlier = factory.open(INSTANCE).await.unwrap();
    earlier.put_session("5511999990001@s.whatsapp.net", b"session").await.unwrap();
    earlier.put_session("5511999990001:3@s.whatsapp.net", b"session").await.unwrap();
    earlier.put_identity("5511999990001@s.whatsapp.net", [1; 32]).await.unwrap();

    let backend = factory.open(INSTANCE).await.unwrap();
    let scan = async {
        for device in 1..100 {
            for server in ["s.whatsapp.net", "lid"] {
                let address = format!("5511999990001:{device}@{server}");
                let session = backend.get_session(&address).await.unwrap();
                assert_eq!(session.is_some(), device == 3 && server == "s.whatsapp.net");
                assert_eq!(backend.load_identity(&address).await.unwrap(), None);
            }
        }
    };
    let made = statements(&home, scan).await;
    // The first miss, all addresses at once, and the one session that is there.
    assert_eq!(made.len(), 3, "{made:#?}");

    let again = async {
        assert!(!backend.has_session("5511999990002@lid").await.unwrap());
        assert_eq!(backend.load_identity("5511999990002@lid").await.unwrap(), None);
    };
    assert_eq!(statements(&home, again).await, [""; 0]);

    backend.put_session("5511999990002@lid", b"session").await.unwrap();
    assert!(backend.has_session("5511999990002@lid").await.unwrap());
}

#[tokio::test]
async fn a_scan_of_all_devices_costs_three_statements_on_sqlite() {
    a_scan_of_all_devices_costs_three_statements(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_scan_of_all_devices_costs_three_statements_on_postgres() {
    a_scan_of_all_devices_costs_three_statements(Home::postgres().await).await;
}

#[tokio::test]
async fn a_session_that_is_there_is_found_without_reading_all_addresses() {
    let home = Home::sqlite().await;
    home.open().await.put_session("5511999990001@lid", b"session").await.unwrap();
    let backend = home.open().await;
    let reading = async {
        assert!(backend.get_session("5511999990001@lid").await.unwrap().is_some());
    };
    assert_eq!(statements(&home, reading).await.len(), 1);
}

#[tokio::test]
async fn a_batch_of_sessions_is_one_statement() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    let sessions: Vec<_> =
        (0..50).map(|n| (format!("{n}@lid").into(), bytes::Bytes::from_static(b"s"))).collect();
    let writing = async { backend.put_sessions_batch(&sessions).await.unwrap() };
    assert_eq!(statements(&home, writing).await.len(), 1);
}

#[tokio::test]
async fn a_token_is_read_once_for_many_sends_and_again_after_a_write() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    let reading = async {
        for _ in 0..200 {
            assert!(backend.get_tc_token("100@lid").await.unwrap().is_none());
        }
    };
    assert_eq!(statements(&home, reading).await.len(), 1);

    let token = TcTokenEntry { token: vec![7], token_timestamp: 1, sender_timestamp: None };
    backend.put_tc_token("100@lid", &token).await.unwrap();
    let reading = async {
        for _ in 0..200 {
            assert_eq!(backend.get_tc_token("100@lid").await.unwrap().unwrap().token, [7]);
        }
    };
    assert_eq!(statements(&home, reading).await.len(), 1);
}

#[tokio::test]
async fn only_the_latest_mappings_warm_the_librarys_cache() {
    let home = Home::sqlite().await;
    let backend = home.open().await;
    let entries: Vec<_> = (0..2500)
        .map(|n| wacore::store::traits::LidPnMappingEntry {
            lid: n.to_string(),
            phone_number: format!("55119{n:08}"),
            created_at: 0,
            updated_at: n,
            learning_source: "usync".to_owned(),
        })
        .collect();
    backend.put_lid_mappings(&entries).await.unwrap();
    let warm = backend.get_all_lid_mappings().await.unwrap();
    assert_eq!(warm.len(), 2000);
    assert!(warm.iter().all(|entry| entry.updated_at >= 500));
    assert!(backend.get_lid_mapping("0").await.unwrap().is_some(), "the others are still found");
}
