use sha2::{Digest, Sha256};
use wharf_domain::event::EventKey;

/// Longer than any key of honest ids, and short enough for every database's index.
const LONGEST: usize = 200;

/// The key of something of `kind` that `name` tells apart, readable unless that is too long.
pub(super) fn bounded(kind: &str, name: String) -> EventKey {
    let name = if name.len() > LONGEST { hex::encode(Sha256::digest(name)) } else { name };
    EventKey(format!("{kind}|{name}"))
}
