use waproto::{
    buffa::MessageField,
    whatsapp::{Message, MessageKey},
};
use wharf_domain::{address::Jid, message::Content};

use super::*;

const OWN: &str = "5511999990009@s.whatsapp.net";
const ANA: &str = "5511999990001@s.whatsapp.net";
const ANA_LID: &str = "101@lid";
const GROUP: &str = "120363000000000001@g.us";

fn own() -> Profile {
    Profile { jid: Some(Jid::parse(OWN).unwrap()), ..Profile::default() }
}

fn chat(id: &str) -> Conversation {
    let name = Some("Amigas".to_owned());
    Conversation { id: id.to_owned(), name, ..Conversation::default() }
}

fn past(chat: &str, from_me: bool, participant: Option<&str>) -> WebMessageInfo {
    WebMessageInfo {
        key: MessageField::some(MessageKey {
            remote_jid: Some(chat.to_owned()),
            from_me: Some(from_me),
            id: Some("3EB0A".to_owned()),
            participant: participant.map(str::to_owned),
        }),
        message: MessageField::some(Message {
            conversation: Some("olá".to_owned()),
            ..Message::default()
        }),
        message_timestamp: Some(1_790_000_000),
        status: Some(Status::READ),
        ..WebMessageInfo::default()
    }
}

fn told(chat: &Conversation, past: WebMessageInfo) -> HistoricMessage {
    let mut names = Names::default();
    names.learn(&[Pushname { id: Some(ANA.to_owned()), pushname: Some("Ana".to_owned()) }]);
    let (received, status) = said_in(chat, past, &own(), &names).unwrap();
    historic(chat, &received, status, &own(), &Aliases::default()).unwrap()
}

#[test]
fn what_others_said_is_incoming_with_the_name_the_phone_knows() {
    let HistoricMessage { message, status, .. } = told(&chat(ANA), past(ANA, false, None));
    assert_eq!((message.direction, status), (Direction::Incoming, MessageStatus::Delivered));
    assert_eq!(message.content, Content::Text("olá".to_owned()));
    assert_eq!(message.timestamp.timestamp(), 1_790_000_000);
    assert_eq!(
        (message.sender.jid.to_string().as_str(), message.sender.name.as_deref()),
        (ANA, Some("Ana"))
    );
}

#[test]
fn what_we_said_is_outgoing_and_has_come_so_far() {
    let table = [
        (Some(Status::ERROR), MessageStatus::Failed),
        (Some(Status::PENDING), MessageStatus::Pending),
        (Some(Status::SERVER_ACK), MessageStatus::Sent),
        (Some(Status::DELIVERY_ACK), MessageStatus::Delivered),
        (Some(Status::READ), MessageStatus::Read),
        (Some(Status::PLAYED), MessageStatus::Played),
        (None, MessageStatus::Sent),
    ];
    for (library, ours) in table {
        let past = WebMessageInfo { status: library, ..past(ANA, true, None) };
        let HistoricMessage { message, status, .. } = told(&chat(ANA), past);
        assert_eq!((message.direction, status), (Direction::Outgoing, ours));
        assert_eq!(message.sender.jid.to_string(), OWN);
        assert_eq!(message.recipient.unwrap().jid.to_string(), ANA);
    }
}

#[test]
fn a_chat_by_lid_goes_by_the_phone_number_it_came_with() {
    let chat = Conversation { pn_jid: Some(ANA.to_owned()), ..chat(ANA_LID) };
    for from_me in [false, true] {
        let message = told(&chat, past(ANA_LID, from_me, None)).message;
        assert_eq!(message.chat.party.jid.to_string(), ANA);
        assert_eq!(message.chat.party.lid.unwrap().to_string(), ANA_LID);
    }
}

#[test]
fn groups_and_statuses_name_their_authors() {
    for (place, kind) in [(GROUP, ChatKind::Group), (STATUS, ChatKind::Broadcast)] {
        let message = told(&chat(place), past(place, false, Some(ANA))).message;
        assert_eq!((message.chat.kind, message.chat.party.jid.to_string().as_str()), (kind, place));
        assert_eq!(message.sender.jid.to_string(), ANA);
        assert_eq!(message.recipient, None);
        let name = (kind == ChatKind::Group).then_some("Amigas");
        assert_eq!(message.chat.party.name.as_deref(), name);
    }
}

#[test]
fn what_cannot_be_told_is_passed_over() {
    let nothing_said = WebMessageInfo { message: MessageField::none(), ..past(ANA, false, None) };
    let nobodys = past(GROUP, false, None);
    let timeless = WebMessageInfo { message_timestamp: None, ..past(ANA, false, None) };
    for past in [nothing_said, nobodys, timeless] {
        assert!(said_in(&chat(ANA), past, &own(), &Names::default()).is_none());
    }
}
