//! Newsletters: posted by one, read in plain by all who follow.

use serde_json::{Value, json};
use wacore::proto_helpers::MessageExt as _;
use wacore::types::events::Event;
use wacore::types::message::EditAttribute;
use wharf_whatsapp_sim::{Error, Manner, MediaKind, NewMedia, Phone, Saying, Simulator};
use whatsapp_rust::Jid;

use crate::admin::Program;
use crate::client::{TestClient, body, eventually};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";
const CAIO: &str = "5511999990003";

/// Bia writes, Ana follows with a client, Caio does not.
struct Scene {
    sim: Simulator,
    ana: Phone,
    bia: Phone,
    client: TestClient,
    newsletter: String,
}

impl Scene {
    async fn new() -> Self {
        let sim = Simulator::start().await.unwrap();
        let ana = sim.create_phone(ANA, "Ana").unwrap();
        let bia = sim.create_phone(BIA, "Bia").unwrap();
        sim.create_phone(CAIO, "Caio").unwrap();
        let client = TestClient::linked(&sim, &ana).await;
        let newsletter = sim.create_newsletter(BIA, "News", &[ANA]).await.unwrap();
        Self { sim, ana, bia, client, newsletter }
    }

    async fn say(&self, phone: &Phone, say: Value) -> Result<String, Error> {
        let saying: Saying = serde_json::from_value(say).unwrap();
        phone.say(&self.newsletter, &saying, &Manner::default()).await
    }

    async fn post(&self, text: &str) -> String {
        self.say(&self.bia, json!({ "kind": "text", "text": text })).await.unwrap()
    }

    fn jid(&self) -> Jid {
        self.newsletter.parse().unwrap()
    }

    async fn is_settled(&self) {
        eventually("empty queues", async || self.sim.stats().queued == 0).await;
        assert!(self.sim.stats().unknown.is_empty(), "{:?}", self.sim.stats());
    }
}

#[tokio::test]
async fn a_post_reaches_all_who_follow() {
    let scene = Scene::new().await;
    let id = scene.post("news").await;
    let (_, info) = scene.client.text("news").await;
    assert_eq!((&info.id, info.source.chat.to_string()), (&id, scene.newsletter.clone()));
    assert!(info.server_id >= 100 && !info.source.is_from_me && !info.source.is_group);
    let shown = scene.ana.wait_for_message(|message| message.id == id).await.unwrap();
    assert_eq!((shown.chat, shown.from), (scene.newsletter.clone(), scene.newsletter.clone()));
    let own = scene.bia.wait_for_message(|message| message.id == id).await.unwrap();
    assert!(own.from_me);
    assert_eq!(scene.sim.phone(CAIO).unwrap().messages(), []);
    scene.is_settled().await;
}

#[tokio::test]
async fn a_file_in_a_post_can_be_had_without_a_key() {
    let scene = Scene::new().await;
    let picture = NewMedia {
        kind: MediaKind::Image,
        bytes: b"a picture".to_vec(),
        mime_type: None,
        file_name: None,
        caption: Some("look".to_owned()),
        seconds: None,
    };
    let id = scene.bia.send_media(&scene.newsletter, picture).await.unwrap();
    let (message, _) = scene.client.message(&id).await;
    let image = message.get_base_message().image_message.as_option().unwrap();
    assert_eq!((image.caption.as_deref(), &image.media_key), (Some("look"), &None));
    assert_eq!(scene.client.client.download(image).await.unwrap(), b"a picture");
    assert_eq!(scene.ana.media(&id).await.unwrap(), b"a picture");
}

#[tokio::test]
async fn posts_are_changed_and_taken_away_under_their_id() {
    let scene = Scene::new().await;
    let id = scene.post("nwes").await;
    scene.client.text("nwes").await;
    let edit = json!({ "kind": "edit", "messageId": id, "text": "news" });
    assert_eq!(scene.say(&scene.bia, edit).await.unwrap(), id);
    let (_, info) = scene.client.text("news").await;
    assert_eq!((&info.id, &info.edit), (&id, &EditAttribute::AdminEdit));
    scene.say(&scene.bia, json!({ "kind": "revoke", "messageId": id })).await.unwrap();
    let revoked = scene
        .client
        .event(|event| match event {
            Event::Messages(batch) => {
                let of = |it: &&whatsapp_rust::types::events::InboundMessage| {
                    it.info.id == id && it.info.edit == EditAttribute::AdminRevoke
                };
                batch.messages.iter().find(of).map(|it| body(&it.message).map(str::to_owned))
            }
            _ => None,
        })
        .await;
    assert_eq!(revoked, None);
    scene.is_settled().await;
}

