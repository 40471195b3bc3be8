//! Polls and flows, and messages by where they come from.

use insta::assert_json_snapshot;
use wharf_domain::{
    address::Party,
    message::{Chat, ChatKind, Content, Direction, Message},
};

use crate::{
    ana, jid,
    message_exchange::{exchange, id, received, said},
    us,
};

#[test]
fn a_poll() {
    assert_json_snapshot!(said(Content::Poll {
        title: "Pizza or sushi?".to_owned(),
        options: vec!["Pizza".to_owned(), "Sushi".to_owned()],
        selectable: 1,
    }));
}

#[test]
fn a_vote_and_its_withdrawal() {
    let vote =
        |selected| said(Content::PollVote { target: id("3EB0000000000000000000"), selected });
    assert_json_snapshot!([vote(vec!["Sushi".to_owned()]), vote(Vec::new())]);
}

#[test]
fn an_answer_to_a_flow() {
    let reply = |name: &str, params: &str| {
        said(Content::FlowReply {
            name: name.to_owned(),
            params: params.to_owned(),
            text: "Sent".to_owned(),
        })
    };
    let form = reply("galaxy_message", r#"{"flow_token":"order-7","size":"large"}"#);
    let tap = reply("quick_reply", r#"{"id":"yes","selectedCarouselCardIndex":2}"#);
    let no_json = reply("quick_reply", "yes");
    assert_json_snapshot!([form, tap, no_json]);
}

#[test]
fn a_text_typed_on_the_phone_has_no_source() {
    let message = Message {
        direction: Direction::Outgoing,
        sender: us(),
        recipient: Some(ana()),
        ..received(Content::Text("hello".to_owned()))
    };
    assert_json_snapshot!(exchange(message)["data"]);
}

#[test]
fn a_text_sent_through_the_api_carries_its_source() {
    let message = Message {
        direction: Direction::Outgoing,
        sender: us(),
        recipient: Some(ana()),
        source: Some("api".to_owned()),
        ..received(Content::Text("hello".to_owned()))
    };
    assert_eq!(exchange(message)["data"]["message"]["source"], "api");
}

#[test]
fn a_post_in_a_channel_and_a_status_update() {
    let in_chat = |raw, name: Option<&str>| {
        let party = Party { jid: jid(raw), lid: None, name: name.map(str::to_owned) };
        let chat = Chat { kind: ChatKind::of(&party.jid), party, is_community: false };
        let sender = if chat.kind == ChatKind::Newsletter { chat.party.clone() } else { ana() };
        let message = Message { chat, sender, ..received(Content::Text("hello".to_owned())) };
        let mut data = exchange(message)["data"].take();
        data.as_object_mut().unwrap().remove("message").unwrap();
        data
    };
    assert_json_snapshot!([
        in_chat("120363000000000002@newsletter", Some("News of the street")),
        in_chat("status@broadcast", None)
    ]);
}

#[test]
fn somebody_known_by_the_hidden_address_only() {
    let hidden = Party::of(jid("100000000000003@lid"), None, None);
    let chat = Chat { party: hidden.clone(), kind: ChatKind::Private, is_community: false };
    let message = Message { chat, sender: hidden, ..received(Content::Text("hello".to_owned())) };
    let data = &exchange(message)["data"];
    assert_json_snapshot!([&data["chat"], &data["sender"]]);
}
