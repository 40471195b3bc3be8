//! Whatever can be said in a chat, as a client of the real library reads it.

use serde_json::{Value, json};
use wacore::poll::{PollVoteCiphertext, compute_option_hash};
use wacore::proto_helpers::MessageExt as _;
use wacore::types::message::EditAttribute;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::interactive_response_message::InteractiveResponseMessage;
use waproto::whatsapp::message::protocol_message::Type;
use wharf_whatsapp_sim::{Manner, MediaKind, NewMedia, Phone, Saying, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::types::message::MessageInfo;

use crate::admin::{Program, refused};
use crate::client::{TestClient, eventually};

const ANA: &str = "5511999990001";
const BIA: &str = "5511999990002";
const STATUS: &str = "status@broadcast";

/// Bia, whom nobody else watches, and Ana with a client; a group of both.
struct Scene {
    sim: Simulator,
    ana: Phone,
    bia: Phone,
    /// Ana's.
    client: TestClient,
    group: String,
}

impl Scene {
    async fn new(by_lid: bool) -> Self {
        let sim = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
        let ana = sim.create_phone(ANA, "Ana").unwrap();
        let bia = sim.create_phone(BIA, "Bia").unwrap();
        let client = TestClient::linked(&sim, &ana).await;
        let group = sim.create_group(BIA, "Two", &[ANA]).await.unwrap();
        Self { sim, ana, bia, client, group }
    }

    /// What Ana's client gets when Bia says that.
    async fn heard(&self, to: &str, say: Value) -> (wa::Message, MessageInfo) {
        let id = said(&self.bia, to, say).await;
        let (message, info) = self.client.message(&id).await;
        (message.get_base_message().clone(), (*info).clone())
    }

    async fn is_settled(&self) {
        eventually("empty queues", async || self.sim.stats().queued == 0).await;
        assert!(self.sim.stats().unknown.is_empty(), "{:?}", self.sim.stats());
    }
}

async fn said(phone: &Phone, to: &str, say: Value) -> String {
    let saying: Saying = serde_json::from_value(say).unwrap();
    phone.say(to, &saying, &Manner::default()).await.unwrap()
}

#[tokio::test]
async fn places_and_cards_arrive_in_every_kind_of_chat() {
    let scene = Scene::new(false).await;
    for to in [ANA, &scene.group] {
        let place =
            json!({ "kind": "location", "latitude": -23.5, "longitude": -46.6, "name": "Sé" });
        let (message, _) = scene.heard(to, place).await;
        let place = &message.location_message;
        assert_eq!((place.degrees_latitude, place.degrees_longitude), (Some(-23.5), Some(-46.6)));
        assert_eq!(place.name.as_deref(), Some("Sé"));
        let live = json!({ "kind": "live-location", "latitude": 1.0, "longitude": 2.0, "caption": "here" });
        let (message, _) = scene.heard(to, live).await;
        assert_eq!(message.live_location_message.caption.as_deref(), Some("here"));
        let card = json!({ "kind": "contact", "name": "Caio", "number": "5511999990003" });
        let (message, _) = scene.heard(to, card).await;
        assert_eq!(message.contact_message.display_name.as_deref(), Some("Caio"));
        assert!(message.contact_message.vcard.as_deref().unwrap().contains("waid=5511999990003:"));
        let cards = json!({ "kind": "contacts", "contacts": [
            { "name": "Caio", "number": "5511999990003" },
            { "name": "Davi", "number": "5511999990004" },
        ] });
        let (message, _) = scene.heard(to, cards).await;
        assert_eq!(message.contacts_array_message.contacts.len(), 2);
    }
    scene.is_settled().await;
}

#[tokio::test]
async fn reactions_edits_and_revocations_name_what_they_are_about() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        for to in [ANA, &scene.group] {
            let first = said(&scene.bia, to, json!({ "kind": "text", "text": "frist" })).await;
            let react =
                |emoji: &str| json!({ "kind": "reaction", "messageId": first, "emoji": emoji });
            let (message, info) = scene.heard(to, react("👍")).await;
            assert_eq!(message.reaction_message.key.id.as_ref(), Some(&first));
            assert_eq!(message.reaction_message.text.as_deref(), Some("👍"));
            assert_eq!(info.edit, EditAttribute::Empty);
            let (message, info) = scene.heard(to, react("")).await;
            assert_eq!(message.reaction_message.text.as_deref(), Some(""));
            assert_eq!(info.edit, EditAttribute::SenderRevoke);

            let edit = json!({ "kind": "edit", "messageId": first, "text": "first" });
            let (message, info) = scene.heard(to, edit).await;
            let protocol = &message.protocol_message;
            assert_eq!(
                (&protocol.key.id, protocol.r#type),
                (&Some(first.clone()), Some(Type::MessageEdit))
            );
            assert_eq!(protocol.edited_message.text_content(), Some("first"));
            assert_eq!(info.edit, EditAttribute::MessageEdit);

            let edit = json!({ "kind": "edit", "messageId": first, "text": "1st", "sealed": true });
            let (message, info) = scene.heard(to, edit).await;
            // The library has the message's secret, and opens it.
            let protocol = &message.protocol_message;
            assert_eq!(protocol.edited_message.text_content(), Some("1st"));
            assert_eq!(
                (&protocol.key.id, info.edit),
                (&Some(first.clone()), EditAttribute::MessageEdit)
            );

            let revoke = json!({ "kind": "revoke", "messageId": first });
            let (message, info) = scene.heard(to, revoke).await;
            let protocol = &message.protocol_message;
            assert_eq!(
                (&protocol.key.id, protocol.r#type),
                (&Some(first.clone()), Some(Type::Revoke))
            );
            assert_eq!(info.edit, EditAttribute::SenderRevoke);
        }
        // Who leads a group takes away what others have written.
        let id = said(&scene.ana, &scene.group, json!({ "kind": "text", "text": "rude" })).await;
        let (message, info) =
            scene.heard(&scene.group, json!({ "kind": "revoke", "messageId": id })).await;
        let own = if by_lid { scene.ana.lid() } else { scene.ana.jid() };
        assert_eq!(message.protocol_message.key.participant, Some(own));
        assert_eq!(info.edit, EditAttribute::AdminRevoke);
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn a_vote_can_be_opened_by_who_has_the_poll() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        for to in [ANA, &scene.group] {
            let options = ["tea", "coffee", "water"];
            let poll = json!({ "kind": "poll", "question": "Drink?", "options": options });
            let (message, info) = scene.heard(to, poll).await;
            let asked = &message.poll_creation_message_v3;
            assert_eq!(asked.name.as_deref(), Some("Drink?"));
            let secret = message.message_context_info.message_secret.clone().unwrap();
            let vote = json!({ "kind": "poll-vote", "messageId": info.id, "options": ["coffee"] });
            let (message, vote) = scene.heard(to, vote).await;
            let chosen = opened(&scene, &message, &vote, &secret, &info.source.sender).await;
            assert_eq!(chosen, [compute_option_hash("coffee").to_vec()]);
        }
        // A client asks, a phone answers, and takes the answer back.
        let chat: Jid = if by_lid { scene.bia.lid() } else { scene.bia.jid() }.parse().unwrap();
        let options = ["now".to_owned(), "later".to_owned()];
        let polls = scene.client.client.polls();
        let (sent, secret) = polls.create(chat, "When?", &options, 2).await.unwrap();
        scene.bia.wait_for_message(|message| message.id == sent.message_id).await.unwrap();
        let own: Jid = if by_lid { scene.ana.lid() } else { scene.ana.jid() }.parse().unwrap();
        for chosen in [vec!["now", "later"], vec![]] {
            let vote =
                json!({ "kind": "poll-vote", "messageId": sent.message_id, "options": chosen });
            let (message, info) = scene.heard(ANA, vote).await;
            let hashes: Vec<_> =
                chosen.iter().map(|name| compute_option_hash(name).to_vec()).collect();
            assert_eq!(opened(&scene, &message, &info, &secret, &own).await, hashes);
        }
        scene.is_settled().await;
    }
}

async fn opened(
    scene: &Scene,
    message: &wa::Message,
    info: &MessageInfo,
    secret: &[u8],
    creator: &Jid,
) -> Vec<Vec<u8>> {
    let update = &message.poll_update_message;
    let sealed = PollVoteCiphertext {
        enc_payload: update.vote.enc_payload.as_deref().unwrap(),
        enc_iv: update.vote.enc_iv.as_deref().unwrap(),
    };
    let poll = update.poll_creation_message_key.id.as_deref().unwrap();
    let polls = scene.client.client.polls();
    polls.decrypt_vote(sealed, secret, poll, creator, &info.source.sender).await.unwrap()
}

#[tokio::test]
async fn taps_arrive_as_what_was_tapped() {
    let scene = Scene::new(false).await;
    let question = scene.client.send(BIA, "yes or no?").await;
    scene.bia.wait_for_message(|message| message.id == question).await.unwrap();
    let tap =
        json!({ "kind": "button-reply", "messageId": question, "buttonId": "y", "text": "Yes" });
    let (message, _) = scene.heard(ANA, tap).await;
    let reply = &message.buttons_response_message;
    assert_eq!(reply.selected_button_id.as_deref(), Some("y"));
    assert_eq!(reply.context_info.stanza_id.as_ref(), Some(&question));
    let tap = json!({ "kind": "template-reply", "buttonId": "n", "text": "No", "index": 1 });
    let (message, _) = scene.heard(ANA, tap).await;
    let reply = &message.template_button_reply_message;
    assert_eq!((reply.selected_id.as_deref(), reply.selected_index), (Some("n"), Some(1)));
    let pick = json!({ "kind": "list-reply", "rowId": "r2", "title": "Second" });
    let (message, _) = scene.heard(ANA, pick).await;
    let reply = &message.list_response_message;
    assert_eq!(reply.single_select_reply.selected_row_id.as_deref(), Some("r2"));
    assert_eq!(reply.title.as_deref(), Some("Second"));
    let flow = json!({ "kind": "flow-reply", "name": "single_select", "params": { "id": "r2" }, "text": "Second" });
    let (message, _) = scene.heard(ANA, flow).await;
    let reply = &message.interactive_response_message;
    let Some(InteractiveResponseMessage::NativeFlowResponseMessage(flow)) =
        &reply.interactive_response_message
    else {
        panic!("{reply:?}")
    };
    assert_eq!(flow.name.as_deref(), Some("single_select"));
    assert_eq!(flow.params_json.as_deref(), Some(r#"{"id":"r2"}"#));
    assert_eq!(reply.body.text.as_deref(), Some("Second"));
    scene.is_settled().await;
}

#[tokio::test]
async fn what_is_typed_on_the_own_phone_comes_to_its_client_as_ones_own() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        for to in [BIA, &scene.group] {
            let first =
                said(&scene.ana, to, json!({ "kind": "text", "text": "from my phone" })).await;
            for say in [
                json!({ "kind": "reaction", "messageId": first, "emoji": "🎉" }),
                json!({ "kind": "edit", "messageId": first, "text": "from my own phone" }),
                json!({ "kind": "location", "latitude": 1.0, "longitude": 2.0 }),
                json!({ "kind": "revoke", "messageId": first }),
            ] {
                let id = said(&scene.ana, to, say).await;
                let (_, info) = scene.client.message(&id).await;
                assert!(info.source.is_from_me);
                let bia = if by_lid { scene.bia.lid() } else { scene.bia.jid() };
                let chat = if to == BIA { &bia } else { &scene.group };
                assert_eq!(&info.source.chat.to_string(), chat);
                scene.bia.wait_for_message(|message| message.id == id).await.unwrap();
            }
        }
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn answers_mentions_and_what_is_passed_on_say_so() {
    let scene = Scene::new(false).await;
    let question = scene.client.send(BIA, "who?").await;
    scene.bia.wait_for_message(|message| message.id == question).await.unwrap();
    let manner = Manner {
        quoted: Some(question.clone()),
        mentions: vec![ANA.to_owned()],
        forwarded: true,
        viewers: Vec::new(),
    };
    let text = Saying::Text { text: format!("@{ANA}") };
    let id = scene.bia.say(ANA, &text, &manner).await.unwrap();
    let (message, _) = scene.client.message(&id).await;
    let context = &message.get_base_message().extended_text_message.context_info;
    assert_eq!(context.stanza_id.as_ref(), Some(&question));
    assert_eq!(context.mentioned_jid, [scene.ana.jid()]);
    assert_eq!(context.is_forwarded, Some(true));

    let picture = NewMedia {
        kind: MediaKind::Image,
        bytes: b"picture".to_vec(),
        mime_type: None,
        file_name: None,
        caption: None,
        seconds: None,
    };
    let id = scene.bia.share(ANA, picture, &manner).await.unwrap();
    let (message, _) = scene.client.message(&id).await;
    let context = &message.get_base_message().image_message.context_info;
    assert_eq!(context.stanza_id.as_ref(), Some(&question));
    scene.is_settled().await;
}

#[tokio::test]
async fn everything_can_be_put_into_the_status() {
    let scene = Scene::new(false).await;
    let manner = Manner { viewers: vec![ANA.to_owned()], ..Manner::default() };
    let place = Saying::Location { latitude: 1.0, longitude: 2.0, name: None, address: None };
    let id = scene.bia.say(STATUS, &place, &manner).await.unwrap();
    let (message, info) = scene.client.message(&id).await;
    assert_eq!(info.source.chat.to_string(), STATUS);
    assert!(message.get_base_message().location_message.is_set());
    let film = NewMedia {
        kind: MediaKind::Video,
        bytes: b"film".to_vec(),
        mime_type: None,
        file_name: None,
        caption: Some("look".to_owned()),
        seconds: None,
    };
    let id = scene.bia.share(STATUS, film, &manner).await.unwrap();
    let (message, _) = scene.client.message(&id).await;
    assert_eq!(message.get_base_message().video_message.caption.as_deref(), Some("look"));
    scene.is_settled().await;
}

#[tokio::test]
async fn all_of_it_is_asked_for_over_http() {
    let scene = Scene::new(false).await;
    let program = Program::new(&scene.sim);
    let path = format!("/phones/{BIA}/say");
    let body = json!({
        "to": ANA, "message": { "kind": "text", "text": "hi @you" }, "mentions": [ANA], "forwarded": true,
    });
    let (_, said) = program.post(&path, body).await;
    let (message, _) = scene.client.message(said["messageId"].as_str().unwrap()).await;
    let context = &message.get_base_message().extended_text_message.context_info;
    assert_eq!(
        (&context.mentioned_jid, context.is_forwarded),
        (&vec![scene.ana.jid()], Some(true))
    );
    for (body, status) in [
        (json!({ "to": ANA, "message": { "kind": "song" } }), 400),
        (json!({ "to": ANA, "message": { "kind": "revoke", "messageId": "none" } }), 404),
        (json!({ "to": ANA, "message": { "kind": "text", "text": "x" }, "loud": true }), 400),
    ] {
        refused(&program.post(&path, body).await, status.try_into().unwrap());
    }
    let voice = json!({
        "to": STATUS, "kind": "voice", "base64": "bm9pc2U=", "viewers": [ANA],
    });
    let (_, sent) = program.post(&format!("/phones/{BIA}/send-media"), voice).await;
    let (message, info) = scene.client.message(sent["messageId"].as_str().unwrap()).await;
    assert_eq!(message.get_base_message().audio_message.ptt, Some(true));
    assert_eq!(info.source.chat.to_string(), STATUS);
}
