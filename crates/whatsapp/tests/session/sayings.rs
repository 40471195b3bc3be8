use wharf_domain::message::{ChatKind, Content, Direction, Message};
use wharf_whatsapp_sim::{Manner, Saying, Simulator};

use crate::{
    recorder::Told,
    world::{ANA, Live, OWN, World},
};

const BIA: &str = "5511999990002";

async fn worlds() -> [World; 2] {
    let by = |lid| async move {
        let simulator = Simulator::builder().lid_addressing(lid).start().await.unwrap();
        World::on(simulator, |_| {})
    };
    [by(false).await, by(true).await]
}

async fn told(live: &Live, wanted: impl Fn(&Content) -> bool) -> Message {
    live.recorder
        .wait_for("message", |told| match told {
            Told::Inbound(inbound) if wanted(&inbound.message.content) => {
                Some(inbound.message.clone())
            }
            _ => None,
        })
        .await
}

fn plain() -> Manner {
    Manner::default()
}

fn poll() -> Saying {
    Saying::Poll {
        question: "Almoço?".to_owned(),
        options: ["Pizza", "Sushi", "Salada"].map(str::to_owned).into(),
        selectable: Some(0),
    }
}

fn vote(poll: &str, options: &[&str]) -> Saying {
    let options = options.iter().map(ToString::to_string).collect();
    Saying::PollVote { message_id: poll.to_owned(), options }
}

async fn selected(live: &Live, options: &[&str], by: &str) -> Message {
    live.recorder
        .wait_for("vote", |told| match told {
            Told::Inbound(inbound) => match &inbound.message.content {
                Content::PollVote { selected, .. }
                    if selected == options && inbound.message.sender.jid.user() == by =>
                {
                    Some(inbound.message.clone())
                }
                _ => None,
            },
            Told::Event(_) => None,
        })
        .await
}

#[tokio::test]
async fn votes_are_told_with_the_options_picked_whoever_made_the_poll() {
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        let id = ana.say(OWN, &poll(), &plain()).await.unwrap();
        let made = told(&paired.live, |content| matches!(content, Content::Poll { .. })).await;
        let Content::Poll { title, options, selectable } = made.content else { panic!("no poll") };
        assert_eq!((title.as_str(), selectable), ("Almoço?", 0));
        assert_eq!(options, ["Pizza", "Sushi", "Salada"]);
        ana.say(OWN, &vote(&id, &["Salada", "Pizza"]), &plain()).await.unwrap();
        let picked = selected(&paired.live, &["Pizza", "Salada"], ANA).await;
        let Content::PollVote { target, .. } = picked.content else { panic!("no vote") };
        assert_eq!(target.as_str(), id);
        ana.say(OWN, &vote(&id, &[]), &plain()).await.unwrap();
        selected(&paired.live, &[], ANA).await;
        // The owner votes on the phone, and makes a poll there.
        paired.phone.say(ANA, &vote(&id, &["Sushi"]), &plain()).await.unwrap();
        let own = selected(&paired.live, &["Sushi"], OWN).await;
        assert_eq!((own.direction, own.chat.party.jid.user()), (Direction::Outgoing, ANA));
        let own = paired.phone.say(ANA, &poll(), &plain()).await.unwrap();
        ana.wait_for_message(|shown| shown.id == own).await.unwrap();
        ana.say(OWN, &vote(&own, &["Sushi"]), &plain()).await.unwrap();
        selected(&paired.live, &["Sushi"], ANA).await;
    }
}

#[tokio::test]
async fn votes_in_a_group_are_told_with_who_voted() {
    for world in worlds().await {
        let paired = world.pair().await;
        let (ana, bia) = (world.phone(ANA, "Ana"), world.phone(BIA, "Bia"));
        let group = world.simulator.create_group(ANA, "Amigas", &[OWN, BIA]).await.unwrap();
        let id = ana.say(&group, &poll(), &plain()).await.unwrap();
        bia.wait_for_message(|shown| shown.id == id).await.unwrap();
        bia.say(&group, &vote(&id, &["Pizza"]), &plain()).await.unwrap();
        let picked = selected(&paired.live, &["Pizza"], BIA).await;
        assert_eq!(
            (picked.chat.kind, picked.sender.name.as_deref()),
            (ChatKind::Group, Some("Bia"))
        );
    }
}

