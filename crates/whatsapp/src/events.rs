use std::{
    str::FromStr,
    sync::{Arc, Weak},
};

use wacore::appstate::patch_decode::WAPatchName;
use wacore::types::events::{Event, EventHandler, EventInterest, EventKind, ServerAck};
use wacore_binary::{Jid, JidExt};
use wharf_domain::message::MessageId;
use whatsapp_rust::{Client, sync_task::MajorSyncTask};

use crate::{
    acks::Ack,
    ending,
    queue::{Entry, Inbound},
    raw,
    session::Core,
};

/// The events of the library we act on.
const KINDS: [EventKind; 23] = [
    EventKind::AppStateSyncFailed,
    EventKind::ClientOutdated,
    EventKind::ConnectFailure,
    EventKind::Connected,
    EventKind::HistorySync,
    EventKind::LabelAssociationUpdate,
    EventKind::LabelEditUpdate,
    EventKind::LoggedOut,
    EventKind::Messages,
    EventKind::PairError,
    EventKind::PairSuccess,
    EventKind::PairingCodeRefresh,
    EventKind::PairingQrCode,
    EventKind::PairingQrCodesExhausted,
    EventKind::PictureUpdate,
    EventKind::RawNode,
    EventKind::Receipt,
    EventKind::SelfPushNameUpdated,
    EventKind::ServerAck,
    EventKind::StreamError,
    EventKind::StreamReplaced,
    EventKind::TemporaryBan,
    EventKind::UndecryptableMessage,
];

/// Takes the library's events in. It is called in the middle of the library's work, so it only notes and queues.
pub(crate) struct Listener {
    pub(crate) core: Arc<Core>,
}

impl Listener {
    fn client(&self) -> Option<Arc<Client>> {
        self.core.client.get().and_then(Weak::upgrade)
    }
}

impl EventHandler for Listener {
    fn interest(&self) -> EventInterest {
        EventInterest::of(&KINDS)
    }

    fn handle_event(&self, event: Arc<Event>) {
        let core = &self.core;
        if let Some(end) = ending::spoken_of(&event) {
            core.note_end(end);
            return;
        }
        match &*event {
            Event::ServerAck(ack) => {
                core.queue.nothing_to_tell();
                settle(core, ack);
            }
            Event::Messages(batch) => {
                // Whatever the hook has seen is told already.
                if !batch.hook_committed {
                    let messages = batch.messages.to_vec();
                    core.queue.push(Entry::Inbound(Inbound { messages, taken: None }));
                }
            }
            Event::StreamError(error) => core.note_stream_error(&error.code),
            Event::UndecryptableMessage(message) => {
                core.afoot.settle(&message.info);
                tracing::debug!(id = message.info.id, "waiting for a message to be sent again");
            }
            Event::PairingQrCodesExhausted(_) => core.qr_codes_used_up.cancel(),
            Event::PairingCodeRefresh(_) => {
                if let Some(client) = self.client() {
                    core.renew_pairing_code(client);
                }
            }
            Event::SelfPushNameUpdated(_) => {
                if let Some(client) = self.client() {
                    core.keep_presence_after_renaming(client);
                }
                core.queue.push(Entry::Library(event));
            }
            Event::PairSuccess(success) => {
                core.set_business_name(&success.business_name);
                core.link.allow_redial();
                core.queue.push(Entry::Library(event));
            }
            Event::Connected(_) => {
                core.set_ready();
                if let Some(client) = self.client() {
                    core.keep_presence(client.clone());
                    core.fetch_picture(client);
                }
                core.queue.push(Entry::Library(event));
            }
            Event::HistorySync(piece) => core.history.offer(piece),
            Event::PictureUpdate(update) => {
                core.queue.nothing_to_tell();
                let client = self.client().filter(|client| is_own(client, &update.jid));
                if let Some(client) = client {
                    core.fetch_picture(client);
                }
            }
            Event::AppStateSyncFailed(failed) => {
                if let Some(client) = self.client() {
                    fetch_again(core, &client, &failed.skipped);
                }
            }
            Event::Receipt(_) => raw::receipt(core, &event),
            Event::RawNode(node) => raw::look_at(core, node.get()),
            // QR codes, failed pairings: converted when their turn comes.
            _ => core.queue.push(Entry::Library(event)),
        }
    }
}

/// Fetches what the library did not, since it was fetching the same already. That may have been answered before there was
/// what has been announced since, and nobody would ask again until the next change.
fn fetch_again(core: &Core, client: &Arc<Client>, skipped: &[String]) {
    for name in skipped.iter().filter_map(|name| WAPatchName::from_str(name).ok()) {
        let client = client.clone();
        core.tasks.run(async move {
            // It waits for whoever is at it.
            client.process_sync_task(MajorSyncTask::AppStateSync { name, full_sync: false }).await;
        });
    }
}

fn is_own(client: &Client, jid: &Jid) -> bool {
    [client.pn(), client.lid()].iter().flatten().any(|own| own.is_same_user_as(jid))
}

fn settle(core: &Core, ack: &ServerAck) {
    if ack.class.as_deref().is_some_and(|class| class != "message") {
        return;
    }
    let Ok(id) = MessageId::parse(ack.id.as_str()) else { return };
    // A code we cannot read is a refusal all the same.
    let refused = ack.error.as_ref().map(|code| code.parse().unwrap_or(0));
    core.acks.settle(id, Ack { timestamp: ack.timestamp, refused });
}
