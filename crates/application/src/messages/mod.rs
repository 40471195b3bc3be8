//! Sends: written first, answered after WhatsApp's acknowledgement.

mod composing;
mod kinds;
mod media;
mod order;
mod outbox;
mod turns;

use std::sync::{Arc, Mutex};

use wharf_domain::{
    Error, Result,
    instance::Instance,
    message::{Message, SendText},
    ports::{Clock, MediaFetcher, MediaTools, MessageStore, Random},
    send_media::{SendMedia, SendSticker},
};

use self::{order::Order, outbox::Sends, turns::Turns};
use crate::{
    Ports,
    hidden::Hidden,
    media::{MediaConfig, Room},
    recorder::Recorder,
    sessions::Sessions,
};

/// Sends messages.
///
/// A send runs to its end also when its caller goes away, so that what was sent is always noted. With an idempotency
/// key a repeat of a request within 24 hours sends nothing and gives the first outcome again; a repeat of one that was
/// written but never sent, because the process died, sends it then.
#[derive(Clone)]
pub struct MessageService(Arc<Shared>);

struct Shared {
    messages: Arc<dyn MessageStore>,
    tools: Arc<dyn MediaTools>,
    fetcher: Arc<dyn MediaFetcher>,
    recorder: Recorder,
    hidden: Hidden,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sends: Mutex<Sends>,
    fetches: Turns,
    room: Room,
    send_max: u64,
    /// Where sends run: they outlive the caller that asked for them, and so its runtime too.
    runtime: tokio::runtime::Handle,
}

impl MessageService {
    pub(crate) fn new(
        ports: &Ports,
        recorder: Recorder,
        hidden: Hidden,
        sessions: Sessions,
        room: Room,
        config: &MediaConfig,
    ) -> Self {
        Self(Arc::new(Shared {
            messages: ports.messages.clone(),
            tools: ports.media_tools.clone(),
            fetcher: ports.media_fetcher.clone(),
            recorder,
            hidden,
            sessions,
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            sends: Mutex::default(),
            fetches: Turns::new(),
            room,
            send_max: config.send_max,
            runtime: tokio::runtime::Handle::current(),
        }))
    }

    /// Sends a text and returns once WhatsApp's server has acknowledged it.
    ///
    /// Fails with `NotConnected`, `NotRegistered`, `NotFound(Message)` for the message to reply to, `Refused`,
    /// `NotAcknowledged` and `IdempotencyMismatch`.
    pub async fn send_text(
        &self,
        instance: &Instance,
        text: SendText,
        idempotency_key: Option<String>,
    ) -> Result<Message> {
        self.to_its_end(instance, Order::from(text), idempotency_key).await
    }

    /// Sends media and returns once WhatsApp's server has acknowledged it.
    ///
    /// Fails as [`Self::send_text`] does; with `Invalid` when the file cannot be had, is too large or is not what it
    /// is to be sent as; with `Unavailable` when it cannot be uploaded.
    pub async fn send_media(
        &self,
        instance: &Instance,
        media: SendMedia,
        idempotency_key: Option<String>,
    ) -> Result<Message> {
        self.to_its_end(instance, Order::from(media), idempotency_key).await
    }

    /// Sends a sticker made of any picture and returns once WhatsApp's server has acknowledged it.
    ///
    /// Fails as [`Self::send_media`] does.
    pub async fn send_sticker(
        &self,
        instance: &Instance,
        sticker: SendSticker,
        idempotency_key: Option<String>,
    ) -> Result<Message> {
        self.to_its_end(instance, Order::from(sticker), idempotency_key).await
    }

    async fn to_its_end(
        &self,
        instance: &Instance,
        order: Order,
        key: Option<String>,
    ) -> Result<Message> {
        let (shared, instance) = (self.0.clone(), instance.clone());
        let send = async move {
            let mut sent = shared.carry_out(&instance, order, key).await?;
            let Message { chat, sender, recipient, .. } = &mut sent;
            let parties = [&mut chat.party, sender].into_iter().chain(recipient).collect();
            shared.hidden.learn_parties(instance.id, parties).await;
            Ok(sent)
        };
        self.0.runtime.spawn(send).await.map_err(|e| Error::unavailable("sending", e))?
    }
}
