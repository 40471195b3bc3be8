//! The public Signal keys of devices.

use wacore::prekeys::compute_key_bundle_digest;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use super::Answer;
use crate::envelope::{key_nodes, registration};
use crate::handset;
use crate::hub::Hub;
use crate::phone::signal::{PeerBundle, Prekey, SignedPrekey};
use crate::prekeys;
use crate::session::Session;
use crate::stanza::fields::Fields as _;

pub(super) fn count(session: &Session) -> Answer {
    let state = session.account.lock();
    let count = state.devices.get(&session.device).map_or(0, |device| device.prekeys.len());
    Answer::Result(vec![NodeBuilder::new("count").attr("value", count.to_string()).build()])
}

/// What the server has of the device's keys, for the device to compare.
pub(super) fn digest(session: &Session) -> Answer {
    let state = session.account.lock();
    let Some(device) = state.devices.get(&session.device) else { return Answer::NOT_FOUND };
    if device.prekeys.is_empty() {
        // The client uploads its keys again then.
        return Answer::NOT_FOUND;
    }
    let signed = &device.keys.signed_prekey;
    let prekeys: Vec<&[u8]> = device.prekeys.iter().map(|prekey| prekey.key.as_slice()).collect();
    let hash =
        compute_key_bundle_digest(&device.keys.identity, &signed.key, &signed.signature, &prekeys);
    let ids = device
        .prekeys
        .iter()
        .map(|prekey| NodeBuilder::new("id").bytes(prekey.id.to_be_bytes()[1..].to_vec()).build());
    let list = NodeBuilder::new("list").children(ids).build();
    let mut content = vec![registration(&device.keys)];
    content.extend(key_nodes(&device.keys));
    content.push(list);
    content.push(NodeBuilder::new("hash").bytes(hash).build());
    Answer::Result(vec![NodeBuilder::new("digest").children(content).build()])
}

/// Replaces the device's keys and adds one-time prekeys.
pub(super) fn upload(session: &Session, request: &Node) -> Answer {
    let parse = || {
        let keys = PeerBundle {
            registration_id: request.number_of("registration")?,
            identity: request.array_of("identity")?,
            signed_prekey: signed_prekey(request.child("skey")?)?,
            prekey: None,
        };
        let prekeys: Option<Vec<Prekey>> = request
            .child("list")?
            .get_children_by_tag("key")
            .map(|key| Some(Prekey { id: key.number_of("id")?, key: key.array_of("value")? }))
            .collect();
        Some((keys, prekeys?))
    };
    let Some((keys, prekeys)) = parse() else { return Answer::BAD_REQUEST };
    let mut state = session.account.lock();
    let Some(device) = state.device(session.device) else { return Answer::NOT_FOUND };
    if device.keys.identity != keys.identity {
        return Answer::error(406, "not-acceptable");
    }
    device.keys = keys;
    state.add_prekeys(session.device, prekeys);
    Answer::Result(Vec::new())
}

/// A fresh device has keys now, so the phone can send it what it needs to read the app state.
pub(super) fn uploaded(session: &Session) {
    let state = session.account.lock();
    let fresh = state.devices.get(&session.device).is_some_and(|device| !device.has_app_state_keys);
    drop(state);
    if fresh {
        let parcels = handset::share_keys(&session.hub, &session.account, session.device);
        session.hub.deliver(parcels);
        handset::offer_history(&session.hub, &session.account, session.device);
    }
}

pub(super) fn rotate(session: &Session, rotate: &Node) -> Answer {
    let Some(signed) = rotate.child("skey").and_then(signed_prekey) else {
        return Answer::BAD_REQUEST;
    };
    if let Some(device) = session.account.lock().device(session.device) {
        device.keys.signed_prekey = signed;
    }
    Answer::Result(Vec::new())
}

/// Keys to open sessions with other devices; each one-time prekey is given once.
pub(super) fn fetch(session: &Session, request: &Node) -> Answer {
    let users = request.get_children_by_tag("user").filter_map(|user| user.jid("jid"));
    let users = users.map(|jid| user(&session.hub, &jid)).collect::<Vec<_>>();
    Answer::Result(vec![NodeBuilder::new("list").children(users).build()])
}

fn user(hub: &Hub, jid: &Jid) -> Node {
    let builder = NodeBuilder::new("user").attr("jid", jid);
    let found = hub.account_of(jid).and_then(|account| {
        let address = account.device(jid.device);
        let bundle = prekeys::take_bundle(hub, &address)?;
        let state = account.lock();
        let proof = state.devices.get(&jid.device).map(|device| device.identity_proof.clone());
        Some((bundle, proof))
    });
    let Some((bundle, proof)) = found else {
        let error = NodeBuilder::new("error").attr("code", "404").attr("text", "item-not-found");
        return builder.children([error.build()]).build();
    };
    let mut content = vec![registration(&bundle)];
    content.extend(key_nodes(&bundle));
    if let Some(proof) = proof {
        content.push(NodeBuilder::new("device-identity").bytes(proof).build());
    }
    builder.children(content).build()
}

fn signed_prekey(node: &Node) -> Option<SignedPrekey> {
    Some(SignedPrekey {
        id: node.number_of("id")?,
        key: node.array_of("value")?,
        signature: node.content_of("signature")?.to_vec(),
    })
}
