//! Newsletters: what one account writes, in plain, for all who follow it.

use wacore::types::message::EditAttribute;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use crate::clock;
use crate::error::{Error, Result};
use crate::hub::{Hub, Parcel, stanza_id, timestamp};
use crate::phone::signal::DeviceAddress;
use crate::state::account::Account;
use crate::state::newsletters::{Newsletter, Post};

/// Something to be posted.
pub(crate) struct Publication<'p> {
    /// The author's id for it; that of what it changes, if it is an edit.
    pub(crate) id: &'p str,
    /// The `type`: `text`, `media`, ….
    pub(crate) kind: &'p str,
    /// What media it is, if it is.
    pub(crate) media: Option<&'p str>,
    /// The message's protobuf; nothing takes an earlier post away.
    pub(crate) content: &'p [u8],
    /// Whether it takes the place of what was posted under its id.
    pub(crate) replaces: bool,
}

/// Posts something: a stanza for every device of every reader but the one it comes from.
pub(crate) fn publish(
    hub: &Hub,
    newsletter: &Jid,
    author: &DeviceAddress,
    publication: &Publication<'_>,
) -> Result<Vec<Parcel>> {
    let posted = hub.newsletters.with(newsletter, |newsletter| {
        if newsletter.owner != author.number {
            return Err(Error::Conflict("only its owner writes a newsletter".to_owned()));
        }
        let server_id = newsletter.take(publication)?;
        hub.ledger.mark(&newsletter.record());
        Ok((server_id, newsletter.readers().cloned().collect::<Vec<_>>()))
    });
    let (server_id, readers) = posted.ok_or(Error::NotFound("newsletter"))??;
    let mut plaintext = NodeBuilder::new("plaintext");
    if let Some(media) = publication.media {
        plaintext = plaintext.attr("mediatype", media);
    }
    let mut message = NodeBuilder::new("message")
        .attr("from", newsletter)
        .attr("id", publication.id)
        .attr("server_id", server_id.to_string())
        .attr("type", publication.kind)
        .attr("t", timestamp());
    if publication.replaces {
        let taken_away = publication.content.is_empty();
        let edit = if taken_away { EditAttribute::AdminRevoke } else { EditAttribute::AdminEdit };
        message = message.attr("edit", edit.to_string_val());
    }
    let stanza = message.children([plaintext.bytes(publication.content.to_vec()).build()]).build();
    hub.stats.count_message();
    Ok(for_readers(hub, &readers, &stanza, Some(author)))
}

/// Puts an emoji on a post, or takes it off, and tells the companions of all readers how often each
/// emoji is there.
pub(crate) fn react(
    hub: &Hub,
    newsletter: &Jid,
    reader: &Account,
    post: &str,
    emoji: &str,
) -> Result<Vec<Parcel>> {
    let counted = hub.newsletters.with(newsletter, |newsletter| {
        if !newsletter.is_read_by(&reader.number) {
            return Err(Error::Conflict("the newsletter is not followed".to_owned()));
        }
        let (server_id, post) = newsletter.post(post).ok_or(Error::NotFound("post"))?;
        if emoji.is_empty() {
            post.reactions.remove(&reader.number);
        } else {
            post.reactions.insert(reader.number.clone(), emoji.to_owned());
        }
        let message = NodeBuilder::new("message")
            .attr("server_id", server_id.to_string())
            .children([reactions(post)])
            .build();
        hub.ledger.mark(&newsletter.record());
        Ok((message, newsletter.readers().cloned().collect::<Vec<_>>()))
    });
    let (message, readers) = counted.ok_or(Error::NotFound("newsletter"))??;
    let messages = NodeBuilder::new("messages").children([message]).build();
    let updates = NodeBuilder::new("live_updates").children([messages]).build();
    let notification = NodeBuilder::new("notification")
        .attr("from", newsletter)
        .attr("type", "newsletter")
        .attr("id", stanza_id())
        .attr("t", timestamp())
        .children([updates])
        .build();
    let mut parcels = for_readers(hub, &readers, &notification, None);
    parcels.retain(|parcel| parcel.to.device != 0);
    Ok(parcels)
}

/// The emojis on a post, counted.
pub(crate) fn reactions(post: &Post) -> Node {
    let reaction = |(code, count): (&str, u64)| {
        NodeBuilder::new("reaction").attr("code", code).attr("count", count.to_string()).build()
    };
    NodeBuilder::new("reactions").children(post.counts().into_iter().map(reaction)).build()
}

impl Newsletter {
    /// Keeps what is posted; gives the server's number for it.
    fn take(&mut self, publication: &Publication<'_>) -> Result<u64> {
        if publication.replaces {
            let (server_id, post) = self.post(publication.id).ok_or(Error::NotFound("post"))?;
            post.content = publication.content.to_vec();
            return Ok(server_id);
        }
        if self.post(publication.id).is_some() {
            return Err(Error::Conflict("there is a post of this id already".to_owned()));
        }
        Ok(self.add(Post {
            id: publication.id.to_owned(),
            kind: publication.kind.to_owned(),
            timestamp: clock::seconds(),
            content: publication.content.to_vec(),
            reactions: std::collections::BTreeMap::new(),
        }))
    }
}

fn for_readers(
    hub: &Hub,
    readers: &[String],
    stanza: &Node,
    but: Option<&DeviceAddress>,
) -> Vec<Parcel> {
    let accounts = readers.iter().filter_map(|number| hub.account(number));
    accounts
        .flat_map(|account| {
            let devices: Vec<u16> =
                std::iter::once(0).chain(account.lock().devices.keys().copied()).collect();
            devices.into_iter().map(move |device| account.device(device))
        })
        .filter(|device| Some(device) != but)
        .map(|to| Parcel { to, stanza: stanza.clone() })
        .collect()
}
