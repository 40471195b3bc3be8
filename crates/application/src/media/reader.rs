//! Gets the media of a message from wherever it still is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt as _;
use wharf_domain::{
    Error, Resource, Result,
    instance::{Instance, InstanceId},
    media::{MediaBody, MediaProgress, StoredObject},
    message::{Message, StoredMessage},
    ports::{Clock, MediaStore, MessageStore},
};

use super::{MediaConfig, Room, Seat};
use crate::{Ports, sessions::Sessions};

/// How long it may take to get a file that somebody waits for.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Reads media into memory, as far as there is room.
#[derive(Clone)]
pub(crate) struct Reader {
    messages: Arc<dyn MessageStore>,
    store: Arc<dyn MediaStore>,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    room: Room,
    limit: u64,
}

/// A file in memory, and the room it takes.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) bytes: Bytes,
    pub(crate) seat: Seat,
}

impl Reader {
    pub(crate) fn new(ports: &Ports, sessions: Sessions, room: Room, config: &MediaConfig) -> Self {
        Self {
            messages: ports.messages.clone(),
            store: ports.media_store.clone(),
            sessions,
            clock: ports.clock.clone(),
            room,
            limit: config.base64_max,
        }
    }

    /// Reads a message's media from its bucket where that has it, else from WhatsApp.
    ///
    /// Fails with `NotFound` when neither keeps it, with `Invalid` when it is too large, with `NotConnected`,
    /// `NotAcknowledged` or `Unavailable` when another try may help.
    pub(crate) async fn read(
        &self,
        instance: &Instance,
        message: &Message,
        progress: Option<&MediaProgress>,
    ) -> Result<Loaded> {
        let reading = async {
            if let Some(MediaProgress::Stored(object)) = progress {
                match self.read_bucket(instance, object).await {
                    Ok(Some(loaded)) => return Ok(loaded),
                    Ok(None) => {}
                    Err(e @ Error::Invalid { .. }) => return Err(e),
                    Err(e) => {
                        let error = &e as &dyn std::error::Error;
                        tracing::warn!(instance = %instance.id.0, error, "could not read a bucket");
                    }
                }
            }
            self.read_whatsapp(instance.id, message).await
        };
        tokio::select! {
            biased;
            loaded = reading => loaded,
            () = self.clock.sleep(PATIENCE) => Err(Error::NotAcknowledged),
        }
    }

    async fn read_bucket(
        &self,
        instance: &Instance,
        object: &StoredObject,
    ) -> Result<Option<Loaded>> {
        let Some(bucket) = instance.s3.as_ref().filter(|bucket| bucket.has(object)) else {
            return Ok(None);
        };
        match self.store.get(bucket, &object.key, self.limit).await? {
            Some(body) => self.load(body).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read_whatsapp(&self, instance: InstanceId, message: &Message) -> Result<Loaded> {
        let missing = || Error::NotFound(Resource::Media);
        let stored = self.messages.find(instance, &message.id).await?;
        // Ids are chosen by whoever sends: the same one may be that of another chat's message by now.
        let is_it = |stored: &StoredMessage| {
            let found = &stored.message;
            found.chat.party.jid == message.chat.party.jid && found.sender.jid == message.sender.jid
        };
        let stored = stored.filter(is_it).ok_or_else(missing)?;
        let raw = stored.raw.ok_or_else(missing)?;
        let session = self.sessions.connected(instance)?;
        self.load(session.download(&raw, self.limit).await?).await
    }

    async fn load(&self, mut body: MediaBody) -> Result<Loaded> {
        let limit = self.limit;
        let too_large = || Error::invalid("media", format!("is larger than {limit} bytes"));
        if body.size > limit {
            return Err(too_large());
        }
        let seat = self.room.take(body.size).await;
        let mut bytes = Vec::with_capacity(usize::try_from(body.size).unwrap_or_default());
        while let Some(piece) = body.bytes.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() as u64 > limit {
                return Err(too_large());
            }
        }
        Ok(Loaded { bytes: bytes.into(), seat })
    }
}
