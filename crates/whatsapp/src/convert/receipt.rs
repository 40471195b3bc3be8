use wacore::types::{events::Receipt as LibraryReceipt, presence::ReceiptType};
use wharf_domain::{
    address::Jid,
    event::{EventKey, Receipt, ReceiptKind},
    instance::Profile,
    message::{Chat, ChatKind, MessageId},
};

use super::{
    address::{Aliases, from_library},
    key,
};

type LibraryJid = wacore_binary::Jid;

/// The addresses in a receipt whose other half did not come with it.
pub(crate) fn addresses_of_receipt(
    receipt: &LibraryReceipt,
    recipient: Option<&LibraryJid>,
) -> Vec<LibraryJid> {
    let source = &receipt.source;
    let mut addresses = Vec::new();
    let is_private = ChatKind::Private;
    let came_whole = source.sender_alt.is_some();
    if !came_whole && from_library(&source.chat).is_some_and(|it| ChatKind::of(&it) == is_private) {
        addresses.push(source.chat.clone());
    }
    if !came_whole && source.sender != source.chat {
        addresses.push(source.sender.clone());
    }
    addresses.extend(recipient.cloned());
    addresses
}

/// A receipt of the library in our words; `None` for those that concern devices only. `recipient` is whom it says it is
/// for: of receipts from our own devices, whose messages they speak of, or in which chat these are.
pub(crate) fn receipt(
    receipt: &LibraryReceipt,
    recipient: Option<&LibraryJid>,
    own: &Profile,
    aliases: &Aliases,
) -> Option<(EventKey, Receipt)> {
    let kind = kind(&receipt.r#type)?;
    let message_ids: Vec<_> =
        receipt.message_ids.iter().filter_map(|id| MessageId::parse(id.as_str()).ok()).collect();
    if message_ids.is_empty() {
        return None;
    }
    let place = from_library(&receipt.source.chat)?;
    let recipient = recipient.and_then(from_library);
    let is_own = |jid: &Jid| own.jid.as_ref() == Some(jid) || own.lid.as_ref() == Some(jid);
    let sender = from_library(&receipt.source.sender)?;
    let from_us = is_own(&sender);
    // Another device of ours says that somebody has seen it, and that is us.
    let kind = match kind {
        ReceiptKind::Read if from_us => ReceiptKind::ReadSelf,
        ReceiptKind::Played if from_us => ReceiptKind::PlayedSelf,
        kind => kind,
    };
    let from = aliases.party(sender, receipt.source.sender_alt.as_ref(), None);
    let address = match &recipient {
        Some(chat) if is_own(&place) => chat.clone(),
        _ => place,
    };
    let chat_kind = ChatKind::of(&address);
    let chat_alt = receipt.source.sender_alt.as_ref();
    let chat_alt = chat_alt.filter(|_| chat_kind == ChatKind::Private && !from_us);
    let chat = Chat {
        party: aliases.party(address, chat_alt, None),
        kind: chat_kind,
        is_community: false,
    };
    // Whatever somebody else tells us of in a group was ours.
    let author = match (chat_kind, from_us) {
        (ChatKind::Group, false) => own.jid.clone(),
        (ChatKind::Group, true) if kind == ReceiptKind::Sender => own.jid.clone(),
        (ChatKind::Group, true) => recipient.map(|author| aliases.by_phone(author)),
        _ => None,
    };
    let key = key(kind, receipt, &message_ids);
    let timestamp = receipt.timestamp;
    Some((key, Receipt { kind, message_ids, chat, from, author, timestamp }))
}

fn kind(library: &ReceiptType) -> Option<ReceiptKind> {
    Some(match library {
        ReceiptType::Delivered => ReceiptKind::Delivered,
        ReceiptType::Read => ReceiptKind::Read,
        ReceiptType::Played => ReceiptKind::Played,
        ReceiptType::Sender => ReceiptKind::Sender,
        ReceiptType::ReadSelf => ReceiptKind::ReadSelf,
        ReceiptType::PlayedSelf => ReceiptKind::PlayedSelf,
        ReceiptType::Retry => ReceiptKind::Retry,
        ReceiptType::Inactive => ReceiptKind::Inactive,
        ReceiptType::ServerError => ReceiptKind::ServerError,
        // Between devices, about calls, no news, or not known yet.
        _ => return None,
    })
}

/// What a receipt is recognised by when it is delivered again: as it was received, before any look-up.
fn key(kind: ReceiptKind, receipt: &LibraryReceipt, ids: &[MessageId]) -> EventKey {
    let source = &receipt.source;
    let ids: Vec<_> = ids.iter().map(MessageId::as_str).collect();
    let (kind, chat, ids) = (kind.as_str(), source.chat.to_non_ad_string(), ids.join(","));
    key::bounded("receipt", format!("{kind}|{chat}|{}|{ids}", source.sender))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use wacore::types::message::MessageSource;

    use super::*;

    fn library(r#type: ReceiptType, chat: &str, sender: &str, ids: &[&str]) -> LibraryReceipt {
        LibraryReceipt::builder()
            .source(MessageSource {
                chat: chat.parse().unwrap(),
                sender: sender.parse().unwrap(),
                ..MessageSource::default()
            })
            .message_ids(ids.iter().map(ToString::to_string).collect())
            .timestamp(DateTime::UNIX_EPOCH)
            .r#type(r#type)
            .offline(false)
            .build()
    }

    const LID: &str = "123@lid";
    const OWN: &str = "5511999990009@s.whatsapp.net";
    const GROUP: &str = "120363000000000001@g.us";

    fn own() -> Profile {
        Profile {
            jid: Some(Jid::parse(OWN).unwrap()),
            lid: Some(Jid::parse("999@lid").unwrap()),
            ..Profile::default()
        }
    }

    #[test]
    fn every_kind_that_people_care_about_is_told() {
        let table = [
            (ReceiptType::Delivered, Some(ReceiptKind::Delivered)),
            (ReceiptType::Read, Some(ReceiptKind::Read)),
            (ReceiptType::Played, Some(ReceiptKind::Played)),
            (ReceiptType::ReadSelf, Some(ReceiptKind::ReadSelf)),
            (ReceiptType::PlayedSelf, Some(ReceiptKind::PlayedSelf)),
            (ReceiptType::Sender, Some(ReceiptKind::Sender)),
            (ReceiptType::Retry, Some(ReceiptKind::Retry)),
            (ReceiptType::Inactive, Some(ReceiptKind::Inactive)),
            (ReceiptType::ServerError, Some(ReceiptKind::ServerError)),
            (ReceiptType::PeerMsg, None),
            (ReceiptType::HistorySync, None),
        ];
        for (library_kind, kind) in table {
            let library = library(library_kind.clone(), LID, LID, &["3EB0A"]);
            let told = receipt(&library, None, &own(), &Aliases::default())
                .map(|(_, receipt)| receipt.kind);
            assert_eq!(told, kind, "{library_kind:?}");
        }
    }

    #[test]
    fn a_chat_by_lid_goes_by_its_phone_number_once_that_is_known() {
        let library = library(ReceiptType::Read, LID, "123:4@lid", &["3EB0A"]);
        assert_eq!(addresses_of_receipt(&library, None).len(), 2);
        let mut aliases = Aliases::default();
        aliases.add("5511999990001", "123");
        let (key, told) = receipt(&library, None, &own(), &aliases).unwrap();
        assert_eq!(told.chat.party.jid.to_string(), "5511999990001@s.whatsapp.net");
        assert_eq!(told.from.jid, told.chat.party.jid);
        assert_eq!(told.from.lid.unwrap().to_string(), LID);
        assert_eq!(key.0, "receipt|read|123@lid|123:4@lid|3EB0A");
    }

    #[test]
    fn the_key_stays_short_however_many_messages_there_are() {
        let ids: Vec<_> = (0..256).map(|i| format!("3EB0{i:016}")).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let long = library(ReceiptType::Read, LID, LID, &ids);
        let (key, told) = receipt(&long, None, &own(), &Aliases::default()).unwrap();
        assert_eq!(told.message_ids.len(), 256);
        assert!(key.0.len() < 200, "{}", key.0);
        let other = library(ReceiptType::Read, LID, LID, &ids[1..]);
        assert_ne!(receipt(&other, None, &own(), &Aliases::default()).unwrap().0, key);
    }

    #[test]
    fn what_others_tell_of_in_a_group_was_written_by_us() {
        let table = [
            (ReceiptType::Read, "123:4@lid", None, Some(OWN)),
            (ReceiptType::Read, OWN, Some("123@lid"), Some("5511999990001@s.whatsapp.net")),
            (
                ReceiptType::ReadSelf,
                "999:2@lid",
                Some("123@lid"),
                Some("5511999990001@s.whatsapp.net"),
            ),
            (ReceiptType::Sender, OWN, None, Some(OWN)),
            (ReceiptType::ReadSelf, OWN, None, None),
        ];
        let mut aliases = Aliases::default();
        aliases.add("5511999990001", "123");
        for (kind, sender, recipient, author) in table {
            let library = library(kind, GROUP, sender, &["3EB0A"]);
            let recipient = recipient.map(|jid: &str| jid.parse().unwrap());
            let (_, told) = receipt(&library, recipient.as_ref(), &own(), &aliases).unwrap();
            assert_eq!(told.chat.party.jid.to_string(), GROUP);
            assert_eq!(told.author.map(|jid| jid.to_string()).as_deref(), author, "{sender}");
        }
    }

    #[test]
    fn what_is_read_on_another_device_of_ours_is_in_the_chat_it_was_read_in() {
        for place in [OWN, "999:3@lid"] {
            let library = library(ReceiptType::Read, place, place, &["3EB0A"]);
            let recipient: LibraryJid = "123@lid".parse().unwrap();
            assert_eq!(addresses_of_receipt(&library, Some(&recipient)).last(), Some(&recipient));
            let mut aliases = Aliases::default();
            aliases.add("5511999990001", "123");
            let (_, told) = receipt(&library, Some(&recipient), &own(), &aliases).unwrap();
            assert_eq!(told.chat.party.jid.to_string(), "5511999990001@s.whatsapp.net");
            assert_eq!((told.author, told.kind), (None, ReceiptKind::ReadSelf));
        }
    }
}
