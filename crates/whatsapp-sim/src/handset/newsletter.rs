//! What a phone is told by newsletters its owner follows.

use wacore_binary::{Jid, Node};
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

use crate::phone::inbox::{Origin, Received};
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;

/// Shows a post. What becomes of it later is not shown.
pub(super) fn receive(account: &Account, newsletter: &Jid, stanza: &Node) {
    let (Some(id), Some(content)) = (stanza.text("id"), stanza.content_of("plaintext")) else {
        return;
    };
    if stanza.attrs.get("edit").is_some() {
        return;
    }
    let Ok(message) = wa::Message::decode_from_slice(content) else { return };
    let chat = newsletter.to_string();
    let origin = Origin {
        id: &id,
        chat: &chat,
        from: &chat,
        from_me: false,
        timestamp: stanza.text("t").and_then(|t| t.parse().ok()).unwrap_or_default(),
    };
    let mut state = account.lock();
    if state.inbox().receive(origin, &message) == Received::Shown {
        state.note_message(&id);
    }
}
