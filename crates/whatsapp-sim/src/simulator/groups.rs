//! Making groups.

use wacore_binary::builder::NodeBuilder;

use super::Simulator;
use crate::clock;
use crate::error::{Error, Result};
use crate::hub::{Parcel, stanza_id, timestamp};
use crate::room::{Room, with_participant};
use crate::stanza::iq::groups::describe;
use crate::state::groups::Group;

impl Simulator {
    /// Makes a group of phones, by their numbers; the owner is one of its members. Gives its JID.
    pub async fn create_group(
        &self,
        owner: &str,
        subject: &str,
        members: &[&str],
    ) -> Result<String> {
        if subject.trim().is_empty() {
            return Err(Error::Invalid("a group has a subject".to_owned()));
        }
        let owner = self.hub.account(owner).ok_or(Error::NotFound("owner"))?;
        let mut numbers = vec![owner.number.clone()];
        for member in members {
            let member = self.hub.account(member).ok_or(Error::NotFound("member"))?;
            if !numbers.contains(&member.number) {
                numbers.push(member.number.clone());
            }
        }
        let group = Group {
            id: format!("120363{:012}", rand::random_range(0..1_000_000_000_000_u64)),
            subject: subject.to_owned(),
            owner: owner.number.clone(),
            members: numbers,
            by_lid: owner.lid_addressed,
            created: clock::seconds(),
        };
        {
            let _change = self.hub.ledger.change();
            self.hub.groups.add(group.clone());
            self.hub.ledger.mark(&group.record());
            self.introduce(&group);
        }
        self.hub.settled().await;
        Ok(group.jid().to_string())
    }

    /// Tells the members' companions that there is a group, and that its members know each other.
    fn introduce(&self, group: &Group) {
        let room = Room::group(&self.hub, group);
        for member in &room.members {
            let mut state = member.lock();
            for number in &group.members {
                state.meet(number);
            }
        }
        let Some(owner) = room.member(&group.owner) else { return };
        let create = NodeBuilder::new("create").children([describe(&self.hub, group)]).build();
        let builder = NodeBuilder::new("notification")
            .attr("from", &room.jid)
            .attr("type", "w:gp2")
            .attr("id", stanza_id())
            .attr("t", timestamp())
            .attr("notify", owner.lock().name.as_str());
        let builder = with_participant(builder, owner, group.server(), 0);
        let builder = if group.by_lid { builder.attr("addressing_mode", "lid") } else { builder };
        let stanza = builder.children([create]).build();
        let parcels = room.devices().into_iter().filter(|device| device.device != 0);
        let parcels = parcels.map(|to| Parcel { to, stanza: stanza.clone() });
        self.hub.deliver(parcels.collect());
    }
}
