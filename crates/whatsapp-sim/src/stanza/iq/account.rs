//! What an account has set, which here is what it has from the start.

use wacore_binary::builder::NodeBuilder;

use super::Answer;

/// Everybody may see everything, and read receipts are on.
pub(super) fn privacy() -> Answer {
    let categories = ["last", "online", "profile", "status", "readreceipts", "groupadd", "calladd"]
        .map(|name| NodeBuilder::new("category").attr("name", name).attr("value", "all").build());
    Answer::Result(vec![NodeBuilder::new("privacy").children(categories).build()])
}

/// No experiments: the client's defaults hold.
pub(super) fn props() -> Answer {
    let props = NodeBuilder::new("props")
        .attr("protocol", "1")
        .attr("ab_key", "sim")
        .attr("hash", "sim")
        .attr("refresh", "86400")
        .attr("refresh_id", "1")
        .build();
    Answer::Result(vec![props])
}

/// Nobody is blocked.
pub(super) fn blocklist() -> Answer {
    Answer::Result(vec![NodeBuilder::new("list").attr("dhash", "none").build()])
}