#[tokio::test]
async fn a_vote_that_came_while_nobody_was_there_opens_with_the_poll_that_comes_with_it() {
    let world = World::new().await;
    let paired = world.pair().await;
    paired.live.session.stop().await;
    let ana = world.phone(ANA, "Ana");
    let id = ana.say(OWN, &poll(), &plain()).await.unwrap();
    ana.say(OWN, &vote(&id, &["Sushi"]), &plain()).await.unwrap();
    let live = world.reconnect(paired.instance).await;
    selected(&live, &["Sushi"], ANA).await;
}

#[tokio::test]
async fn a_vote_in_a_poll_nobody_knows_is_told_as_something_closed() {
    let world = World::new().await;
    let ana = world.phone(ANA, "Ana");
    let phone = world.phone(OWN, "Loja");
    // Before there was a device.
    let id = ana.say(OWN, &poll(), &plain()).await.unwrap();
    let paired = world.pair_with(phone, crate::world::request(crate::world::instance())).await;
    ana.say(OWN, &vote(&id, &["Sushi"]), &plain()).await.unwrap();
    let closed = Content::Other("pollUpdateMessage".to_owned());
    told(&paired.live, |content| *content == closed).await;
}

#[tokio::test]
async fn edits_and_deletions_name_what_they_change() {
    for world in worlds().await {
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        // Newer phones encrypt an edit under the secret of the message.
        for sealed in [false, true] {
            let id = ana.send_text(OWN, "ola").await.unwrap();
            let text = format!("olá, sealed: {sealed}");
            let edit = Saying::Edit { message_id: id.clone(), text: text.clone(), sealed };
            ana.say(OWN, &edit, &plain()).await.unwrap();
            let edited = told(&paired.live, |it| it.text() == text).await;
            let Content::Edit { target, .. } = &edited.content else { panic!("no edit") };
            assert_eq!((target.as_str(), edited.sender.jid.user()), (id.as_str(), ANA));
        }
        let id = ana.send_text(OWN, "nada").await.unwrap();
        ana.say(OWN, &Saying::Revoke { message_id: id.clone() }, &plain()).await.unwrap();
        let revoked = told(&paired.live, |it| matches!(it, Content::Revoke { .. })).await;
        let Content::Revoke { target } = &revoked.content else { panic!("no deletion") };
        assert_eq!(target.as_str(), id);
    }
}

#[tokio::test]
async fn an_admin_who_deletes_what_somebody_else_wrote_is_told_as_the_one_who_did_it() {
    for world in worlds().await {
        let paired = world.pair().await;
        let (ana, bia) = (world.phone(ANA, "Ana"), world.phone(BIA, "Bia"));
        let group = world.simulator.create_group(ANA, "Amigas", &[OWN, BIA]).await.unwrap();
        let id = bia.send_text(&group, "propaganda").await.unwrap();
        ana.wait_for_message(|shown| shown.id == id).await.unwrap();
        ana.say(&group, &Saying::Revoke { message_id: id.clone() }, &plain()).await.unwrap();
        let revoked = told(&paired.live, |it| matches!(it, Content::Revoke { .. })).await;
        let Content::Revoke { target } = &revoked.content else { panic!("no deletion") };
        assert_eq!((target.as_str(), revoked.sender.jid.user()), (id.as_str(), ANA));
    }
}

