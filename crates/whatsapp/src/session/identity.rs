use wharf_domain::{address::Jid, instance::Profile};

use super::Core;
use crate::convert::{self, Aliases};

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

    /// Looks up under which other address the library knows somebody.
    pub(crate) async fn learn(&self, aliases: &mut Aliases, addresses: Vec<wacore_binary::Jid>) {
        let Some(client) = self.client() else { return };
        for address in addresses {
            if aliases.knows(&address) {
                continue;
            }
            match client.get_lid_pn_entry(&address).await {
                Ok(Some(entry)) => aliases.add(&entry.phone_number, &entry.lid),
                Ok(None) => {}
                Err(e) => tracing::warn!(error = %e, "could not look up an address"),
            }
        }
    }
}
