//! What people look like.

use wharf_whatsapp_sim::{Error, Simulator};
use whatsapp_rust::Jid;

use crate::client::TestClient;

const URL: &str = "https://pictures.test/bruno.jpg";

#[tokio::test]
async fn a_client_is_told_where_a_picture_is_if_there_is_one() {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let bruno = sim.create_phone("5511999990002", "Bruno").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    let of_bruno = async |jid: &str, preview| {
        let jid: Jid = jid.parse().unwrap();
        let picture = client.client.contacts().get_profile_picture(&jid, preview).await.unwrap();
        picture.map(|picture| (picture.id, picture.url))
    };
    assert_eq!(of_bruno(&bruno.jid(), true).await, None);

    bruno.set_picture(Some(URL)).await.unwrap();
    let (first, url) = of_bruno(&bruno.jid(), true).await.unwrap();
    assert_eq!(url, URL);
    assert_eq!(of_bruno(&bruno.lid(), false).await, Some((first.clone(), url)));

    bruno.set_picture(Some("https://pictures.test/older.jpg")).await.unwrap();
    let (second, _) = of_bruno(&bruno.jid(), false).await.unwrap();
    assert_ne!(first, second);
    bruno.set_picture(None).await.unwrap();
    assert_eq!(of_bruno(&bruno.jid(), false).await, None);
    assert_eq!(of_bruno("5511999990009@s.whatsapp.net", false).await, None);
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}

#[tokio::test]
async fn a_picture_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let sim = Simulator::builder().data_dir(directory.path()).start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    ana.set_picture(Some(URL)).await.unwrap();
    let refused = ana.set_picture(Some("nowhere")).await;
    assert!(matches!(refused, Err(Error::Invalid(_))));
    sim.stop().await;
    let sim = Simulator::builder().data_dir(directory.path()).start().await.unwrap();
    let client = TestClient::linked(&sim, &sim.phone("5511999990001").unwrap()).await;
    let jid: Jid = ana.jid().parse().unwrap();
    let picture = client.client.contacts().get_profile_picture(&jid, false).await.unwrap();
    assert_eq!(picture.unwrap().url, URL);
}
