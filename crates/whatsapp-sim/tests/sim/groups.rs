//! Groups: one message for many, read with sender keys.

use wacore::types::jid::{JidExt as _, make_sender_key_name};
use wharf_whatsapp_sim::{Error, Phone, Receipt, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::types::presence::ReceiptType;

use crate::client::{TestClient, eventually};
use crate::people::{self, ANA, BIA, CAIO};

/// Three phones in a group of Bia's; one client each of Ana and Bia.
struct Scene {
    sim: Simulator,
    ana: Phone,
    bia: Phone,
    caio: Phone,
    ana_client: TestClient,
    bia_client: TestClient,
    group: String,
}

impl Scene {
    async fn new(by_lid: bool) -> Self {
        let (sim, [ana, bia, caio]) = people::three(by_lid).await;
        let ana_client = TestClient::linked(&sim, &ana).await;
        let bia_client = TestClient::linked(&sim, &bia).await;
        let group = sim.create_group(BIA, "Friends", &[ANA, CAIO]).await.unwrap();
        Self { sim, ana, bia, caio, ana_client, bia_client, group }
    }

    fn group(&self) -> Jid {
        self.group.parse().unwrap()
    }

    /// Nothing has been asked for that the simulator does not know, and nothing waits.
    async fn is_settled(&self) {
        eventually("empty queues", async || self.sim.stats().queued == 0).await;
        assert!(self.sim.stats().unknown.is_empty(), "{:?}", self.sim.stats());
    }
}

async fn shown(phone: &Phone, text: &str) -> (String, String) {
    let wanted = |message: &wharf_whatsapp_sim::ShownMessage| message.text.as_deref() == Some(text);
    let shown = phone.wait_for_message(wanted).await.unwrap();
    (shown.chat, shown.from)
}

#[tokio::test]
async fn what_a_phone_writes_to_a_group_reaches_every_member_and_device() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let Scene { ana, bia, caio, ana_client, bia_client, group, .. } = &scene;
        // The key comes with the first message, and serves for the second.
        for text in ["first", "second"] {
            let id = bia.send_text(group, text).await.unwrap();
            let (_, info) = ana_client.text(text).await;
            assert_eq!((&info.id, &info.source.chat), (&id, &scene.group()));
            assert!(info.source.is_group && !info.source.is_from_me);
            assert_eq!(info.push_name, "Bia");
            let (sender, alt) =
                if by_lid { (bia.lid(), bia.jid()) } else { (bia.jid(), bia.lid()) };
            assert_eq!(info.source.sender.to_string(), sender);
            assert_eq!(info.source.sender_alt.as_ref().map(ToString::to_string), Some(alt));
            let (_, own) = bia_client.text(text).await;
            assert!(own.source.is_from_me);
            assert_eq!(own.source.chat, scene.group());
            for phone in [ana, caio] {
                assert_eq!(shown(phone, text).await, (group.clone(), bia.jid()));
            }
            bia.wait_for_receipt(&id, Receipt::Delivered).await.unwrap();
            let sender = info.source.sender.clone();
            let read = [id.as_str()];
            ana_client.client.mark_as_read(&scene.group(), Some(&sender), &read).await.unwrap();
            bia.wait_for_receipt(&id, Receipt::Read).await.unwrap();
            bia_client.receipt(&id, ReceiptType::Read).await;
            ana.wait_for_receipt(&id, Receipt::Read).await.unwrap();
        }
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn what_a_client_writes_to_a_group_reaches_every_member_and_device() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let Scene { ana, bia, caio, ana_client, bia_client, group, .. } = &scene;
        for text in ["first", "second"] {
            let id = ana_client.send_to(scene.group(), text).await;
            assert_eq!(ana_client.ack(&id).await, None);
            let (_, info) = bia_client.text(text).await;
            assert_eq!((&info.id, &info.source.chat), (&id, &scene.group()));
            assert_eq!(info.push_name, "Ana");
            for phone in [ana, bia, caio] {
                assert_eq!(shown(phone, text).await, (group.clone(), ana.jid()));
            }
            ana_client.receipt(&id, ReceiptType::Delivered).await;
            caio.read(&id).await.unwrap();
            ana_client.receipt(&id, ReceiptType::Read).await;
            ana.wait_for_receipt(&id, Receipt::Read).await.unwrap();
        }
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn a_client_learns_which_groups_there_are_and_who_is_in_them() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let Scene { sim, ana, bia, caio, ana_client, .. } = &scene;
        let groups = ana_client.client.groups();
        let known = groups.get_metadata(&scene.group()).await.unwrap();
        assert_eq!(known.subject.as_str(), "Friends");
        let members: Vec<String> =
            known.participants.iter().map(|member| member.jid.to_string()).collect();
        let address = |phone: &Phone| if by_lid { phone.lid() } else { phone.jid() };
        assert_eq!(members, [address(bia), address(ana), address(caio)]);
        assert!(known.participants[0].is_super_admin());
        let all = groups.get_participating().await.unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), [&scene.group()]);

        let others = sim.create_group(BIA, "Without Ana", &[CAIO]).await.unwrap();
        assert!(groups.get_metadata(&others.parse().unwrap()).await.is_err());
        assert!(groups.get_metadata(&Jid::group("120363000000000000")).await.is_err());
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn who_lost_the_key_to_a_group_gets_the_message_again() {
    let scene = Scene::new(true).await;
    let Scene { bia, ana_client, bia_client, .. } = &scene;
    bia.send_text(&scene.group, "hello").await.unwrap();
    ana_client.text("hello").await;
    ana_client.send_to(scene.group(), "first").await;
    shown(bia, "first").await;
    bia.forget_sessions();
    let id = ana_client.send_to(scene.group(), "second").await;
    shown(bia, "second").await;
    // It goes on with a new key of its own, and who has the old one is given it.
    bia.send_text(&scene.group, "third").await.unwrap();
    ana_client.text("third").await;
    bia_client.text("third").await;
    ana_client.receipt(&id, ReceiptType::Delivered).await;
    scene.is_settled().await;
}

