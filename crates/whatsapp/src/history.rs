mod feed;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio::sync::mpsc;
use wacore::store::device::default_history_sync_config;
use waproto::whatsapp::{Conversation, HistorySync, device_props::HistorySyncConfig};
use wharf_domain::{
    Timestamp,
    address::{Jid, Server},
    ports::{HistoricMessage, History, HistoryBatch, SessionObserver},
};

pub(crate) use self::feed::Feed;
use self::feed::Piece;
use crate::{
    convert::{self, Aliases, GroupFacts, Names},
    session::Core,
};

/// How many messages are handed to the observer in one call.
const BATCH: usize = 200;
/// How many days are asked for when everything is wanted. No phone has older messages than WhatsApp.
const ALL: u32 = 20 * 365;
/// How much room for history we claim to have, in megabytes.
const ROOM: u32 = 10_240;

/// What the phone is to offer; `None` leaves it at the library's default, which is skipped.
pub(crate) fn wanted(history: History) -> Option<HistorySyncConfig> {
    let days = match history {
        History::Skip => return None,
        History::All => ALL,
        History::Days(days) => days,
    };
    Some(HistorySyncConfig {
        full_sync_days_limit: Some(days),
        recent_sync_days_limit: Some(days),
        full_sync_size_mb_limit: Some(ROOM),
        storage_quota_mb: Some(ROOM),
        ..default_history_sync_config()
    })
}

/// Hands the history that the phone offers over to the observer, piece by piece, for as long as the session lasts.
///
/// A piece is inflated and decoded chat by chat, so that what is in memory does not grow with the history.
pub(crate) async fn take_in(core: Arc<Core>, observer: Arc<dyn SessionObserver>) {
    let mut names = Names::default();
    loop {
        let piece = core.history.next().await;
        let progress = piece.progress();
        let since = core.history.since(core.clock.now());
        let mut handover =
            Handover { core: &core, observer: &*observer, progress, since, messages: Vec::new() };
        let mut parts = read(&core, piece);
        while let Some(part) = parts.recv().await {
            match part {
                Part::Chat(chat) => handover.chat(*chat, &names).await,
                Part::Rest(rest) => {
                    names.learn(&rest.pushnames);
                    let statuses =
                        Conversation { id: convert::STATUS.to_owned(), ..Conversation::default() };
                    handover.messages_of(&statuses, rest.status_v3_messages, &names).await;
                }
            }
        }
        handover.give().await;
        if progress.is_some_and(|progress| progress >= 100) {
            names = Names::default();
        }
    }
}

/// What a piece of history is made of.
enum Part {
    Chat(Box<Conversation>),
    Rest(Box<HistorySync>),
}

/// Reads a piece on a thread of its own, no further ahead than one chat.
fn read(core: &Core, piece: Piece) -> mpsc::Receiver<Part> {
    let (parts, receiver) = mpsc::channel(1);
    // It ends with the last part, or when nobody takes the next one.
    let reading = core.tasks.on_thread(move || {
        let piece = match piece.open() {
            Ok(piece) => piece,
            Err(e) => return tracing::error!(error = %e, "a piece of history was lost"),
        };
        let mut stream = piece.stream();
        loop {
            match stream.next_conversation() {
                Ok(Some(chat)) => {
                    if parts.blocking_send(Part::Chat(Box::new(chat))).is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(e) => {
                    return tracing::warn!(error = %e, "a piece of history cannot be read");
                }
            }
        }
        if stream.skipped_conversations() > 0 {
            let chats = stream.skipped_conversations();
            tracing::warn!(chats, "some chats of the history cannot be read");
        }
        match stream.remainder() {
            Ok(rest) => drop(parts.blocking_send(Part::Rest(Box::new(rest)))),
            Err(e) => tracing::warn!(error = %e, "the rest of a piece of history cannot be read"),
        }
    });
    drop(reading);
    receiver
}

/// Collects messages until there are enough for a call of the observer.
struct Handover<'a> {
    core: &'a Core,
    observer: &'a dyn SessionObserver,
    progress: Option<u32>,
    since: Timestamp,
    messages: Vec<HistoricMessage>,
}

impl Handover<'_> {
    async fn chat(&mut self, mut chat: Conversation, names: &Names) {
        if let Ok(group) = Jid::parse(&chat.id)
            && group.server() == Server::Group
        {
            let facts = GroupFacts { name: chat.name.clone(), is_community: None };
            self.core.groups.learn_if_new(group, facts);
        }
        let mut messages: Vec<_> = std::mem::take(&mut chat.messages)
            .into_iter()
            .filter_map(|mut it| it.message.take())
            .collect();
        // Phones begin with the newest.
        messages.reverse();
        messages.sort_by_key(|message| message.message_timestamp);
        self.messages_of(&chat, messages, names).await;
    }

    async fn messages_of(
        &mut self,
        chat: &Conversation,
        messages: Vec<waproto::whatsapp::WebMessageInfo>,
        names: &Names,
    ) {
        let mut aliases = Aliases::default();
        let own = self.core.profile();
        for message in messages {
            let Some((received, status)) = convert::said_in(chat, message, &own, names) else {
                continue;
            };
            if received.info.timestamp < self.since {
                continue;
            }
            self.core.learn(&mut aliases, convert::addresses(&received)).await;
            let Some(message) = convert::historic(chat, &received, status, &own, &aliases) else {
                continue;
            };
            self.messages.push(message);
            if self.messages.len() == BATCH {
                self.hand_over().await;
            }
        }
    }

    /// Hands over what is left of a piece. The observer hears how far the phone is even when there is nothing.
    async fn give(mut self) {
        if !self.messages.is_empty() || self.progress.is_some() {
            self.hand_over().await;
        }
    }

    async fn hand_over(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        let count = messages.len();
        let batch = HistoryBatch { progress: self.progress, messages };
        match AssertUnwindSafe(self.observer.on_history(batch)).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => {
                let error = &e as &dyn std::error::Error;
                tracing::error!(error, messages = count, "a piece of history was not taken");
            }
            Err(_) => tracing::error!(messages = count, "taking history failed inside"),
        }
    }
}
