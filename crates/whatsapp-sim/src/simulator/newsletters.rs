//! Making newsletters.

use super::Simulator;
use crate::error::{Error, Result};
use crate::state::newsletters::Newsletter;

impl Simulator {
    /// Makes a newsletter that a phone writes and others follow, all by their numbers. Gives its JID.
    pub async fn create_newsletter(
        &self,
        owner: &str,
        name: &str,
        subscribers: &[&str],
    ) -> Result<String> {
        if name.trim().is_empty() {
            return Err(Error::Invalid("a newsletter has a name".to_owned()));
        }
        let owner = self.hub.account(owner).ok_or(Error::NotFound("owner"))?;
        let mut followers = std::collections::BTreeSet::new();
        for subscriber in subscribers {
            let account = self.hub.account(subscriber).ok_or(Error::NotFound("subscriber"))?;
            followers.insert(account.number.clone());
        }
        let id = format!("120363{:012}", rand::random_range(0..1_000_000_000_000_u64));
        let newsletter = Newsletter::new(id, name, &owner.number, followers);
        let (jid, record) = (newsletter.jid(), newsletter.record());
        {
            let _change = self.hub.ledger.change();
            self.hub.newsletters.add(newsletter);
            self.hub.ledger.mark(&record);
        }
        self.hub.settled().await;
        Ok(jid.to_string())
    }
}
