use waproto::{
    buffa::MessageField,
    whatsapp::message::{
        AppStateSyncKeyShare, ContactsArrayMessage, ExtendedTextMessage, FutureProofMessage,
        ImageMessage, ListResponseMessage, LiveLocationMessage, LocationMessage,
        PollCreationMessage, PollUpdateMessage, ReactionMessage, SenderKeyDistributionMessage,
        TemplateButtonReplyMessage, list_response_message::SingleSelectReply,
        poll_creation_message,
    },
};

use super::*;

fn key(id: &str) -> MessageField<MessageKey> {
    MessageField::some(MessageKey { id: Some(id.to_owned()), ..MessageKey::default() })
}

fn id(raw: &str) -> MessageId {
    MessageId::parse(raw).unwrap()
}

fn protocol(r#type: Type) -> ProtocolMessage {
    ProtocolMessage { key: key("3EB0A"), r#type: Some(r#type), ..ProtocolMessage::default() }
}

fn told(protocol: ProtocolMessage) -> Option<Content> {
    of(&Message { protocol_message: MessageField::some(protocol), ..Message::default() })
}

#[test]
fn text_comes_in_two_shapes() {
    let plain = Message { conversation: Some("olá".to_owned()), ..Message::default() };
    let extended = Message {
        extended_text_message: MessageField::some(ExtendedTextMessage {
            text: Some("olá".to_owned()),
            ..ExtendedTextMessage::default()
        }),
        ..Message::default()
    };
    for message in [plain, extended] {
        assert_eq!(of(&message), Some(Content::Text("olá".to_owned())));
    }
}

#[test]
fn places_keep_their_coordinates_and_lose_empty_names() {
    let place = LocationMessage {
        degrees_latitude: Some(-23.55),
        degrees_longitude: Some(-46.63),
        name: Some("Sé".to_owned()),
        address: Some(String::new()),
        ..LocationMessage::default()
    };
    let live = LiveLocationMessage {
        degrees_latitude: Some(-23.55),
        degrees_longitude: Some(-46.63),
        caption: Some("Sé".to_owned()),
        ..LiveLocationMessage::default()
    };
    let expected = Content::Location {
        latitude: -23.55,
        longitude: -46.63,
        name: Some("Sé".to_owned()),
        address: None,
    };
    let place = Message { location_message: MessageField::some(place), ..Message::default() };
    let live = Message { live_location_message: MessageField::some(live), ..Message::default() };
    assert_eq!(of(&place), Some(expected.clone()));
    assert_eq!(of(&live), Some(expected));
}

#[test]
fn contacts_come_alone_or_together() {
    let ana = ContactMessage {
        display_name: Some("Ana".to_owned()),
        vcard: Some("BEGIN:VCARD".to_owned()),
        ..ContactMessage::default()
    };
    let card = ContactCard { display_name: "Ana".to_owned(), vcard: "BEGIN:VCARD".to_owned() };
    let one = Message { contact_message: MessageField::some(ana.clone()), ..Message::default() };
    let two = Message {
        contacts_array_message: MessageField::some(ContactsArrayMessage {
            contacts: vec![ana.clone(), ana],
            ..ContactsArrayMessage::default()
        }),
        ..Message::default()
    };
    assert_eq!(of(&one), Some(Content::Contacts(vec![card.clone()])));
    assert_eq!(of(&two), Some(Content::Contacts(vec![card.clone(), card])));
}

#[test]
fn an_empty_reaction_takes_it_back() {
    let table = [("👍", Some("👍".to_owned())), ("", None)];
    for (text, emoji) in table {
        let reaction = ReactionMessage {
            key: key("3EB0A"),
            text: Some(text.to_owned()),
            ..ReactionMessage::default()
        };
        let message =
            Message { reaction_message: MessageField::some(reaction), ..Message::default() };
        assert_eq!(of(&message), Some(Content::Reaction { target: id("3EB0A"), emoji }));
    }
}

#[test]
fn taps_and_picks_keep_id_and_text() {
    let tap = ButtonsResponseMessage {
        selected_button_id: Some("b1".to_owned()),
        response: Some(buttons_response_message::Response::SelectedDisplayText("Sim".to_owned())),
        ..ButtonsResponseMessage::default()
    };
    let template = TemplateButtonReplyMessage {
        selected_id: Some("b1".to_owned()),
        selected_display_text: Some("Sim".to_owned()),
        ..TemplateButtonReplyMessage::default()
    };
    let pick = ListResponseMessage {
        title: Some("Sim".to_owned()),
        single_select_reply: MessageField::some(SingleSelectReply {
            selected_row_id: Some("b1".to_owned()),
        }),
        ..ListResponseMessage::default()
    };
    let button = Content::ButtonReply { id: "b1".to_owned(), text: "Sim".to_owned() };
    let row = Content::ListReply { id: "b1".to_owned(), title: "Sim".to_owned() };
    let table = [
        (
            Message { buttons_response_message: MessageField::some(tap), ..Message::default() },
            button.clone(),
        ),
        (
            Message {
                template_button_reply_message: MessageField::some(template),
                ..Message::default()
            },
            button,
        ),
        (Message { list_response_message: MessageField::some(pick), ..Message::default() }, row),
    ];
    for (message, content) in table {
        assert_eq!(of(&message), Some(content));
    }
}

#[test]
fn edits_and_revokes_name_their_target() {
    let text = Message { conversation: Some("novo".to_owned()), ..Message::default() };
    let edit = ProtocolMessage {
        edited_message: MessageField::some(text),
        ..protocol(Type::MESSAGE_EDIT)
    };
    let edited = Content::Edit { target: id("3EB0A"), text: "novo".to_owned() };
    assert_eq!(told(edit), Some(edited));
    assert_eq!(told(protocol(Type::REVOKE)), Some(Content::Revoke { target: id("3EB0A") }));
}

#[test]
fn what_devices_say_to_each_other_is_not_told() {
    let keys = ProtocolMessage {
        app_state_sync_key_share: MessageField::some(AppStateSyncKeyShare::default()),
        ..protocol(Type::APP_STATE_SYNC_KEY_SHARE)
    };
    assert_eq!(told(keys), None);
    let sender_key = Message {
        sender_key_distribution_message: MessageField::some(SenderKeyDistributionMessage::default()),
        ..Message::default()
    };
    assert_eq!(of(&sender_key), None);
    assert_eq!(of(&Message::default()), None);
}

#[test]
fn the_new_caption_of_media_is_the_text_of_the_edit() {
    let image =
        ImageMessage { caption: Some("legenda nova".to_owned()), ..ImageMessage::default() };
    let edit = ProtocolMessage {
        edited_message: MessageField::some(Message {
            image_message: MessageField::some(image),
            ..Message::default()
        }),
        ..protocol(Type::MESSAGE_EDIT)
    };
    let edited = Content::Edit { target: id("3EB0A"), text: "legenda nova".to_owned() };
    assert_eq!(told(edit), Some(edited));
}

#[test]
fn polls_of_every_version_have_a_question_and_options() {
    let poll = |selectable| {
        let option = |name: &str| poll_creation_message::Option {
            option_name: Some(name.to_owned()),
            ..poll_creation_message::Option::default()
        };
        MessageField::some(PollCreationMessage {
            name: Some("Almoço?".to_owned()),
            options: vec![option("Pizza"), option("Sushi")],
            selectable_options_count: selectable,
            ..PollCreationMessage::default()
        })
    };
    let third = || Message { poll_creation_message_v3: poll(Some(1)), ..Message::default() };
    let wrapped = FutureProofMessage { message: MessageField::some(third()) };
    let table = [
        (Message { poll_creation_message: poll(None), ..Message::default() }, 0),
        (Message { poll_creation_message_v2: poll(Some(0)), ..Message::default() }, 0),
        (third(), 1),
        (
            Message { poll_creation_message_v4: MessageField::some(wrapped), ..Message::default() },
            1,
        ),
        (Message { poll_creation_message_v5: poll(Some(2)), ..Message::default() }, 2),
        (Message { poll_creation_message_v6: poll(Some(1)), ..Message::default() }, 1),
    ];
    for (message, selectable) in table {
        let options = vec!["Pizza".to_owned(), "Sushi".to_owned()];
        let expected = Content::Poll { title: "Almoço?".to_owned(), options, selectable };
        assert_eq!(of(unwrapped(&message)), Some(expected));
    }
}

#[test]
fn the_answer_to_a_flow_keeps_its_name_and_what_was_filled_in() {
    use interactive_response_message::{
        Body, InteractiveResponseMessage as Reply, NativeFlowResponseMessage,
    };
    let flow = InteractiveResponseMessage {
        body: MessageField::some(Body { text: Some("Enviado".to_owned()), ..Body::default() }),
        interactive_response_message: Some(Reply::NativeFlowResponseMessage(Box::new(
            NativeFlowResponseMessage {
                name: Some("flow".to_owned()),
                params_json: Some(r#"{"a":1}"#.to_owned()),
                ..NativeFlowResponseMessage::default()
            },
        ))),
        ..InteractiveResponseMessage::default()
    };
    let message =
        Message { interactive_response_message: MessageField::some(flow), ..Message::default() };
    let expected = Content::FlowReply {
        name: "flow".to_owned(),
        params: r#"{"a":1}"#.to_owned(),
        text: "Enviado".to_owned(),
    };
    assert_eq!(of(&message), Some(expected));
    let empty = Message {
        interactive_response_message: MessageField::some(InteractiveResponseMessage::default()),
        ..Message::default()
    };
    assert_eq!(of(&empty), Some(Content::Other("interactiveResponseMessage".to_owned())));
}

#[test]
fn what_we_give_no_details_of_goes_by_its_protocol_name() {
    let vote = Message {
        poll_update_message: MessageField::some(PollUpdateMessage::default()),
        ..Message::default()
    };
    assert_eq!(of(&vote), Some(Content::Other("pollUpdateMessage".to_owned())));
    let new = Message {
        newsletter_admin_profile_status_message: MessageField::some(FutureProofMessage::default()),
        ..Message::default()
    };
    assert_eq!(of(&new), Some(Content::Other("unknown".to_owned())));
}
