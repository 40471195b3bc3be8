//! From the phone's consent to the client's countersignature.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, Server};
use waproto::buffa::Message as _;
use waproto::whatsapp::ClientPairingProps;

use super::Unpaired;
use crate::clock;
use crate::error::{Error, Result};
use crate::faults::Point;
use crate::hub::{stanza_id, timestamp};
use crate::phone::link::{DeviceDetails, check_countersigned, sign_device};
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;
use crate::state::device::Device;
use crate::state::queue::Queue;
use crate::topology;

/// What becomes of an offer: the new device's id.
pub(super) type Answer = oneshot::Sender<Result<u16>>;

/// A `<pair-success>` that the client has not answered.
pub(crate) struct Offer {
    pub(super) id: String,
    account: Arc<Account>,
    device: u16,
    answer: Answer,
}

impl Offer {
    /// An offer, and the stanza that makes it. Under a change.
    pub(super) fn make(
        unpaired: &Unpaired,
        account: &Arc<Account>,
        secret: &[u8; 32],
        answer: Answer,
    ) -> Result<(Self, Node)> {
        let mut state = account.lock();
        let device = state.reserve_device()?;
        let details = DeviceDetails {
            raw_id: state.raw_id,
            key_index: u32::from(device),
            timestamp: clock::seconds(),
        };
        let identity = state.handset.signal.identity();
        drop(state);
        let spoilt = unpaired.hub.faults.decide(&account.number, Point::Offer);
        // Authenticated with a secret that the client does not know.
        let secret = if spoilt.is_some() { &[0; 32] } else { secret };
        let signed = sign_device(&identity, secret, &unpaired.keys.identity, details)?;

        let id = stanza_id();
        let mut content = vec![
            NodeBuilder::new("device-identity").bytes(signed).build(),
            NodeBuilder::new("platform").attr("name", "android").build(),
            NodeBuilder::new("device")
                .attr("jid", account.jid(Server::Pn, device))
                .attr("lid", account.jid(Server::Lid, device))
                .build(),
        ];
        if account.lid_addressed {
            let props =
                ClientPairingProps { is_chat_db_lid_migrated: Some(true), ..Default::default() };
            content.push(NodeBuilder::new("client-props").bytes(props.encode_to_vec()).build());
        }
        let stanza = NodeBuilder::new("iq")
            .attr("from", "s.whatsapp.net")
            .attr("type", "set")
            .attr("id", id.as_str())
            .attr("t", timestamp())
            .children([NodeBuilder::new("pair-success").children(content).build()])
            .build();
        Ok((Self { id, account: Arc::clone(account), device, answer }, stanza))
    }

    /// Whether somebody still waits for the answer: an offer ends with the owner's patience.
    pub(super) fn stands(&self) -> bool {
        !self.answer.is_closed()
    }

    /// Links the device if the client's answer says so, and asks it to log in. Under a change.
    pub(super) fn conclude(self, unpaired: &Unpaired, stanza: &Node) {
        if !self.stands() {
            return unpaired.line.hang_up(None);
        }
        let result = self.link(unpaired, stanza);
        if result.is_ok() {
            let error = NodeBuilder::new("stream:error").attr("code", "515").build();
            unpaired.line.hang_up(Some(error));
        }
        // The owner may have stopped waiting just now.
        let _ = self.answer.send(result);
    }

    fn link(&self, unpaired: &Unpaired, stanza: &Node) -> Result<u16> {
        if let Some(error) = stanza.child("error") {
            let text = error.text("text").unwrap_or_default();
            return Err(Error::Conflict(format!("the client refuses to be linked: {text}")));
        }
        let proof =
            stanza.child("pair-device-sign").and_then(|sign| sign.content_of("device-identity"));
        let proof = proof.ok_or_else(|| Error::Conflict("the client signs nothing".to_owned()))?;
        let mut state = self.account.lock();
        check_countersigned(
            proof,
            &unpaired.keys.identity,
            &state.handset.signal.identity_public(),
        )?;
        state.link(Device {
            id: self.device,
            key_index: u32::from(self.device),
            platform: unpaired.platform.clone(),
            name: unpaired.name.clone(),
            noise: unpaired.noise,
            keys: unpaired.keys.clone(),
            prekeys: VecDeque::new(),
            identity_proof: proof.to_vec(),
            push_name: unpaired.push_name.clone(),
            presence: None,
            wants: unpaired.wants,
            has_app_state_keys: false,
            queue: Queue::default(),
            delivery: None,
        });
        drop(state);
        topology::announce_added(&unpaired.hub, &self.account, self.device);
        self.account.stir();
        Ok(self.device)
    }
}