#[tokio::test]
async fn a_client_that_lost_the_key_to_a_group_gets_the_message_again() {
    for by_lid in [false, true] {
        let Scene { sim, bia, ana_client, bia_client, group, .. } = Scene::new(by_lid).await;
        bia.send_text(&group, "first").await.unwrap();
        let (_, info) = ana_client.text("first").await;
        let author = info.source.sender.to_protocol_address();
        let name = make_sender_key_name(&info.source.chat, &author);
        let store = ana_client.stop().await;
        store.delete_sender_key(name.cache_key()).await.unwrap();
        let client = TestClient::with_store(&sim, "Ana", store).await;
        client.connected().await;
        let id = bia.send_text(&group, "second").await.unwrap();
        let (_, info) = client.text("second").await;
        assert_eq!((&info.id, info.source.chat.to_string()), (&id, group.clone()));
        // With the message has come the key.
        bia.send_text(&group, "third").await.unwrap();
        client.text("third").await;
        assert_eq!(client.texts("second"), 1);
        eventually("empty queues", async || sim.stats().queued == 0).await;
        assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
        bia_client.text("third").await;
    }
}

#[tokio::test]
async fn what_is_written_to_a_group_waits_for_a_client_that_is_away() {
    let Scene { sim, ana, bia, caio, ana_client, bia_client, group } = Scene::new(true).await;
    let store = ana_client.stop().await;
    ana.wait_for_device(1, false).await.unwrap();
    bia.send_text(&group, "with the key").await.unwrap();
    bia.send_text(&group, "without").await.unwrap();
    caio.send_text(&group, "from another").await.unwrap();
    let client = TestClient::with_store(&sim, "Ana", store).await;
    client.text("from another").await;
    let (_, info) = client.text("without").await;
    assert!(info.is_offline);
    assert_eq!(client.all_texts(), ["with the key", "without", "from another"]);
    bia_client.text("from another").await;
    eventually("empty queues", async || sim.stats().queued == 0).await;
    assert!(sim.stats().unknown.is_empty(), "{:?}", sim.stats());
}

#[tokio::test]
async fn a_companion_linked_later_is_given_the_keys_by_phones_and_clients() {
    let scene = Scene::new(false).await;
    let Scene { sim, ana, bia, ana_client, .. } = &scene;
    bia.send_text(&scene.group, "before").await.unwrap();
    ana_client.text("before").await;
    ana_client.send_to(scene.group(), "from a client").await;
    shown(bia, "from a client").await;
    let late = TestClient::linked(sim, ana).await;
    bia.send_text(&scene.group, "after").await.unwrap();
    late.text("after").await;
    ana_client.text("after").await;
    bia.unlink(1).await.unwrap();
    bia.send_text(&scene.group, "with a new key").await.unwrap();
    late.text("with a new key").await;
    ana_client.text("with a new key").await;
    assert_eq!(late.texts("before"), 0);
    scene.is_settled().await;
}

#[tokio::test]
async fn only_members_write_to_a_group_and_only_phones_make_one() {
    let scene = Scene::new(false).await;
    let Scene { sim, ana, ana_client, .. } = &scene;
    let others = sim.create_group(BIA, "Without Ana", &[CAIO]).await.unwrap();
    assert!(matches!(ana.send_text(&others, "let me in").await, Err(Error::Conflict(_))));
    let nowhere = ana.send_text("120363000000000000@g.us", "hello?").await;
    assert!(matches!(nowhere, Err(Error::NotFound(_))));
    for (owner, subject, member) in [(ANA, " ", BIA), ("1", "x", BIA), (ANA, "x", "1")] {
        sim.create_group(owner, subject, &[member]).await.unwrap_err();
    }
    assert!(ana_client.client.send_text(others.parse::<Jid>().unwrap(), "hello?").await.is_err());
}

#[tokio::test]
async fn groups_and_their_keys_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = async |address: Option<std::net::SocketAddr>| {
        let builder = Simulator::builder().data_dir(directory.path());
        let builder = match address {
            Some(address) => builder.listen(address),
            None => builder,
        };
        builder.start().await.unwrap()
    };
    let sim = start(None).await;
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    sim.create_phone(BIA, "Bia").unwrap();
    let group = sim.create_group(BIA, "Friends", &[ANA]).await.unwrap();
    let client = TestClient::linked(&sim, &ana).await;
    sim.phone(BIA).unwrap().send_text(&group, "before").await.unwrap();
    client.text("before").await;
    client.send_to(group.parse().unwrap(), "answer").await;
    shown(&sim.phone(BIA).unwrap(), "answer").await;
    let address = sim.address();
    let seen = client.seen();
    sim.stop().await;
    drop((ana, sim));

    let sim = start(Some(address)).await;
    client.connected_after(seen).await;
    let bia = sim.phone(BIA).unwrap();
    bia.send_text(&group, "after").await.unwrap();
    client.text("after").await;
    client.send_to(group.parse().unwrap(), "still here").await;
    assert_eq!(shown(&bia, "still here").await.0, group);
    eventually("empty queues", async || sim.stats().queued == 0).await;
}
