//! What an owner shows for a day.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use super::Phone;
use super::chat::Chat;
use crate::error::{Error, Result};
use crate::phone::saying::secret;
use crate::room::Room;

impl Phone {
    /// Puts a text into the status, shown to the owners of these numbers. Gives the message's id.
    pub async fn post_status(&self, text: &str, to: &[&str]) -> Result<String> {
        if text.trim().is_empty() {
            return Err(Error::Invalid("there is no text".to_owned()));
        }
        let viewers: Vec<String> = to.iter().map(|&viewer| viewer.to_owned()).collect();
        let room = self.viewers(&viewers)?;
        self.post(&Chat::Room(room), &written(text)).await
    }

    /// Those whom the status is shown to; they and the owner know each other from now on.
    pub(super) fn viewers(&self, numbers: &[String]) -> Result<Room> {
        let viewers: Result<Vec<_>> = numbers.iter().map(|number| self.recipient(number)).collect();
        let viewers = viewers?;
        {
            let _change = self.hub.ledger.change();
            for viewer in &viewers {
                self.account.lock().meet(&viewer.number);
                viewer.lock().meet(&self.account.number);
            }
        }
        Ok(Room::status(&self.account, viewers))
    }
}

/// A text on a ground of one colour, as it is shown.
fn written(text: &str) -> wa::Message {
    const GROUND: u32 = 0xFF1E_6E4F;
    let text = wa::message::ExtendedTextMessage {
        text: Some(text.to_owned()),
        background_argb: Some(GROUND),
        ..Default::default()
    };
    wa::Message {
        extended_text_message: MessageField::some(text),
        message_context_info: MessageField::some(secret()),
        ..Default::default()
    }
}
