//! Files sent and received on a phone.

use axum::body::Bytes;

use super::Phone;
use super::chat::Chat;
use crate::clock;
use crate::error::{Error, Result};
use crate::phone::media::{Attachment, MediaError, NewMedia};
use crate::phone::saying::Manner;

impl Phone {
    /// Sends a file: encrypts it, uploads it to the media host and sends the message that describes
    /// it. `to` is a phone number or an address. Gives the message's id.
    pub async fn send_media(&self, to: &str, media: NewMedia) -> Result<String> {
        self.share(to, media, &Manner::default()).await
    }

    /// The same, said in a manner. What goes to a newsletter is uploaded as it is.
    pub async fn share(&self, to: &str, media: NewMedia, manner: &Manner) -> Result<String> {
        let chat = self.chat_among(to, &manner.viewers)?;
        let open = matches!(chat, Chat::Newsletter(_));
        let (media, sealed) = tokio::task::spawn_blocking(move || {
            let sealed = if open { Ok(media.unsealed()) } else { media.seal() };
            (media, sealed)
        })
        .await
        .map_err(|_| Error::Stopping)?;
        let sealed = sealed.map_err(Error::Crypto)?;
        let now = clock::signed_milliseconds() / 1000;
        let mut message = media.message(&sealed, &self.hub.address.to_string(), now);
        self.in_chat(&chat, |scene| manner.apply(scene, &mut message))?;
        self.hub.media.store(&sealed.name(), Bytes::from(sealed.blob)).await?;
        self.post(&chat, &message).await
    }

    /// The file of a message: downloaded from the media host, decrypted, and checked against what
    /// the message says of it.
    pub async fn media(&self, message: &str) -> Result<Vec<u8>> {
        let message = {
            let state = self.account.lock();
            let entry = state.handset.inbox.entry(message).ok_or(Error::NotFound("message"))?;
            entry.message().ok_or(Error::NotFound("message"))?
        };
        let attachment = Attachment::of(&message).ok_or(Error::NotFound("file in the message"))?;
        let name = attachment.name()?;
        let blob = self.hub.media.load(name).await;
        let blob = blob.ok_or_else(|| MediaError::NotThere(name.to_owned()))?;
        tokio::task::spawn_blocking(move || {
            let attachment = Attachment::of(&message).ok_or(Error::NotFound("file"))?;
            Ok(attachment.open(blob.into())?)
        })
        .await
        .map_err(|_| Error::Stopping)?
    }
}
