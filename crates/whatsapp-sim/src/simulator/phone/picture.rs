//! What the owner looks like.

use super::Phone;
use crate::error::{Error, Result};

impl Phone {
    /// Sets where the owner's profile picture is, or takes it away.
    pub async fn set_picture(&self, url: Option<&str>) -> Result<()> {
        if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(Error::Invalid("a picture is at an http or https URL".to_owned()));
        }
        {
            let _change = self.hub.ledger.change();
            self.account.lock().set_picture(url.map(str::to_owned));
        }
        self.hub.settled().await;
        Ok(())
    }
}
