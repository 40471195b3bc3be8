//! The keys by which sessions are opened, given out once each.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::hub::{Hub, Parcel, stanza_id, timestamp};
use crate::phone::signal::{DeviceAddress, PeerBundle};

/// A device with fewer one-time prekeys is asked for more (`WAWebHandleEncryptNotification`).
const FEW: usize = 5;

/// Takes the keys to open a session with a device, with a one-time prekey if there is one. Under a
/// change, and without an account's lock.
pub(crate) fn take_bundle(hub: &Hub, device: &DeviceAddress) -> Option<PeerBundle> {
    let account = hub.account(&device.number)?;
    let mut state = account.lock();
    if device.device == 0 {
        return Some(state.handset().signal.bundle());
    }
    let bundle = state.take_bundle(device.device)?;
    let left = state.devices.get(&device.device).map_or(0, |device| device.prekeys.len());
    drop(state);
    // Said once, when the number falls below: it waits for a device that is away.
    if bundle.prekey.is_some() && left + 1 == FEW {
        hub.deliver(vec![Parcel { to: device.clone(), stanza: running_low(left) }]);
    }
    Some(bundle)
}

fn running_low(left: usize) -> Node {
    NodeBuilder::new("notification")
        .attr("from", "s.whatsapp.net")
        .attr("type", "encrypt")
        .attr("id", stanza_id())
        .attr("t", timestamp())
        .children([NodeBuilder::new("count").attr("value", left.to_string()).build()])
        .build()
}
