//! Looking people up.

use wharf_whatsapp_sim::Simulator;
use whatsapp_rust::Jid;

use crate::client::TestClient;

#[tokio::test]
async fn a_look_up_tells_who_is_on_whatsapp_and_under_which_lid() {
    let sim = Simulator::start().await.unwrap();
    let ana = sim.create_phone("5511999990001", "Ana").unwrap();
    let bruno = sim.create_phone("5511999990002", "Bruno").unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    let asked = [Jid::pn("5511999990002"), Jid::pn("5511999990099")];
    let found = client.client.contacts().is_on_whatsapp(&asked).await.unwrap();
    let of = |jid: &Jid| found.iter().find(|result| result.jid.user == jid.user).unwrap();
    assert!(of(&asked[0]).is_registered);
    assert_eq!(of(&asked[0]).lid.as_ref().map(Jid::to_string), Some(bruno.lid()));
    assert!(!of(&asked[1]).is_registered);
}
