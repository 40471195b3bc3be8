use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wacore::store::traits::TcTokenEntry;

/// Enough for the chats that are active at one time.
const MOST: usize = 256;

/// Remembers the privacy tokens that were asked for lately, and for whom there is none.
#[derive(Debug, Default)]
pub(crate) struct TcTokenCache(Mutex<Tokens>);

#[derive(Debug, Default)]
struct Tokens {
    by_jid: HashMap<Box<str>, Option<TcTokenEntry>>,
    /// Changes with every write, so that what was read before one is not kept after it.
    generation: u64,
}

/// What the cache can say.
pub(crate) enum Lookup {
    /// The token, or that there is none.
    Known(Option<TcTokenEntry>),
    /// Ask the database, and [`keep`](TcTokenCache::keep) the answer under this generation.
    Unknown(u64),
}

impl TcTokenCache {
    pub(crate) fn find(&self, jid: &str) -> Lookup {
        let tokens = self.lock();
        match tokens.by_jid.get(jid) {
            Some(entry) => Lookup::Known(entry.clone()),
            None => Lookup::Unknown(tokens.generation),
        }
    }

    /// Keeps what the database answered, unless something was written since.
    pub(crate) fn keep(&self, jid: &str, entry: Option<&TcTokenEntry>, generation: u64) {
        let mut tokens = self.lock();
        if tokens.generation != generation {
            return;
        }
        if tokens.by_jid.len() >= MOST {
            tokens.by_jid.clear();
        }
        tokens.by_jid.insert(jid.into(), entry.cloned());
    }

    /// To be called before a write and after it.
    pub(crate) fn forget(&self, jid: Option<&str>) {
        let mut tokens = self.lock();
        tokens.generation += 1;
        match jid {
            Some(jid) => drop(tokens.by_jid.remove(jid)),
            None => tokens.by_jid.clear(),
        }
    }

    /// Roughly the bytes held.
    pub(crate) fn size(&self) -> usize {
        const TOKEN_AND_JID: usize = 64;
        let slot = size_of::<(Box<str>, Option<TcTokenEntry>)>();
        let tokens = self.lock();
        tokens.by_jid.capacity() * slot + tokens.by_jid.len() * TOKEN_AND_JID
    }

    fn lock(&self) -> MutexGuard<'_, Tokens> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_known(cache: &TcTokenCache, jid: &str) -> bool {
        matches!(cache.find(jid), Lookup::Known(_))
    }

    fn generation(cache: &TcTokenCache) -> u64 {
        match cache.find("nobody") {
            Lookup::Unknown(generation) => generation,
            Lookup::Known(_) => panic!("nobody is known"),
        }
    }

    #[test]
    fn an_answer_read_before_a_write_is_not_kept_after_it() {
        let cache = TcTokenCache::default();
        let before = generation(&cache);
        cache.forget(Some("a@lid"));
        cache.keep("a@lid", None, before);
        assert!(!is_known(&cache, "a@lid"));
        cache.keep("a@lid", None, generation(&cache));
        assert!(is_known(&cache, "a@lid"));
    }

    #[test]
    fn the_cache_is_bounded() {
        let cache = TcTokenCache::default();
        for n in 0..10 * MOST {
            cache.keep(&format!("{n}@lid"), None, generation(&cache));
        }
        assert!(cache.lock().by_jid.len() <= MOST);
    }
}
