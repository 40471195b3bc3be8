//! Sessions against the simulated WhatsApp, with the library's own store in memory.

#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

#[path = "session/acknowledgements.rs"]
mod acknowledgements;
#[path = "session/calls.rs"]
mod calls;
#[path = "session/durability.rs"]
mod durability;
#[path = "session/ends.rs"]
mod ends;
#[path = "session/group_changes.rs"]
mod group_changes;
#[path = "session/groups.rs"]
mod groups;
#[path = "session/hidden.rs"]
mod hidden;
#[path = "session/history.rs"]
mod history;
#[path = "session/labels.rs"]
mod labels;
#[path = "session/liveness.rs"]
mod liveness;
#[path = "session/lookup.rs"]
mod lookup;
#[path = "session/media.rs"]
mod media;
#[path = "session/messages.rs"]
mod messages;
#[path = "session/pairing.rs"]
mod pairing;
#[path = "session/presence.rs"]
mod presence;
#[path = "session/profile.rs"]
mod profile;
#[path = "session/proxy.rs"]
mod proxy;
#[path = "session/receipts.rs"]
mod receipts;
#[path = "session/recorder.rs"]
mod recorder;
#[path = "session/sayings.rs"]
mod sayings;
#[path = "session/world.rs"]
mod world;
