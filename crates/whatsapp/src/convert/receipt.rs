use wacore::types::{events::Receipt as LibraryReceipt, presence::ReceiptType};
use wharf_domain::{
    event::{EventKey, Receipt, ReceiptKind},
    message::{Chat, ChatKind, MessageId},
};

use super::{
    address::{Aliases, from_library},
    key,
};

/// The addresses in a receipt whose other half did not come with it.
pub(crate) fn addresses_of_receipt(receipt: &LibraryReceipt) -> Vec<wacore_binary::Jid> {
    let source = &receipt.source;
    let mut addresses = vec![source.chat.clone()];
    if source.sender_alt.is_none() && source.sender != source.chat {
        addresses.push(source.sender.clone());
    }
    addresses
}

/// A receipt of the library in our words; `None` for those that concern devices only.
pub(crate) fn receipt(receipt: &LibraryReceipt, aliases: &Aliases) -> Option<(EventKey, Receipt)> {
    let kind = kind(&receipt.r#type)?;
    let message_ids: Vec<_> =
        receipt.message_ids.iter().filter_map(|id| MessageId::parse(id.as_str()).ok()).collect();
    if message_ids.is_empty() {
        return None;
    }
    let address = from_library(&receipt.source.chat)?;
    let from = from_library(&receipt.source.sender)?;
    let chat_kind = ChatKind::of(&address);
    let chat_alt = receipt.source.sender_alt.as_ref().filter(|_| chat_kind == ChatKind::Private);
    let chat = Chat {
        party: aliases.party(address, chat_alt, None),
        kind: chat_kind,
        is_community: false,
    };
    let from = aliases.party(from, receipt.source.sender_alt.as_ref(), None);
    let key = key(kind, receipt, &message_ids);
    let timestamp = receipt.timestamp;
    // The library reads no author of the messages from a receipt.
    Some((key, Receipt { kind, message_ids, chat, from, author: None, timestamp }))
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

    #[test]
    fn every_kind_that_people_care_about_is_told() {
        let table = [
            (ReceiptType::Delivered, Some(ReceiptKind::Delivered)),
            (ReceiptType::Read, Some(ReceiptKind::Read)),
            (ReceiptType::Played, Some(ReceiptKind::Played)),
            (ReceiptType::ReadSelf, Some(ReceiptKind::ReadSelf)),
            (ReceiptType::PlayedSelf, Some(ReceiptKind::PlayedSelf)),
            (ReceiptType::Sender, Some(ReceiptKind::Sender)),
            (ReceiptType::Inactive, Some(ReceiptKind::Inactive)),
            (ReceiptType::ServerError, Some(ReceiptKind::ServerError)),
            (ReceiptType::PeerMsg, None),
            (ReceiptType::HistorySync, None),
        ];
        for (library_kind, kind) in table {
            let library = library(library_kind.clone(), LID, LID, &["3EB0A"]);
            let told = receipt(&library, &Aliases::default()).map(|(_, receipt)| receipt.kind);
            assert_eq!(told, kind, "{library_kind:?}");
        }
    }

    #[test]
    fn a_chat_by_lid_goes_by_its_phone_number_once_that_is_known() {
        let library = library(ReceiptType::Read, LID, "123:4@lid", &["3EB0A"]);
        assert_eq!(addresses_of_receipt(&library).len(), 2);
        let mut aliases = Aliases::default();
        aliases.add("5511999990001", "123");
        let (key, told) = receipt(&library, &aliases).unwrap();
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
        let (key, told) = receipt(&long, &Aliases::default()).unwrap();
        assert_eq!(told.message_ids.len(), 256);
        assert!(key.0.len() < 200, "{}", key.0);
        let other = library(ReceiptType::Read, LID, LID, &ids[1..]);
        assert_ne!(receipt(&other, &Aliases::default()).unwrap().0, key);
    }
}
