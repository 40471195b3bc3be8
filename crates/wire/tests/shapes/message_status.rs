use insta::assert_json_snapshot;
use wharf_domain::{
    event::{EventBody, Receipt, ReceiptKind},
    message::MessageId,
};

use crate::{ana, at, chat_with_ana, group_chat, rendered, us};

fn receipt() -> Receipt {
    Receipt {
        kind: ReceiptKind::Read,
        message_ids: vec![
            MessageId::parse("3EB0000000000000000001").unwrap(),
            MessageId::parse("3EB0000000000000000002").unwrap(),
        ],
        chat: chat_with_ana(),
        from: ana(),
        author: None,
        timestamp: at(),
    }
}

#[test]
fn a_receipt_in_a_private_chat() {
    assert_json_snapshot!(rendered(EventBody::Receipt(receipt())));
}

#[test]
fn a_receipt_in_a_group_names_the_author() {
    let receipt = Receipt { chat: group_chat(), author: Some(us().jid), ..receipt() };
    assert_json_snapshot!(rendered(EventBody::Receipt(receipt))["data"]);
}

#[test]
fn every_status_has_the_contracts_name() {
    let kinds = [
        ReceiptKind::Delivered,
        ReceiptKind::Read,
        ReceiptKind::Played,
        ReceiptKind::Sender,
        ReceiptKind::ReadSelf,
        ReceiptKind::PlayedSelf,
        ReceiptKind::Retry,
        ReceiptKind::Inactive,
        ReceiptKind::ServerError,
    ];
    let told = kinds.map(|kind| {
        rendered(EventBody::Receipt(Receipt { kind, ..receipt() }))["data"]["status"].take()
    });
    assert_json_snapshot!(told);
}
