use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;
use wharf_domain::Result;
use whatsapp_rust::{Client, NodeFilter, PresenceError};

use super::Core;
use crate::failure::in_our_words;

/// How long the library may take to announce a new name.
const ANNOUNCEMENT: Duration = Duration::from_secs(10);
/// How far an announcement is let ahead, since the library tells of it just before it is written.
const HEAD_START: Duration = Duration::from_millis(250);

/// Whether the device is to be seen as online.
pub(crate) struct Presence {
    wanted: AtomicBool,
    /// Announcements come one after the other, so that the last one says what is wanted.
    turn: Mutex<()>,
}

impl Presence {
    pub(super) fn new(online: bool) -> Self {
        Self { wanted: AtomicBool::new(online), turn: Mutex::default() }
    }

    fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }
}

impl Core {
    /// Shows the device as online or not, now and for the rest of the session.
    pub(super) async fn set_online(&self, online: bool) -> Result<()> {
        self.presence.wanted.store(online, Ordering::Release);
        let client = self.ready()?;
        self.answer(self.announce(&client)).await
    }

    /// Says what is wanted once connected, since the library has just announced itself as available: while a linked
    /// device is, the phone does not notify its owner. Who wants to be seen is announced again and again, because
    /// WhatsApp takes a device that says nothing for one that nobody looks at.
    pub(crate) fn keep_presence(self: &Arc<Self>, client: Arc<Client>) {
        let core = self.clone();
        self.tasks.run(async move {
            core.announce_or_note(&client).await;
            loop {
                core.clock.sleep(core.config.announce_every).await;
                if core.presence.is_wanted() {
                    core.announce_or_note(&client).await;
                }
            }
        });
    }

    /// Says it again after a change of the name, which the library announces as available.
    pub(crate) fn keep_presence_after_renaming(self: &Arc<Self>, client: Arc<Client>) {
        let available = NodeFilter::tag("presence").attr("type", "available");
        let announced = client.wait_for_sent_node(available);
        let core = self.clone();
        self.tasks.run(async move {
            tokio::select! {
                _ = announced => {}
                () = core.clock.sleep(ANNOUNCEMENT) => return,
            }
            core.clock.sleep(HEAD_START).await;
            core.announce_or_note(&client).await;
        });
    }

    async fn announce_or_note(&self, client: &Client) {
        if let Err(e) = self.announce(client).await {
            tracing::debug!(error = &e as &dyn std::error::Error, "could not announce presence");
        }
    }

    async fn announce(&self, client: &Client) -> Result<()> {
        let _turn = self.presence.turn.lock().await;
        let announced = if self.presence.is_wanted() {
            client.presence().set_available().await
        } else {
            client.presence().set_unavailable().await
        };
        match announced {
            // Nothing has been announced yet either, and it is as soon as the account's name is known.
            Ok(()) | Err(PresenceError::PushNameEmpty) => Ok(()),
            Err(e) => Err(in_our_words(&e)),
        }
    }
}
