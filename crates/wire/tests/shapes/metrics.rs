use std::collections::BTreeMap;

use insta::assert_json_snapshot;
use wharf_domain::{message::MessageStatus, metrics::Metrics};
use wharf_wire::metrics::MetricsView;

use crate::at;

#[test]
fn figures_of_nothing_have_every_key() {
    assert_json_snapshot!(MetricsView::new("sales".to_owned(), Metrics::default()));
}

#[test]
fn figures_have_the_contracts_names() {
    let metrics = Metrics {
        total: 9,
        received: 5,
        sent: 4,
        by_type: BTreeMap::from([("image".to_owned(), 3), ("text".to_owned(), 6)]),
        in_groups: 2,
        in_private: 7,
        with_media: 3,
        by_media: BTreeMap::from([("image".to_owned(), 3)]),
        by_status: BTreeMap::from([(MessageStatus::Sent, 3), (MessageStatus::Read, 1)]),
        chats: 4,
        groups: 1,
        contacts: 3,
        last_7_days: 8,
        last_30_days: 9,
        first_at: Some(at()),
        last_at: Some(at()),
    };
    assert_json_snapshot!(MetricsView::new("sales,support".to_owned(), metrics));
}
