//! A collection of app state: patches the server numbers and cannot read.

use serde::{Deserialize, Serialize};

use crate::base64_bytes;
use crate::phone::app_state::numbered;

/// The patches of a collection; a collection's version is how many it has.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Collection(Vec<Patch>);

#[derive(Serialize, Deserialize)]
struct Patch(#[serde(with = "base64_bytes")] Vec<u8>);

/// Why a patch is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It does not build on the present version.
    Conflict,
    /// It is no patch.
    Malformed,
}

impl Collection {
    pub(crate) fn version(&self) -> u64 {
        self.0.len() as u64
    }

    /// Appends a patch made on top of version `base`, and stamps the new version into it: the author
    /// leaves that to the server.
    pub(crate) fn append(&mut self, base: u64, patch: &[u8]) -> Result<(), Refusal> {
        if base != self.version() {
            return Err(Refusal::Conflict);
        }
        self.0.push(Patch(numbered(patch, base + 1).map_err(|_| Refusal::Malformed)?));
        Ok(())
    }

    /// The patches after version `base`; `None` when there never was such a version.
    pub(crate) fn since(&self, base: u64) -> Option<impl Iterator<Item = &[u8]>> {
        let start = usize::try_from(base).ok()?;
        Some(self.0.get(start..)?.iter().map(|patch| patch.0.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use waproto::buffa::Message as _;
    use waproto::whatsapp::SyncdPatch;

    use super::*;

    fn versions(collection: &Collection, base: u64) -> Option<Vec<Option<u64>>> {
        let version = |bytes: &[u8]| {
            SyncdPatch::decode_from_slice(bytes).unwrap().version.as_option().unwrap().version
        };
        Some(collection.since(base)?.map(version).collect())
    }

    #[test]
    fn patches_are_numbered_in_the_order_they_come() {
        let mut collection = Collection::default();
        let patch = SyncdPatch::default().encode_to_vec();
        collection.append(0, &patch).unwrap();
        collection.append(1, &patch).unwrap();
        assert_eq!(collection.version(), 2);
        assert_eq!(versions(&collection, 0), Some(vec![Some(1), Some(2)]));
        assert_eq!(versions(&collection, 1), Some(vec![Some(2)]));
        assert_eq!(versions(&collection, 2), Some(vec![]));
        assert_eq!(versions(&collection, 3), None);
    }

    #[test]
    fn a_patch_on_another_version_is_a_conflict() {
        let mut collection = Collection::default();
        let patch = SyncdPatch::default().encode_to_vec();
        collection.append(0, &patch).unwrap();
        assert_eq!(collection.append(0, &patch), Err(Refusal::Conflict));
        assert_eq!(collection.append(1, b"\xff"), Err(Refusal::Malformed));
        assert_eq!(collection.version(), 1);
    }
}
