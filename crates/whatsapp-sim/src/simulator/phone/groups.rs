//! What a phone's owner does with groups.

use wacore_binary::{Jid, Server};

use super::Phone;
use crate::error::{Error, Result};
use crate::groups::{self, Joined};
use crate::state::groups::GroupChange;

/// What the code of an invite link follows.
const LINK: &str = "https://chat.whatsapp.com/";

impl Phone {
    /// Does something with a group. Fails when nobody of those it is about is concerned.
    pub async fn change_group(&self, group: &str, change: &GroupChange) -> Result<()> {
        let jid = group_jid(group)?;
        let people = match change {
            GroupChange::Add { members }
            | GroupChange::Remove { members }
            | GroupChange::Promote { members }
            | GroupChange::Demote { members }
            | GroupChange::Approve { members }
            | GroupChange::Reject { members } => &members[..],
            _ => &[],
        };
        if people.iter().any(|number| self.hub.account(number).is_none()) {
            return Err(Error::NotFound("member"));
        }
        if let GroupChange::Other { tag } = change
            && (tag.is_empty() || !tag.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'))
        {
            return Err(Error::Invalid(format!("`{tag}` is no word of WhatsApp's")));
        }
        let outcome = {
            let _change = self.hub.ledger.change();
            groups::change(&self.hub, &self.account, &jid, change)?
        };
        self.hub.settled().await;
        if outcome.effects.is_empty() {
            return Err(Error::Conflict("it concerns nobody".to_owned()));
        }
        Ok(())
    }

    /// What the link ends in by which people join a group; for its admins.
    pub async fn invite_code(&self, group: &str) -> Result<String> {
        let jid = group_jid(group)?;
        let code = {
            let _change = self.hub.ledger.change();
            groups::invite(&self.hub, &self.account, &jid)?
        };
        self.hub.settled().await;
        Ok(code)
    }

    /// Follows an invite link, given whole or by its end. Gives the group's JID and whether the owner
    /// is in it now.
    pub async fn join_group(&self, link: &str) -> Result<(String, Joined)> {
        let code = link.strip_prefix(LINK).unwrap_or(link);
        let (group, joined) = {
            let _change = self.hub.ledger.change();
            groups::join(&self.hub, &self.account, code)?
        };
        self.hub.settled().await;
        Ok((group.to_string(), joined))
    }
}

fn group_jid(group: &str) -> Result<Jid> {
    let jid = group.parse::<Jid>().ok().filter(|jid| jid.server == Server::Group);
    jid.ok_or_else(|| Error::Invalid(format!("`{group}` is no group's address")))
}
