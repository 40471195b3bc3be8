//! A message to a newsletter: in plain, and for all who follow it.

use wacore_binary::{Jid, Node};

use super::{MALFORMED, NO_SUCH_RECIPIENT};
use crate::error::Error;
use crate::newsletter::{self, Publication};
use crate::session::Session;
use crate::stanza::fields::Fields as _;

/// The error of a message to a newsletter that the account may not write in.
const NOT_ITS_OWN: u16 = 403;

pub(super) fn pass_on(session: &Session, to: &Jid, message: &Node) -> Result<(), u16> {
    let hub = &session.hub;
    let refused = |error: Error| match error {
        Error::NotFound(_) => NO_SUCH_RECIPIENT,
        _ => NOT_ITS_OWN,
    };
    if let Some(reaction) = message.child("reaction") {
        let server_id = message.text("server_id").and_then(|id| id.parse().ok());
        let server_id: u64 = server_id.ok_or(MALFORMED)?;
        let post =
            hub.newsletters.with(to, |newsletter| newsletter.post_id(server_id).map(str::to_owned));
        let post = post.flatten().ok_or(NO_SUCH_RECIPIENT)?;
        let emoji = reaction.text("code").unwrap_or_default();
        let parcels =
            newsletter::react(hub, to, &session.account, &post, &emoji).map_err(refused)?;
        hub.deliver(parcels);
        return Ok(());
    }
    let plaintext = message.child("plaintext").ok_or(MALFORMED)?;
    let id = message.text("id").unwrap_or_default();
    let media = plaintext.text("mediatype");
    let publication = Publication {
        id: &id,
        kind: &message.text("type").unwrap_or_default(),
        media: media.as_deref(),
        content: plaintext.content().unwrap_or_default(),
        replaces: message.attrs.get("edit").is_some(),
    };
    let own = session.account.device(session.device);
    let parcels = newsletter::publish(hub, to, &own, &publication).map_err(refused)?;
    hub.deliver(parcels);
    Ok(())
}
