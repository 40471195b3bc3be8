//! Where media go: to this server's TLS port, because clients ask by https.

use wacore_binary::builder::NodeBuilder;

use super::Answer;
use crate::session::Session;

/// Good for an hour.
const LIFETIME: &str = "3600";

pub(super) fn connection(session: &Session) -> Answer {
    let hub = &session.hub;
    let host = NodeBuilder::new("host")
        .attr("hostname", hub.address.to_string())
        .attr("type", "primary")
        .children(["download", "upload"].map(|use_| NodeBuilder::new(use_).build()))
        .build();
    let connection = NodeBuilder::new("media_conn")
        .attr("auth", hub.media.auth(&session.account.number))
        .attr("ttl", LIFETIME)
        .attr("auth_ttl", LIFETIME)
        .attr("max_buckets", "12")
        .children([host])
        .build();
    Answer::Result(vec![connection])
}
