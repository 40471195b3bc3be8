use insta::assert_json_snapshot;
use serde_json::Value;
use wharf_domain::{instance::InstanceName, token::Token};

use crate::{EVENT, at};

#[test]
fn a_test_event_says_what_it_is() {
    let name = InstanceName::parse("sales").unwrap();
    let token = Token::parse("instance-token").unwrap();
    let body = wharf_wire::test_envelope(EVENT, at(), &name, &token, "https://wharf.example.com");
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_json_snapshot!(event);
}
