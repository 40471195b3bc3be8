use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use wacore::{
    stanza::groups::GroupNotification,
    types::{
        call::IncomingCall,
        events::{Event, InboundMessage, LabelAssociationUpdate, Receipt},
    },
};
use wharf_domain::{
    instance::Profile,
    message::MessageId,
    ports::{Inbound as Told, SessionEnd, SessionEvent, SessionObserver},
};

use crate::{
    calls::Known,
    convert::{self, Aliases, Opened},
    queue::{Entry, Inbound},
    session::Core,
};

/// Tells the observer of a session what happens, one thing after the other.
pub(crate) struct Teller {
    core: Arc<Core>,
    observer: Arc<dyn SessionObserver>,
}

impl Teller {
    pub(crate) fn new(core: Arc<Core>, observer: Arc<dyn SessionObserver>) -> Self {
        Self { core, observer }
    }

    /// Returns once the queue is closed and empty.
    pub(crate) async fn run(self) {
        while let Some(entries) = self.core.queue.next().await {
            let things = entries.iter().map(Entry::things).sum();
            let told = AssertUnwindSafe(self.tell(entries)).catch_unwind().await;
            if told.is_err() {
                // Whoever waits for messages that were being taken hears that they were not.
                let end = SessionEnd::StoreFailed("taking an event failed inside".to_owned());
                self.core.give_back(end);
            }
            let receipts = told.unwrap_or(0);
            self.core.queue.told(things, receipts);
        }
    }

    /// Tells of `entries` and says how many receipts among them were taken.
    async fn tell(&self, entries: Vec<Entry>) -> u64 {
        let mut inbound = Vec::new();
        let mut receipts = 0;
        for entry in entries {
            let is_receipt = entry.is_receipt();
            let taken = match entry {
                Entry::Inbound(messages) => {
                    inbound.push(messages);
                    continue;
                }
                // WhatsApp delivers it again, and a store that fails or hangs is not asked for more.
                Entry::Receipt(..) if self.core.takes_nothing_more() => continue,
                Entry::Receipt(receipt, recipient) => {
                    match self.receipt(&receipt, recipient.as_ref()).await {
                        Some(event) => self.tell_event(event).await,
                        None => true,
                    }
                }
                Entry::Own(event) if self.is_in_vain(&event) => continue,
                Entry::Own(event) => self.tell_event(*event).await,
                Entry::Profile => {
                    self.tell_event(SessionEvent::ProfileChanged(self.core.profile())).await
                }
                Entry::Call(call, begins) => match self.call(&call, begins).await {
                    Some(event) => self.tell_event(event).await,
                    None => true,
                },
                Entry::Group(told, index) => match self.group(&told, index).await {
                    Some(event) => self.tell_event(event).await,
                    None => true,
                },
                Entry::Library(event) => match self.converted(&event).await {
                    Some(event) => self.tell_event(event).await,
                    None => true,
                },
            };
            receipts += u64::from(is_receipt && taken);
        }
        if !inbound.is_empty() {
            self.hand_over(inbound).await;
        }
        receipts
    }

    /// Whether it would ask a store for more that has just failed.
    fn is_in_vain(&self, event: &SessionEvent) -> bool {
        matches!(event, SessionEvent::LateAck { .. }) && self.core.given_back.is_cancelled()
    }

    /// Whether the observer took note.
    async fn tell_event(&self, event: SessionEvent) -> bool {
        let taken = self.observer.on_event(event).await;
        if let Err(e) = &taken {
            tracing::error!(error = e as &dyn std::error::Error, "an event was not taken");
            self.core.give_back(SessionEnd::StoreFailed(e.to_string()));
        }
        taken.is_ok()
    }

    async fn hand_over(&self, mut inbound: Vec<Inbound>) {
        inbound.retain(Inbound::is_wanted);
        // After a failure the next session gets everything again, in order.
        let mut taken = !self.core.takes_nothing_more();
        if taken {
            let messages: Vec<_> = inbound.iter().flat_map(|part| &part.messages).collect();
            if let Err(e) = self.take(&messages).await {
                taken = false;
                tracing::error!(error = &e as &dyn std::error::Error, "messages were not taken");
                self.core.give_back(SessionEnd::StoreFailed(e.to_string()));
            }
        }
        for waiting in inbound.into_iter().filter_map(|part| part.taken) {
            let _ = waiting.send(taken);
        }
    }

    async fn take(&self, messages: &[&InboundMessage]) -> wharf_domain::Result<()> {
        let mut aliases = Aliases::default();
        for message in messages {
            for (one, other) in convert::pairs(message).into_iter().flatten() {
                aliases.pair(&one, &other);
            }
        }
        for message in messages {
            self.core.learn(&mut aliases, convert::addresses(message)).await;
        }
        let (own, now) = (self.core.profile(), self.core.clock.now());
        let mut converted = Vec::with_capacity(messages.len());
        for message in messages {
            let opened = match convert::opened_with(&message.message) {
                Some(about) => self.open(message, &about, &converted, &own, &aliases).await?,
                None => None,
            };
            let inbound = convert::inbound(message, opened.as_ref(), &own, &aliases);
            if let Some(mut inbound) = inbound {
                self.core.origins.note(&inbound.message, &message.info.source);
                self.core.groups.dress(&mut inbound.message.chat, now);
                converted.push(inbound);
            }
        }
        if converted.is_empty() { Ok(()) } else { self.observer.on_inbound(converted).await }
    }

