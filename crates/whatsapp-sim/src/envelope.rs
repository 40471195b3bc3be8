//! How a message looks to the device it is delivered to.

use wacore::send::{media_type_from_message, should_hide_decrypt_fail};
use wacore::types::message::EditAttribute;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, Server};
use waproto::whatsapp as wa;

use crate::hub::{Parcel, timestamp};
use crate::phone::signal::{Enc, PeerBundle};
use crate::state::account::Account;

/// A message on its way, without what differs from device to device.
pub(crate) struct Envelope<'m> {
    pub(crate) author: &'m Account,
    /// The device of the author's that sent it.
    pub(crate) device: u16,
    /// The name the author goes by.
    pub(crate) name: &'m str,
    /// The account the message is for; the chat.
    pub(crate) recipient: &'m Account,
    /// Whether the chat is addressed by number or by LID.
    pub(crate) server: Server,
    pub(crate) id: &'m str,
    /// The `type`: `text`, `media`, ….
    pub(crate) kind: &'m str,
    /// `peer` for what devices of one account tell each other.
    pub(crate) category: Option<&'m str>,
    /// The kind of edit, if it is one.
    pub(crate) edit: Option<&'m str>,
}

impl Envelope<'_> {
    /// The stanza for one device of the author's or the recipient's.
    pub(crate) fn to(&self, account: &Account, device: u16, content: Vec<Node>) -> Parcel {
        let own = account.number == self.author.number;
        let server = if own {
            self.recipient.shown_server(self.server)
        } else {
            self.author.shown_server(self.server)
        };
        let mut builder = NodeBuilder::new("message")
            .attr("from", self.author.jid(server, self.device))
            .attr("id", self.id)
            .attr("type", self.kind)
            .attr("t", timestamp())
            .attr("notify", self.name);
        builder = match server {
            Server::Lid if !own && self.author.hides_number() => builder,
            Server::Lid => builder.attr("sender_pn", self.author.jid(Server::Pn, 0)),
            _ => builder.attr("sender_lid", self.author.jid(Server::Lid, 0)),
        };
        // A peer message is about no chat.
        if own && self.category.is_none() {
            builder = builder.attr("recipient", self.recipient.jid(server, 0));
            if server == Server::Lid && !self.recipient.hides_number() {
                builder = builder.attr("peer_recipient_pn", self.recipient.jid(Server::Pn, 0));
            }
        }
        if let Some(category) = self.category {
            builder = builder.attr("category", category);
        }
        if let Some(edit) = self.edit {
            builder = builder.attr("edit", edit);
        }
        Parcel { to: account.device(device), stanza: builder.children(content).build() }
    }
}

/// The `edit` of a message's stanza, if it changes or withdraws another one.
pub(crate) fn edit_of(message: &wa::Message) -> Option<String> {
    EditAttribute::infer_from_message(message).map(|edit| edit.to_string_val().to_owned())
}

/// The same with what the server is told of the message: what media it carries, and whether people
/// miss something when it cannot be read.
pub(crate) fn enc_of(message: &wa::Message, sealed: Enc, retry: Option<u32>) -> Node {
    let mut node = enc(sealed, retry);
    describe(&mut node, message);
    node
}

/// See [`enc_of`].
pub(crate) fn describe(enc: &mut Node, message: &wa::Message) {
    if let Some(media) = media_type_from_message(message) {
        enc.attrs.insert("mediatype", media);
    }
    if should_hide_decrypt_fail(message) {
        enc.attrs.insert("decrypt-fail", "hide");
    }
}

/// An encrypted message as a stanza carries it. `retry` counts how often it was asked for again.
pub(crate) fn enc(enc: Enc, retry: Option<u32>) -> Node {
    let builder = NodeBuilder::new("enc").attr("v", "2").attr("type", enc.kind.as_str());
    let builder = match retry {
        Some(count) => builder.attr("count", count.to_string()),
        None => builder,
    };
    builder.bytes(enc.bytes).build()
}

/// The keys of a bundle as stanzas list them, without the registration id.
pub(crate) fn key_nodes(bundle: &PeerBundle) -> Vec<Node> {
    let id = |id: u32| NodeBuilder::new("id").bytes(id.to_be_bytes()[1..].to_vec()).build();
    let value = |key: &[u8; 32]| NodeBuilder::new("value").bytes(key.to_vec()).build();
    let mut nodes = vec![
        NodeBuilder::new("type").bytes(vec![5]).build(),
        NodeBuilder::new("identity").bytes(bundle.identity.to_vec()).build(),
    ];
    if let Some(prekey) = &bundle.prekey {
        nodes.push(NodeBuilder::new("key").children([id(prekey.id), value(&prekey.key)]).build());
    }
    let signed = &bundle.signed_prekey;
    let signature = NodeBuilder::new("signature").bytes(signed.signature.clone()).build();
    let skey = [id(signed.id), value(&signed.key), signature];
    nodes.push(NodeBuilder::new("skey").children(skey).build());
    nodes
}

/// A registration id as stanzas carry it.
pub(crate) fn registration(bundle: &PeerBundle) -> Node {
    NodeBuilder::new("registration").bytes(bundle.registration_id.to_be_bytes().to_vec()).build()
}