#[tokio::test]
async fn answers_to_buttons_lists_and_flows_are_told() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let (id, text) = ("b1".to_owned(), "Sim".to_owned());
    let button = Content::ButtonReply { id: id.clone(), text: text.clone() };
    let table = [
        (
            Saying::ButtonReply { message_id: None, button_id: id.clone(), text: text.clone() },
            button.clone(),
        ),
        (
            Saying::ListReply {
                message_id: None,
                row_id: id.clone(),
                title: text.clone(),
                description: None,
            },
            Content::ListReply { id: id.clone(), title: text.clone() },
        ),
        (
            Saying::FlowReply {
                message_id: None,
                name: "flow".to_owned(),
                params: serde_json::json!({ "a": 1 }),
                text: text.clone(),
            },
            Content::FlowReply {
                name: "flow".to_owned(),
                params: r#"{"a":1}"#.to_owned(),
                text: text.clone(),
            },
        ),
    ];
    for (saying, content) in table {
        ana.say(OWN, &saying, &plain()).await.unwrap();
        told(&paired.live, |it| *it == content).await;
    }
    let template =
        Saying::TemplateReply { message_id: None, button_id: "t1".to_owned(), text, index: 0 };
    ana.say(OWN, &template, &plain()).await.unwrap();
    let expected = Content::ButtonReply { id: "t1".to_owned(), text: "Sim".to_owned() };
    told(&paired.live, |it| *it == expected).await;
}

#[tokio::test]
async fn what_surrounds_a_message_is_told_with_it() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let first = ana.send_text(OWN, "um").await.unwrap();
    let manner = Manner {
        quoted: Some(first.clone()),
        mentions: vec![OWN.to_owned()],
        forwarded: true,
        viewers: Vec::new(),
    };
    let saying = Saying::Text { text: "dois".to_owned() };
    ana.say(OWN, &saying, &manner).await.unwrap();
    let message = paired.live.recorder.message("dois").await;
    let quote = message.quote.unwrap();
    assert_eq!((quote.message_id.as_str(), quote.text.as_str()), (first.as_str(), "um"));
    assert!(message.is_forwarded);
    assert_eq!(message.mentions.len(), 1);
}

#[tokio::test]
async fn a_status_of_any_kind_is_told_as_its_authors() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let manner = Manner { viewers: vec![OWN.to_owned()], ..plain() };
    let saying = Saying::Text { text: "na praia".to_owned() };
    ana.say("status@broadcast", &saying, &manner).await.unwrap();
    let status = paired.live.recorder.message("na praia").await;
    assert_eq!((status.chat.kind, status.sender.jid.user()), (ChatKind::Broadcast, ANA));
}

#[tokio::test]
async fn a_post_of_a_newsletter_is_told_as_the_newsletters() {
    let world = World::new().await;
    let paired = world.pair().await;
    let ana = world.phone(ANA, "Ana");
    let newsletter = world.simulator.create_newsletter(ANA, "Novidades", &[OWN]).await.unwrap();
    let post = Saying::Text { text: "lançamento".to_owned() };
    ana.say(&newsletter, &post, &plain()).await.unwrap();
    let message = paired.live.recorder.message("lançamento").await;
    let id = message.id.as_str().to_owned();
    assert_eq!((message.chat.kind, message.direction), (ChatKind::Newsletter, Direction::Incoming));
    assert_eq!(message.chat.party.jid.to_string(), newsletter);
    assert_eq!(message.sender.jid.to_string(), newsletter);
    for words in ["lançamento!", "lançamento!!"] {
        let (message_id, text) = (id.clone(), words.to_owned());
        let edit = Saying::Edit { message_id, text, sealed: false };
        ana.say(&newsletter, &edit, &plain()).await.unwrap();
        let edited = paired.live.recorder.message(words).await;
        let Content::Edit { target, .. } = &edited.content else { panic!("{edited:?}") };
        assert_eq!(target.as_str(), id);
    }
    let keys: std::collections::HashSet<_> = paired
        .live
        .recorder
        .told()
        .into_iter()
        .filter_map(|told| match told {
            Told::Inbound(inbound) => Some(inbound.key.0),
            Told::Event(_) => None,
        })
        .collect();
    assert_eq!(keys.len(), 3);
    ana.say(&newsletter, &Saying::Revoke { message_id: id.clone() }, &plain()).await.unwrap();
    let gone = told(&paired.live, |it| matches!(it, Content::Revoke { .. })).await;
    assert_eq!((gone.id.as_str(), gone.chat.kind), (&*id, ChatKind::Newsletter));
}
