use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_domain::{
    delivery::MediaCopy,
    event::EventBody,
    message::{ContactCard, Content, Direction, Media, MediaKind, Message, MessageId, Quote},
};

use crate::{ana, at, chat_with_ana, group_chat, jid, rendered, rendered_with, us};

pub(crate) fn received(content: Content) -> Message {
    Message {
        id: id("3EB0000000000000000001"),
        direction: Direction::Incoming,
        timestamp: at(),
        chat: chat_with_ana(),
        sender: ana(),
        recipient: None,
        content,
        quote: None,
        mentions: Vec::new(),
        is_forwarded: false,
        source: None,
    }
}

pub(crate) fn id(raw: &str) -> MessageId {
    MessageId::parse(raw).unwrap()
}

pub(crate) fn exchange(message: Message) -> Value {
    rendered(EventBody::Message(Box::new(message)))
}

/// What of `data.message` depends on the kind of content.
pub(crate) fn said(content: Content) -> Value {
    let mut message = exchange(received(content))["data"]["message"].take();
    let told = message.as_object_mut().unwrap();
    for shared in ["id", "direction", "timestamp", "chat", "sender", "source", "context"] {
        told.remove(shared).unwrap();
    }
    told.retain(|_, value| !value.is_null());
    message
}

fn media(kind: MediaKind) -> Content {
    Content::Media(Media {
        kind,
        url: Some("https://mmg.whatsapp.net/v/1".to_owned()),
        mime_type: Some("image/jpeg".to_owned()),
        file_name: Some("cat.jpg".to_owned()),
        caption: Some("my cat".to_owned()),
        size: Some(1024),
        duration: None,
    })
}

#[test]
fn a_received_text() {
    assert_json_snapshot!(exchange(received(Content::Text("hello".to_owned()))));
}

#[test]
fn a_text_sent_to_a_group_with_quote_and_mention() {
    let message = Message {
        direction: Direction::Outgoing,
        chat: group_chat(),
        sender: us(),
        recipient: Some(group_chat().party),
        quote: Some(Quote {
            message_id: id("3EB0000000000000000000"),
            author: Some(ana().jid),
            text: "hi".to_owned(),
        }),
        mentions: vec![jid("100000000000001@lid")],
        is_forwarded: true,
        source: Some("crm".to_owned()),
        ..received(Content::Text("hello".to_owned()))
    };
    assert_json_snapshot!(exchange(message));
}

#[test]
fn the_keys_of_the_catalogue_repeat_the_live_ones() {
    let envelope = exchange(received(Content::Text("hello".to_owned())));
    for key in ["id", "direction", "timestamp", "chat", "sender"] {
        assert_eq!(envelope["data"][key], envelope["data"]["message"][key], "{key}");
    }
}

#[test]
fn media_comes_with_its_particulars() {
    assert_json_snapshot!(said(media(MediaKind::Image)));
}

#[test]
fn every_kind_of_media_has_the_names_clients_know() {
    let kinds = [
        MediaKind::Video,
        MediaKind::VideoNote,
        MediaKind::Audio,
        MediaKind::VoiceNote,
        MediaKind::Document,
        MediaKind::Sticker,
    ];
    let names: Vec<_> = kinds
        .into_iter()
        .map(|kind| {
            let said = said(media(kind));
            json!([said["type"], said["media"]["type"], said["media"]["isVoiceNote"]])
        })
        .collect();
    assert_json_snapshot!(names);
}

#[test]
fn a_place() {
    assert_json_snapshot!(said(Content::Location {
        latitude: -23.5,
        longitude: -46.625,
        name: Some("Office".to_owned()),
        address: None,
    }));
}

#[test]
fn contact_cards() {
    let card = |name: &str, tel: &str| ContactCard {
        display_name: name.to_owned(),
        vcard: format!("BEGIN:VCARD\nFN:{name}\nTEL;waid={tel}:+{tel}\nEND:VCARD"),
    };
    let one = said(Content::Contacts(vec![card("Ana", "5511999990001")]));
    let two =
        said(Content::Contacts(vec![card("Ana", "5511999990001"), card("Rui", "5511999990003")]));
    assert_json_snapshot!([one, two]);
}

#[test]
fn a_reaction_and_its_withdrawal() {
    let target = id("3EB0000000000000000000");
    let given = said(Content::Reaction { target: target.clone(), emoji: Some("👍".to_owned()) });
    let withdrawn = said(Content::Reaction { target, emoji: None });
    assert_json_snapshot!([given, withdrawn]);
}

#[test]
fn a_tap_on_a_button_and_a_pick_from_a_list() {
    let tap = said(Content::ButtonReply { id: "yes".to_owned(), text: "Yes!".to_owned() });
    let pick = said(Content::ListReply { id: "row-1".to_owned(), title: "One".to_owned() });
    assert_json_snapshot!([tap, pick]);
}

#[test]
fn an_edit_points_at_what_it_changes() {
    assert_json_snapshot!(said(Content::Edit {
        target: id("3EB0000000000000000000"),
        text: "hello again".to_owned(),
    }));
}

#[test]
fn a_deletion_goes_by_the_id_of_what_was_deleted() {
    let envelope = exchange(received(Content::Revoke { target: id("3EB0000000000000000000") }));
    let data = &envelope["data"];
    assert_json_snapshot!([&data["id"], &data["message"]["id"], &data["message"]["type"]]);
}

#[test]
fn a_kind_without_details_keeps_its_name() {
    assert_json_snapshot!(said(Content::Other("requestPhoneNumberMessage".to_owned())));
}

/// What of a picture's media is told when this is known of it.
fn told(copy: &MediaCopy) -> Value {
    let message = EventBody::Message(Box::new(received(media(MediaKind::Image))));
    let mut media = rendered_with(message, Some(copy))["data"]["message"]["media"].take();
    media
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key.starts_with("s3") || key.starts_with("base64"));
    media
}

#[test]
fn media_in_a_bucket_comes_with_its_url_and_as_base64_where_that_is_wanted() {
    assert_json_snapshot!(told(&MediaCopy {
        s3_url: Some("https://bucket.example.com/cat.jpg?X-Amz-Signature=1".to_owned()),
        bytes: Some(b"hello wharf".as_slice().into()),
        ..MediaCopy::default()
    }));
}

#[test]
fn media_that_could_not_be_had_says_why() {
    assert_json_snapshot!(told(&MediaCopy {
        s3_error: Some("the bucket does not exist".to_owned()),
        bytes_error: Some("too large".to_owned()),
        ..MediaCopy::default()
    }));
}
