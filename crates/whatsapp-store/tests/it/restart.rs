//! What was answered is there after a restart.

use wacore::store::traits::{
    AppSyncStore as _, DeviceStore as _, MsgSecretStore as _, ProtocolStore as _, SignalStore as _,
};

use crate::home::{Home, INSTANCE};
use crate::instances::fill;

async fn everything_survives_a_restart(mut home: Home) {
    fill(&home.open().await).await;
    home.reopen().await;
    let backend = home.open().await;
    let device = backend.load().await.unwrap().unwrap();
    assert!(device.is_registered());
    assert_eq!(backend.load_identity("a@lid").await.unwrap(), Some([1; 32]));
    assert_eq!(backend.get_session("a@lid").await.unwrap().unwrap(), "session");
    assert_eq!(backend.load_prekey(1).await.unwrap().unwrap(), "prekey");
    assert_eq!(backend.load_signed_prekey(1).await.unwrap().unwrap(), b"signed");
    assert_eq!(backend.get_sender_key("g@g.us::a").await.unwrap().unwrap(), b"sender key");
    assert_eq!(backend.get_latest_sync_key_id().await.unwrap().unwrap(), b"k");
    assert!(backend.get_sync_key(b"k").await.unwrap().is_some());
    assert!(backend.get_mutation_mac("regular", &[1; 32]).await.unwrap().is_some());
    assert_eq!(backend.get_all_lid_mappings().await.unwrap().len(), 1);
    assert!(backend.get_tc_token("a@lid").await.unwrap().is_some());
    let pending = backend.get_pending_inbound("a@lid", "a@lid", "M1").await.unwrap();
    assert_eq!(pending.unwrap(), b"pending");
    assert_eq!(backend.take_sent_message("a@lid", "M1").await.unwrap().unwrap(), b"sent");
    let secret = backend.get_msg_secret("a@lid", "a@lid", "M1").await.unwrap();
    assert_eq!(secret.unwrap(), [3; 32]);
    assert!(home.factory().has_device(INSTANCE).await.unwrap());
}

#[tokio::test]
async fn everything_survives_a_restart_on_sqlite() {
    everything_survives_a_restart(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn everything_survives_a_restart_on_postgres() {
    everything_survives_a_restart(Home::postgres().await).await;
}