#[tokio::test]
async fn reactions_are_told_as_counts() {
    let scene = Scene::new().await;
    let id = scene.post("news").await;
    let (_, info) = scene.client.text("news").await;
    let server_id = u64::try_from(info.server_id).unwrap();
    let counts = |event: &Event| match event {
        Event::NewsletterLiveUpdate(update) => {
            let message = update.messages.iter().find(|message| message.server_id == server_id)?;
            let counts: Vec<(String, u64)> =
                message.reactions.iter().map(|it| (it.code.clone(), it.count)).collect();
            Some((update.newsletter_jid.to_string(), counts))
        }
        _ => None,
    };
    let seen = scene.client.seen();
    let react = json!({ "kind": "reaction", "messageId": id, "emoji": "👍" });
    scene.say(&scene.bia, react).await.unwrap();
    let told = scene.client.event_after(seen, counts).await;
    assert_eq!(told, (scene.newsletter.clone(), vec![("👍".to_owned(), 1)]));
    let seen = scene.client.seen();
    scene.client.client.newsletter().send_reaction(&scene.jid(), server_id, "👍").await.unwrap();
    assert_eq!(scene.client.event_after(seen, counts).await.1, [("👍".to_owned(), 2)]);
    let seen = scene.client.seen();
    scene.client.client.newsletter().send_reaction(&scene.jid(), server_id, "").await.unwrap();
    assert_eq!(scene.client.event_after(seen, counts).await.1, [("👍".to_owned(), 1)]);
    scene.is_settled().await;
}

#[tokio::test]
async fn only_its_owner_writes_a_newsletter_with_a_phone_or_a_client() {
    let scene = Scene::new().await;
    let text = json!({ "kind": "text", "text": "mine" });
    assert!(matches!(scene.say(&scene.ana, text).await, Err(Error::Conflict(_))));
    let sent = scene.client.client.send_text(scene.jid(), "mine").await.unwrap();
    assert_eq!(scene.client.ack(&sent.message_id).await.as_deref(), Some("403"));

    let theirs = TestClient::linked(&scene.sim, &scene.bia).await;
    let id = theirs.send_to(scene.jid(), "from the office").await;
    assert_eq!(theirs.ack(&id).await, None);
    scene.client.text("from the office").await;
    let history =
        scene.client.client.newsletter().get_messages(scene.jid(), 10, None).await.unwrap();
    assert_eq!(history.iter().map(|post| &post.message_id).collect::<Vec<_>>(), [&id]);
    scene.is_settled().await;
}

#[tokio::test]
async fn newsletters_and_posts_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = async || Simulator::builder().data_dir(directory.path()).start().await.unwrap();
    let sim = start().await;
    sim.create_phone(ANA, "Ana").unwrap();
    sim.create_phone(BIA, "Bia").unwrap();
    let program = Program::new(&sim);
    let body = json!({ "owner": BIA, "name": "News", "subscribers": [ANA] });
    let (_, made) = program.post("/newsletters", body).await;
    let newsletter = made["jid"].as_str().unwrap().to_owned();
    let say = json!({ "to": newsletter, "message": { "kind": "text", "text": "before" } });
    let (_, said) = program.post(&format!("/phones/{BIA}/say"), say).await;
    sim.stop().await;

    let sim = start().await;
    let bia = sim.phone(BIA).unwrap();
    let react = json!({ "kind": "reaction", "messageId": said["messageId"], "emoji": "👍" });
    let react: Saying = serde_json::from_value(react).unwrap();
    bia.say(&newsletter, &react, &Manner::default()).await.unwrap();
    let id = bia.send_text(&newsletter, "after").await.unwrap();
    sim.phone(ANA).unwrap().wait_for_message(|message| message.id == id).await.unwrap();
    sim.stop().await;
}
