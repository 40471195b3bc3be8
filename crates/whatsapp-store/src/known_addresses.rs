use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Beyond this many addresses the memory is better spent elsewhere, and every probe is a query.
const MOST: usize = 50_000;

/// What is kept under an address.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Kind {
    Identity,
    Session,
}

/// Remembers under which addresses there may be something, to answer for those where there is not.
///
/// Holds hashes only and never forgets one: a mistake can only be a query too many.
#[derive(Debug, Default)]
pub(crate) struct KnownAddresses {
    hasher: RandomState,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    hashes: HashSet<u64>,
    /// Whether every address in the database is among them.
    complete: bool,
    too_many: bool,
}

impl KnownAddresses {
    /// Whether there is certainly nothing under `address`.
    pub(crate) fn rule_out(&self, kind: Kind, address: &str) -> bool {
        let known = self.lock();
        known.complete && !known.hashes.contains(&self.hash(kind, address))
    }

    /// To be told before anything is written under `address`, so that no write escapes a
    /// [`complete`](Self::complete) that runs meanwhile.
    pub(crate) fn note(&self, kind: Kind, address: &str) {
        let hash = self.hash(kind, address);
        self.lock().add(hash);
    }

    /// Whether it is worth reading all addresses.
    pub(crate) fn is_wanting(&self) -> bool {
        let known = self.lock();
        !known.complete && !known.too_many
    }

    /// Takes in all addresses of the database.
    pub(crate) fn complete<'a>(&self, addresses: impl Iterator<Item = (Kind, &'a str)>) {
        let mut known = self.lock();
        for (kind, address) in addresses {
            let hash = self.hash(kind, address);
            known.add(hash);
        }
        known.complete = !known.too_many;
    }

    /// Roughly the bytes held.
    pub(crate) fn size(&self) -> usize {
        self.lock().hashes.capacity() * (size_of::<u64>() + 1)
    }

    fn hash(&self, kind: Kind, address: &str) -> u64 {
        self.hasher.hash_one((kind, address))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, hash: u64) {
        if self.too_many {
            return;
        }
        self.hashes.insert(hash);
        if self.hashes.len() > MOST {
            *self = Self { too_many: true, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ruled_out_before_all_addresses_are_known() {
        let addresses = KnownAddresses::default();
        addresses.note(Kind::Session, "a");
        assert!(!addresses.rule_out(Kind::Session, "b"));
        addresses.complete([(Kind::Session, "c")].into_iter());
        assert!(addresses.rule_out(Kind::Session, "b"));
        assert!(!addresses.rule_out(Kind::Session, "a"));
        assert!(!addresses.rule_out(Kind::Session, "c"));
        assert!(addresses.rule_out(Kind::Identity, "c"));
    }

    #[test]
    fn beyond_the_bound_nothing_is_held_or_ruled_out() {
        let addresses = KnownAddresses::default();
        let names: Vec<String> = (0..=MOST).map(|n| n.to_string()).collect();
        addresses.complete(names.iter().map(|name| (Kind::Session, name.as_str())));
        assert!(!addresses.rule_out(Kind::Session, "absent"));
        assert!(!addresses.is_wanting());
        assert_eq!(addresses.size(), 0);
    }
}
