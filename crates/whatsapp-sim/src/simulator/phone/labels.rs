//! Labels the owner puts on chats; companions are told of them.

use super::Phone;
use super::chat::Chat;
use crate::clock;
use crate::error::{Error, Result};
use crate::handset;
use crate::phone::app_state::{AppState, Patch, PatchError};

impl Phone {
    /// Makes a label, or gives one of this id another name and colour.
    pub async fn edit_label(&self, label: &str, name: &str, color: i32) -> Result<()> {
        if label.is_empty() || name.trim().is_empty() {
            return Err(Error::Invalid("a label has an id and a name".to_owned()));
        }
        let now = clock::signed_milliseconds();
        self.write(|app_state| app_state.edit_label(label, name, color, now)).await
    }

    /// Deletes a label, whether there was one or not.
    pub async fn delete_label(&self, label: &str) -> Result<()> {
        let now = clock::signed_milliseconds();
        self.write(|app_state| app_state.delete_label(label, now)).await
    }

    /// Puts a label on the chat with a number, or at an address, or takes it off.
    pub async fn label_chat(&self, label: &str, chat: &str, labeled: bool) -> Result<()> {
        let chat = self.chat(chat)?;
        let jid = match &chat {
            Chat::Person(_) => self.in_chat(&chat, |scene| Ok(scene.chat.to_string()))?,
            Chat::Room(room) => room.jid.to_string(),
            Chat::Newsletter(_) => {
                return Err(Error::Invalid("newsletters have no labels".to_owned()));
            }
        };
        let now = clock::signed_milliseconds();
        self.write(|app_state| app_state.label_chat(label, &jid, labeled, now)).await
    }

    async fn write(
        &self,
        write: impl FnOnce(&mut AppState) -> Result<Patch, PatchError>,
    ) -> Result<()> {
        {
            let _change = self.hub.ledger.change();
            handset::write_app_state(&self.hub, &self.account, write)?;
        }
        self.hub.settled().await;
        Ok(())
    }
}
