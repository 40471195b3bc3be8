use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::TimeDelta;
use wacore::types::lid_pn::LearningSource;
use wharf_domain::{
    Timestamp,
    address::{Jid, Server},
    instance::Profile,
};

use super::Core;
use crate::convert::{self, Aliases};

/// How many people without a LID are remembered.
const ROOM: usize = 512;
/// How long somebody is taken to have none.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);

/// People of whom the phone number is known and the LID was not found lately, so that not each of their messages makes
/// the store search for it. Whose phone number is not known is asked for each time.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<HashMap<String, Timestamp>>);

impl Strangers {
    fn has(&self, address: &wacore_binary::Jid, now: Timestamp) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        address.is_pn() && known.get(address.user.as_str()).is_some_and(|until| now < *until)
    }

    fn note(&self, address: &wacore_binary::Jid, now: Timestamp) {
        if !address.is_pn() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ROOM {
            known.clear();
        }
        known.insert(address.user.to_string(), now + PATIENCE);
    }

    fn forget(&self, phones: impl Iterator<Item = impl AsRef<str>>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for phone in phones {
            known.remove(phone.as_ref());
        }
    }
}

impl Core {
    /// Who we are, as far as it is known.
    pub(crate) fn profile(&self) -> Profile {
        let Some(client) = self.client() else { return Profile::default() };
        let address = |jid: Option<wacore_binary::Jid>| -> Option<Jid> {
            jid.and_then(|jid| convert::from_library(&jid))
        };
        Profile {
            jid: address(client.pn()),
            lid: address(client.lid()),
            name: Some(client.push_name()).filter(|name| !name.is_empty()),
            business_name: self.business_name(),
            picture_url: self.picture(),
        }
    }

    /// Takes note for good of addresses that are one person's each, where the library does not.
    pub(crate) async fn pair(&self, aliases: &mut Aliases, pairs: &[(Jid, Jid)]) {
        let mut mappings = Vec::with_capacity(pairs.len());
        for (one, other) in pairs {
            let (lid, phone) = match (one.server(), other.server()) {
                (Server::Lid, Server::Phone) => (one, other),
                (Server::Phone, Server::Lid) => (other, one),
                _ => continue,
            };
            aliases.add(phone.user(), lid.user());
            mappings.push((lid.user().to_owned(), phone.user().to_owned()));
        }
        let Some(client) = self.client().filter(|_| !mappings.is_empty()) else { return };
        self.strangers.forget(mappings.iter().map(|(_, phone)| phone));
        if let Err(e) = client.add_lid_pn_mappings(mappings, LearningSource::Other).await {
            tracing::warn!(error = %e, "could not keep whose addresses belong together");
        }
    }

    /// Looks up under which other address the library knows somebody.
    pub(crate) async fn learn(&self, aliases: &mut Aliases, addresses: Vec<wacore_binary::Jid>) {
        let Some(client) = self.client() else { return };
        let now = self.clock.now();
        for address in addresses {
            if aliases.knows(&address) || self.strangers.has(&address, now) {
                continue;
            }
            match client.get_lid_pn_entry(&address).await {
                Ok(Some(entry)) => aliases.add(&entry.phone_number, &entry.lid),
                Ok(None) => self.strangers.note(&address, now),
                Err(e) => tracing::warn!(error = %e, "could not look up an address"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_lid_is_not_found_is_not_searched_for_again_at_once() {
        let (strangers, now) = (Strangers::default(), Timestamp::UNIX_EPOCH);
        let phone: wacore_binary::Jid = "5511999990001:3@s.whatsapp.net".parse().unwrap();
        strangers.note(&phone, now);
        assert!(strangers.has(&phone.to_non_ad(), now) && !strangers.has(&phone, now + PATIENCE));
        strangers.forget(["5511999990001"].iter());
        assert!(!strangers.has(&phone, now), "found in the meantime");
        let lid: wacore_binary::Jid = "123@lid".parse().unwrap();
        strangers.note(&lid, now);
        assert!(!strangers.has(&lid, now));
        for i in 0..2 * ROOM {
            strangers.note(&format!("55119{i:08}@s.whatsapp.net").parse().unwrap(), now);
        }
        assert!(strangers.0.lock().unwrap().len() <= ROOM);
    }
}
