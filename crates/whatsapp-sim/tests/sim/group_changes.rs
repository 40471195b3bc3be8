//! Groups that change: by their phones, as clients are told.

mod joining;
mod settings;

use wacore::stanza::groups::{GroupNotificationAction as Action, GroupParticipantInfo};
use wharf_whatsapp_sim::{Error, GroupChange, Joined, MemberAddMode, Phone, Role, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::types::events::{Event, GroupUpdate};

use crate::client::{TestClient, eventually};
use crate::people::{self, ANA, BIA, CAIO};

/// A group of Bia's with Caio in it; the client is Ana's.
struct Scene {
    sim: Simulator,
    ana: Phone,
    bia: Phone,
    caio: Phone,
    client: TestClient,
    group: String,
}

impl Scene {
    async fn new(by_lid: bool) -> Self {
        let (sim, [ana, bia, caio]) = people::three(by_lid).await;
        let client = TestClient::linked(&sim, &ana).await;
        let group = sim.create_group(BIA, "Friends", &[CAIO]).await.unwrap();
        Self { sim, ana, bia, caio, client, group }
    }

    /// The same with Ana in the group.
    async fn joined(by_lid: bool) -> Self {
        let scene = Self::new(by_lid).await;
        scene.bia(add(&[ANA])).await;
        scene.told(|action| matches!(action, Action::Create { .. }).then_some(())).await;
        scene
    }

    fn group(&self) -> Jid {
        self.group.parse().unwrap()
    }

    async fn bia(&self, change: GroupChange) {
        self.bia.change_group(&self.group, &change).await.unwrap();
    }

    /// Waits for what the client is told about the group.
    async fn told<T>(&self, wanted: impl Fn(&Action) -> Option<T>) -> (T, GroupUpdate) {
        told(&self.client, &self.group, wanted).await
    }

    fn address(&self, phone: &Phone) -> String {
        if self.is_by_lid() { phone.lid() } else { phone.jid() }
    }

    fn is_by_lid(&self) -> bool {
        self.sim.group(&self.group).unwrap().members[0].jid.ends_with("@lid")
    }

    /// Nothing has been asked for that the simulator does not know, and nothing waits.
    async fn is_settled(&self) {
        eventually("empty queues", async || self.sim.stats().queued == 0).await;
        assert!(self.sim.stats().unknown.is_empty(), "{:?}", self.sim.stats());
    }
}

async fn told<T>(
    client: &TestClient,
    group: &str,
    wanted: impl Fn(&Action) -> Option<T>,
) -> (T, GroupUpdate) {
    client
        .event(|event| match event {
            Event::GroupUpdate(update) if update.group_jid.to_string() == group => {
                Some((wanted(&update.action)?, update.clone()))
            }
            _ => None,
        })
        .await
}

fn numbers(numbers: &[&str]) -> Vec<String> {
    numbers.iter().map(|number| (*number).to_owned()).collect()
}

fn add(members: &[&str]) -> GroupChange {
    GroupChange::Add { members: numbers(members) }
}

fn remove(members: &[&str]) -> GroupChange {
    GroupChange::Remove { members: numbers(members) }
}

fn jids(participants: &[GroupParticipantInfo]) -> Vec<String> {
    participants.iter().map(|participant| participant.jid.to_string()).collect()
}

#[tokio::test]
async fn a_client_hears_who_comes_and_goes_and_who_is_an_admin() {
    for by_lid in [false, true] {
        let scene = Scene::joined(by_lid).await;
        let Scene { sim, bia, caio, .. } = &scene;
        let eva = sim.create_phone("5511999990004", "Eva").unwrap();
        scene.bia(add(&[&eva.number()])).await;
        let (added, update) = scene
            .told(|action| match action {
                Action::Add { participants, reason: None } => Some(participants.clone()),
                _ => None,
            })
            .await;
        assert_eq!(jids(&added), [scene.address(&eva)]);
        let number = by_lid.then(|| eva.jid());
        assert_eq!(added[0].phone_number.as_ref().map(ToString::to_string), number);
        assert_eq!(update.participant.unwrap().to_string(), scene.address(bia));
        let number = by_lid.then(|| bia.jid());
        assert_eq!(update.participant_pn.map(|jid| jid.to_string()), number);
        assert_eq!(update.notify.as_deref(), Some("Bia"));
        assert_eq!(update.is_lid_addressing_mode, by_lid);
        assert!(update.offline.is_none());
        assert!(update.notification_id.is_some());

        scene.bia(GroupChange::Promote { members: numbers(&[CAIO, ANA]) }).await;
        let (promoted, _) = scene
            .told(|action| match action {
                Action::Promote { participants } => Some(jids(participants)),
                _ => None,
            })
            .await;
        assert_eq!(promoted, [scene.address(caio), scene.address(&scene.ana)]);
        scene.bia(GroupChange::Demote { members: numbers(&[CAIO]) }).await;
        let (demoted, _) = scene
            .told(|action| match action {
                Action::Demote { participants } => Some(jids(participants)),
                _ => None,
            })
            .await;
        assert_eq!(demoted, [scene.address(caio)]);
        // Ana is an admin by now.
        scene.ana.change_group(&scene.group, &remove(&[CAIO])).await.unwrap();
        let (removed, update) = scene
            .told(|action| match action {
                Action::Remove { participants, .. } => Some(jids(participants)),
                _ => None,
            })
            .await;
        assert_eq!(removed, [scene.address(caio)]);
        assert_eq!(update.participant.unwrap().to_string(), scene.address(&scene.ana));
        eva.change_group(&scene.group, &GroupChange::Leave).await.unwrap();
        let ((), update) = scene
            .told(|action| match action {
                Action::Remove { participants, .. } => {
                    (jids(participants) == [scene.address(&eva)]).then_some(())
                }
                _ => None,
            })
            .await;
        assert_eq!(update.participant.unwrap().to_string(), scene.address(&eva));
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn a_client_that_is_added_is_told_what_the_group_is_and_one_removed_that_it_is_over() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let Scene { sim, bia, caio, client, group, .. } = &scene;
        bia.send_text(group, "without Ana").await.unwrap();
        scene.bia(add(&[ANA])).await;
        let (created, _) = scene
            .told(|action| match action {
                Action::Create { raw } => Some(raw.clone()),
                _ => None,
            })
            .await;
        assert!(created.attrs.get("type").is_none());
        let described = created.get_optional_child("group").unwrap();
        assert_eq!(described.get_children_by_tag("participant").count(), 3);
        // The keys come with the next message, from each author anew.
        bia.send_text(group, "welcome").await.unwrap();
        client.text("welcome").await;
        caio.send_text(group, "hi").await.unwrap();
        client.text("hi").await;
        client.send_to(scene.group(), "thanks").await;
        bia.wait_for_message(|message| message.text.as_deref() == Some("thanks")).await.unwrap();

        scene.bia(remove(&[ANA])).await;
        let (removed, _) = scene
            .told(|action| match action {
                Action::Remove { participants, .. } => Some(jids(participants)),
                _ => None,
            })
            .await;
        assert_eq!(removed, [scene.address(&scene.ana)]);
        bia.send_text(group, "alone again").await.unwrap();
        caio.wait_for_message(|message| message.text.as_deref() == Some("alone again"))
            .await
            .unwrap();
        scene.is_settled().await;
        assert_eq!(client.all_texts(), ["welcome", "hi"]);
        assert!(client.client.groups().get_metadata(&scene.group()).await.is_err());
        assert!(client.client.groups().get_participating().await.unwrap().is_empty());
        assert_eq!(sim.group(group).unwrap().members.len(), 2);
    }
}

#[tokio::test]
async fn what_happened_to_a_group_waits_for_a_client_that_is_away() {
    let Scene { sim, ana, bia, client, group, .. } = Scene::joined(true).await;
    let store = client.stop().await;
    ana.wait_for_device(1, false).await.unwrap();
    let subject = |subject: &str| GroupChange::Subject { subject: subject.to_owned() };
    for change in [subject("first"), subject("second"), remove(&[ANA]), add(&[ANA])] {
        bia.change_group(&group, &change).await.unwrap();
    }
    assert_eq!(sim.stats().queued, 4);
    let client = TestClient::with_store(&sim, "Ana", store).await;
    let ((), update) =
        told(&client, &group, |action| matches!(action, Action::Create { .. }).then_some(())).await;
    assert!(update.offline.is_some());
    let told: Vec<String> = client.all(|event| match event {
        Event::GroupUpdate(update) => Some(update.action.wire_tag().to_owned()),
        _ => None,
    });
    assert_eq!(told, ["subject", "subject", "remove", "create"]);
    eventually("empty queues", async || sim.stats().queued == 0).await;
}
