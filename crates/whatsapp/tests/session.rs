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
#[path = "session/groups.rs"]
mod groups;
#[path = "session/history.rs"]
mod history;
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
#[path = "session/recorder.rs"]
mod recorder;
#[path = "session/world.rs"]
mod world;
