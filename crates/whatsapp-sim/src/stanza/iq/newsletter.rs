//! What readers ask of newsletters.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::Answer;
use crate::newsletter::reactions;
use crate::session::Session;
use crate::stanza::fields::Fields as _;

/// For how many seconds a reader is told of reactions; here for good.
const DURATION: &str = "300";

/// Agrees to tell of reactions as they come.
pub(super) fn live_updates(session: &Session, request: &Node) -> Answer {
    let known = request.jid("to").and_then(|jid| session.hub.newsletters.with(&jid, |_| ()));
    if known.is_none() {
        return Answer::NOT_FOUND;
    }
    let updates = NodeBuilder::new("live_updates").attr("duration", DURATION).build();
    Answer::Result(vec![updates])
}

/// The newest posts, or those before one.
pub(super) fn messages(session: &Session, request: &Node, asked: &Node) -> Answer {
    let count = asked.text("count").and_then(|count| count.parse().ok()).unwrap_or(50);
    let before = asked.text("before").and_then(|before| before.parse().ok()).unwrap_or(u64::MAX);
    let number = &session.account.number;
    let posts = request.jid("to").and_then(|jid| {
        session.hub.newsletters.with(&jid, |newsletter| {
            let own = newsletter.owner == *number;
            let posts = newsletter.before(before).take(count).map(|(server_id, post)| {
                let content = NodeBuilder::new("plaintext").bytes(post.content.clone()).build();
                let message = NodeBuilder::new("message")
                    .attr("id", post.id.as_str())
                    .attr("server_id", server_id.to_string())
                    .attr("type", post.kind.as_str())
                    .attr("t", post.timestamp.to_string());
                let message = if own { message.attr("is_sender", "true") } else { message };
                message.children([content, reactions(post)]).build()
            });
            posts.collect::<Vec<_>>()
        })
    });
    match posts {
        Some(posts) => Answer::Result(vec![NodeBuilder::new("messages").children(posts).build()]),
        None => Answer::NOT_FOUND,
    }
}