    /// Opens a message with the one it is about, which has been stored or is just being taken.
    async fn open(
        &self,
        sealed: &InboundMessage,
        about: &MessageId,
        taking: &[Told],
        own: &Profile,
        aliases: &Aliases,
    ) -> wharf_domain::Result<Option<Opened>> {
        let taken = taking.iter().find(|told| told.message.id == *about);
        let stored = match taken {
            Some(told) => Some(told.raw.clone()),
            None => self.observer.recall(about).await?,
        };
        let opened = stored
            .and_then(|raw| waproto::codec::message_decode(&raw).ok())
            .and_then(|about| convert::open(sealed, &about, own, aliases));
        if opened.is_none() {
            tracing::debug!(id = sealed.info.id, "a message could not be opened");
        }
        Ok(opened)
    }

    async fn receipt(
        &self,
        receipt: &Receipt,
        recipient: Option<&wacore_binary::Jid>,
    ) -> Option<SessionEvent> {
        let mut aliases = Aliases::default();
        let addresses = convert::addresses_of_receipt(receipt, recipient);
        self.core.learn(&mut aliases, addresses).await;
        let own = self.core.profile();
        let (key, mut receipt) = convert::receipt(receipt, recipient, &own, &aliases)?;
        self.core.groups.dress_if_known(&mut receipt.chat);
        Some(SessionEvent::Receipt { key, receipt })
    }

    async fn group(&self, told: &GroupNotification, index: usize) -> Option<SessionEvent> {
        let (group, action) = (convert::from_library(&told.group_jid)?, told.actions.get(index)?);
        let mut aliases = Aliases::default();
        self.core.pair(&mut aliases, &convert::pairs_of_group(told, action)).await;
        self.core.learn(&mut aliases, convert::addresses_of_group(told, action)).await;
        self.core.groups.learn(group.clone(), convert::group_facts(action));
        let (name, own) = (self.core.groups.name(&group), self.core.profile());
        let (key, change) = convert::group(told, index, name, &own, &aliases)?;
        Some(SessionEvent::Group { key, change })
    }

    async fn labeled(&self, update: &LabelAssociationUpdate) -> Option<SessionEvent> {
        let mut aliases = Aliases::default();
        self.core.learn(&mut aliases, vec![update.chat_jid.clone()]).await;
        let (key, change) = convert::labeled(update, &aliases)?;
        Some(SessionEvent::Label { key, change })
    }

    async fn converted(&self, event: &Event) -> Option<SessionEvent> {
        match event {
            Event::LabelEditUpdate(update) => {
                let (key, change) = convert::label(update);
                Some(SessionEvent::Label { key, change })
            }
            Event::LabelAssociationUpdate(update) => self.labeled(update).await,
            Event::Connected(_) => Some(SessionEvent::Connected { profile: self.core.profile() }),
            Event::SelfPushNameUpdated(_) => {
                Some(SessionEvent::ProfileChanged(self.core.profile()))
            }
            Event::PairSuccess(_) => {
                self.put_keys_down().await;
                convert::pairing(event)
            }
            _ => convert::pairing(event),
        }
    }

    async fn call(&self, call: &IncomingCall, begins: bool) -> Option<SessionEvent> {
        let (id, caller) = (call.action.call_id(), call.action.call_creator());
        let known = self.core.calls.known(id);
        let aliases = self.aliases_of_call(caller, known.as_ref()).await;
        let (key, update) = convert::call(call, known.as_ref(), &aliases)?;
        // It may have ended while it waited for its turn.
        let ringing = (begins && self.core.calls.rings(id))
            .then(|| convert::ringing(call, known.as_ref(), &aliases))
            .flatten();
        Some(SessionEvent::Call { key, update, ringing })
    }

    async fn aliases_of_call(&self, caller: &wacore_binary::Jid, known: Option<&Known>) -> Aliases {
        let mut aliases = Aliases::default();
        self.core.learn(&mut aliases, convert::addresses_of_call(caller, known)).await;
        aliases
    }

    /// Puts the keys of the device just paired down. The library would get to it some time later, and a crash before
    /// that would leave a device on the phone that nobody has the keys of.
    async fn put_keys_down(&self) {
        let Some(client) = self.core.client() else { return };
        if self.core.takes_nothing_more() {
            return;
        }
        if let Err(e) = client.persistence_manager().flush().await {
            tracing::error!(error = &e as &dyn std::error::Error, "could not put new keys down");
        }
    }
}
