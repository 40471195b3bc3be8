//! Many clients at once.

use futures::StreamExt as _;
use futures::stream;
use wharf_whatsapp_sim::{Phone, Simulator};

use crate::client::TestClient;

const CLIENTS: usize = 200;
/// How many pair at a time: a machine with one core has its deadlines, too.
const AT_A_TIME: usize = 16;

fn number(of: usize) -> String {
    format!("55119999{of:05}")
}

async fn pair(sim: &Simulator, of: usize) -> (Phone, TestClient) {
    let phone = sim.create_phone(&number(of), &format!("Person {of}")).unwrap();
    let client = TestClient::linked(sim, &phone).await;
    (phone, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_are_served_side_by_side() {
    let sim = Simulator::start().await.unwrap();
    let pairs: Vec<(Phone, TestClient)> =
        stream::iter(0..CLIENTS).map(|of| pair(&sim, of)).buffered(AT_A_TIME).collect().await;
    assert_eq!(sim.stats().connected, CLIENTS);

    // Everybody writes to the next one's number, from the client.
    let mut sent = Vec::new();
    for (of, (_, client)) in pairs.iter().enumerate() {
        sent.push(client.send(&number((of + 1) % CLIENTS), &format!("from {of}")).await);
    }
    for (of, id) in sent.iter().enumerate() {
        let (phone, client) = &pairs[(of + 1) % CLIENTS];
        assert_eq!(&client.text(&format!("from {of}")).await.1.id, id);
        phone.wait_for_message(|message| message.id == *id).await.unwrap();
    }
    assert_eq!(sim.stats().unknown, std::collections::BTreeMap::new());
}
