//! Where one message goes to many: groups, and the status.

use std::sync::Arc;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node, Server};

use crate::hub::{Hub, Parcel, timestamp};
use crate::phone::signal::DeviceAddress;
use crate::state::account::Account;
use crate::state::groups::Group;

/// A group, or those somebody's status is for.
pub(crate) struct Room {
    pub(crate) jid: Jid,
    /// Whether its members are addressed by number or by LID.
    pub(crate) server: Server,
    /// The accounts, the author's included.
    pub(crate) members: Vec<Arc<Account>>,
}

/// Whether what is sent there goes to many.
pub(crate) fn is_room(jid: &Jid) -> bool {
    jid.is_group() || jid.is_status_broadcast()
}

impl Room {
    pub(crate) fn group(hub: &Hub, group: &Group) -> Self {
        let members = group.members.iter().filter_map(|number| hub.account(number)).collect();
        Self { jid: group.jid(), server: group.server(), members }
    }

    /// Those whom an author shows the status, and the author.
    pub(crate) fn status(author: &Arc<Account>, mut members: Vec<Arc<Account>>) -> Self {
        members.push(Arc::clone(author));
        members.sort_by(|a, b| a.number.cmp(&b.number));
        members.dedup_by(|a, b| a.number == b.number);
        Self { jid: Jid::status_broadcast(), server: author.preferred_server(), members }
    }

    /// Every device of its members.
    pub(crate) fn devices(&self) -> Vec<DeviceAddress> {
        let devices = self.members.iter().map(|member| {
            let companions: Vec<u16> = member.lock().devices.keys().copied().collect();
            (member, companions)
        });
        devices
            .flat_map(|(member, companions)| {
                std::iter::once(0).chain(companions).map(|device| member.device(device))
            })
            .collect()
    }

    pub(crate) fn member(&self, number: &str) -> Option<&Arc<Account>> {
        self.members.iter().find(|member| member.number == number)
    }
}

/// Who sends what to a room.
pub(crate) struct RoomMessage<'m> {
    pub(crate) room: &'m Jid,
    /// Whether the author is addressed by number or by LID.
    pub(crate) server: Server,
    pub(crate) author: &'m Account,
    /// The device of the author's that sent it.
    pub(crate) device: u16,
    /// The name the author goes by.
    pub(crate) name: &'m str,
    pub(crate) id: &'m str,
    /// The `type`: `text`, `media`, ….
    pub(crate) kind: &'m str,
    /// The kind of edit, if it is one.
    pub(crate) edit: Option<&'m str>,
}

impl RoomMessage<'_> {
    /// The stanza for one device.
    pub(crate) fn to(&self, device: DeviceAddress, content: Vec<Node>) -> Parcel {
        let mut builder = NodeBuilder::new("message")
            .attr("from", self.room)
            .attr("id", self.id)
            .attr("type", self.kind)
            .attr("t", timestamp())
            .attr("notify", self.name);
        let server = self.author.shown_server(self.server);
        builder = with_participant(builder, self.author, server, self.device);
        // The status has none (`WAWebMsgParser`).
        if self.room.is_group() {
            let mode = if server == Server::Lid { "lid" } else { "pn" };
            builder = builder.attr("addressing_mode", mode);
        }
        if let Some(edit) = self.edit {
            builder = builder.attr("edit", edit);
        }
        Parcel { to: device, stanza: builder.children(content).build() }
    }
}

/// Says which device of which member a stanza is from, under both addresses if both are known.
pub(crate) fn with_participant(
    builder: NodeBuilder,
    member: &Account,
    server: Server,
    device: u16,
) -> NodeBuilder {
    let server = member.shown_server(server);
    let builder = builder.attr("participant", member.jid(server, device));
    match server {
        Server::Lid if member.hides_number() => builder,
        Server::Lid => builder.attr("participant_pn", member.jid(Server::Pn, 0)),
        _ => builder.attr("participant_lid", member.jid(Server::Lid, 0)),
    }
}
