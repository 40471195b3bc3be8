//! What people look like.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::Answer;
use crate::session::Session;
use crate::stanza::fields::Fields as _;

/// The picture of whom the request names; the small one is the large one here.
pub(super) fn answer(session: &Session, request: &Node) -> Answer {
    let account = request.jid("target").and_then(|target| session.hub.account_of(&target));
    let Some(picture) = account.and_then(|account| account.lock().picture.clone()) else {
        return Answer::NOT_FOUND;
    };
    let asked = request.all().first();
    let id = picture.id.to_string();
    let mut answer = NodeBuilder::new("picture");
    // Who has it already is not told again where it is.
    if asked.and_then(|asked| asked.text("id")).is_none_or(|known| known != id) {
        let size = asked.and_then(|asked| asked.text("type"));
        answer = answer
            .attr("id", id)
            .attr("type", size.as_deref().unwrap_or("image"))
            .attr("url", picture.url);
    }
    Answer::Result(vec![answer.build()])
}
