//! A client that belongs to no account yet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::buffa::Message as _;
use waproto::whatsapp::client_payload::DevicePairingRegistrationData;
use waproto::whatsapp::{ClientPayload, DeviceProps};

use super::offer::{Answer, Offer};
use crate::clock;
use crate::error::{Error, Result};
use crate::hub::{Hub, stanza_id};
use crate::phone::history::Wanted;
use crate::phone::link::Qr;
use crate::phone::signal::{PeerBundle, SignedPrekey};
use crate::session::line::Line;
use crate::session::login::failure;
use crate::stanza::fields::Fields as _;
use crate::stanza::iq;
use crate::state::account::Account;

/// WhatsApp gives six references; a client shows the first for a minute, the others for 20 seconds
/// each (`WAWebHandlePairDevice`).
const REFERENCES: usize = 6;
const FIRST_SHOWN: Duration = Duration::from_mins(1);
const SHOWN: Duration = Duration::from_secs(20);
/// How long after that a reference is still good: a scan takes its time.
const GRACE: Duration = Duration::from_secs(20);
/// The refusal of a client that says nothing usable about itself.
const BAD_REQUEST: u16 = 400;

/// See the module.
pub(crate) struct Unpaired {
    pub(super) hub: Arc<Hub>,
    pub(super) line: Arc<Line>,
    pub(super) noise: [u8; 32],
    /// Its Signal keys, without a one-time prekey.
    pub(super) keys: PeerBundle,
    pub(super) platform: String,
    pub(super) name: String,
    /// The name it announces: for test suites that choose the phone by it.
    pub(crate) push_name: String,
    /// What it wants to know of the past.
    pub(super) wants: Wanted,
    references: Vec<String>,
    since: Instant,
    pub(super) offer: Mutex<Option<Offer>>,
}

impl Unpaired {
    /// Gives the client its references, or puts a refusal on the line.
    pub(crate) fn welcome(
        hub: &Arc<Hub>,
        line: &Arc<Line>,
        payload: &ClientPayload,
        noise: [u8; 32],
    ) -> Option<Arc<Self>> {
        let Some(keys) = payload.device_pairing_data.as_option().and_then(keys) else {
            line.hang_up(Some(failure(BAD_REQUEST)));
            return None;
        };
        let props = payload.device_pairing_data.device_props.as_deref().unwrap_or_default();
        let props = DeviceProps::decode_from_slice(props).unwrap_or_default();
        let platform = props.platform_type.map(|platform| format!("{platform:?}").to_lowercase());
        let references = std::iter::repeat_with(|| format!("2@{}", stanza_id())).take(REFERENCES);
        let unpaired = Arc::new(Self {
            hub: Arc::clone(hub),
            line: Arc::clone(line),
            noise,
            keys,
            platform: platform.unwrap_or_else(|| "unknown".to_owned()),
            wants: Wanted::of(&props),
            name: props.os.unwrap_or_default(),
            push_name: payload.push_name.clone().unwrap_or_default(),
            references: references.collect(),
            since: clock::instant(),
            offer: Mutex::new(None),
        });
        let mut known = hub.pairings.references();
        for reference in &unpaired.references {
            known.insert(reference.clone(), Arc::clone(&unpaired));
        }
        drop(known);
        line.send(unpaired.pair_device());
        Some(unpaired)
    }

    /// Deals with a stanza.
    pub(crate) fn receive(self: &Arc<Self>, stanza: &Node) {
        let _change = self.hub.ledger.change();
        match (stanza.tag.as_ref(), stanza.text("type").as_deref()) {
            ("iq", Some("result" | "error")) => self.answered(stanza),
            ("iq", _) => {
                let (answer, next) = if let Some(request) = stanza.child("link_code_companion_reg")
                {
                    super::code::request(self, request)
                } else {
                    let answer = iq::for_anybody(stanza);
                    (answer.unwrap_or_else(|| iq::unknown(&self.hub, stanza)), None)
                };
                self.line.send(answer.to(stanza));
                if let Some(next) = next {
                    self.line.send(next);
                }
            }
            // Once it has countersigned, a client tells of its session, still on this connection.
            ("ack" | "ib", _) => {}
            (unknown, _) => self.hub.stats.count_unknown(format!("unpaired {unknown}")),
        }
    }

    /// The connection is over.
    pub(crate) fn leave(&self) {
        let mut known = self.hub.pairings.references();
        for reference in &self.references {
            known.remove(reference);
        }
        drop(known);
        self.hub.pairings.codes().forget(self.line.id);
        // Whoever waits for an answer learns that there will be none.
        self.offer.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether a reference is not shown any more.
    pub(super) fn has_rotated_away(&self, reference: &str, now: Instant) -> bool {
        let place = self.references.iter().position(|known| known == reference);
        let later = place.and_then(|place| u32::try_from(place).ok()).unwrap_or(0);
        now > self.since + FIRST_SHOWN + SHOWN * later + GRACE
    }

    /// Whether a QR code has this client's keys.
    pub(super) fn is_described_by(&self, qr: &Qr) -> bool {
        qr.noise == self.noise && qr.identity == self.keys.identity
    }

    /// Offers the client to become a device of `account`; `secret` proves that the account wants it.
    /// `answer` learns what becomes of it. Gives the stanza that makes the offer.
    pub(super) fn offer(
        &self,
        account: &Arc<Account>,
        secret: &[u8; 32],
        answer: Answer,
    ) -> Result<Node> {
        let mut current = self.offer.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(Offer::stands) {
            return Err(Error::Conflict("the client is being linked already".to_owned()));
        }
        let (offer, stanza) = Offer::make(self, account, secret, answer)?;
        *current = Some(offer);
        Ok(stanza)
    }

    fn answered(&self, stanza: &Node) {
        let mut current = self.offer.lock().unwrap_or_else(PoisonError::into_inner);
        let offer = current.take_if(|offer| stanza.text("id").is_some_and(|id| id == offer.id));
        drop(current);
        if let Some(offer) = offer {
            offer.conclude(self, stanza);
        }
    }

    fn pair_device(&self) -> Node {
        let reference =
            |text: &String| NodeBuilder::new("ref").bytes(text.as_bytes().to_vec()).build();
        let offer = NodeBuilder::new("pair-device").children(self.references.iter().map(reference));
        NodeBuilder::new("iq")
            .attr("from", "s.whatsapp.net")
            .attr("type", "set")
            .attr("xmlns", "md")
            .attr("id", stanza_id())
            .children([offer.build()])
            .build()
    }
}

fn keys(registration: &DevicePairingRegistrationData) -> Option<PeerBundle> {
    let number = |bytes: &[u8]| {
        (bytes.len() <= 4).then(|| bytes.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)))
    };
    let signed_prekey = SignedPrekey {
        id: number(registration.e_skey_id.as_deref()?)?,
        key: registration.e_skey_val.as_deref()?.try_into().ok()?,
        signature: registration.e_skey_sig.clone()?,
    };
    Some(PeerBundle {
        registration_id: number(registration.e_regid.as_deref()?)?,
        identity: registration.e_ident.as_deref()?.try_into().ok()?,
        signed_prekey,
        prekey: None,
    })
}
