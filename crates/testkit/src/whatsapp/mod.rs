//! A WhatsApp without a network: who is registered, who is paired, and the sessions that run.

mod media;
mod session;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use wharf_domain::{
    Error, Result,
    address::{Jid, Party, PhoneNumber},
    event::EventKey,
    instance::{InstanceId, Profile},
    message::{Content, Message, MessageId, Quote},
    pairing::QrCode,
    ports::{
        Inbound, IncomingCall, Outgoing, Session, SessionEvent, SessionObserver, SessionRequest,
        WhatsApp,
    },
};

use media::MediaHost;
pub use session::InMemorySession;

/// A WhatsApp that a test drives.
///
/// As the real one does, a session of a paired instance connects by itself and one of an unpaired instance shows a QR
/// code, unless [`hold`](Self::hold) was called. Everything else happens when the test says so, through the
/// [`InMemorySession`] that [`until_session`](Self::until_session) gives.
#[derive(Debug, Default)]
pub struct InMemoryWhatsApp {
    world: Arc<World>,
}

#[derive(Debug, Default)]
struct World {
    state: Mutex<State>,
    /// All sessions ever started, by instance, the newest last.
    sessions: watch::Sender<BTreeMap<InstanceId, Vec<InMemorySession>>>,
    sent: watch::Sender<Vec<(InstanceId, Outgoing)>>,
    media: MediaHost,
}

#[derive(Debug, Default)]
struct State {
    paired: HashMap<InstanceId, Profile>,
    unregistered: HashSet<PhoneNumber>,
    parties: HashMap<PhoneNumber, Party>,
    refused: HashMap<Jid, u16>,
    silent: HashSet<Jid>,
    throttled: Option<u16>,
    start_failure: Option<String>,
    /// How many of the next actions panic.
    panics: usize,
    is_held: bool,
    requests: Vec<SessionRequest>,
    read: Vec<MarkedRead>,
    typing: Vec<(InstanceId, Jid, bool)>,
    online: Vec<(InstanceId, bool)>,
    rejected: Vec<(InstanceId, IncomingCall)>,
    /// Whose LID belongs to whose number, as instances have learnt it.
    phones: HashMap<(InstanceId, Jid), Jid>,
    phone_questions: usize,
    forgotten: Vec<InstanceId>,
    logged_out: Vec<InstanceId>,
}

/// A call of [`Session::mark_read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedRead {
    /// Whose session.
    pub instance: InstanceId,
    /// The chat.
    pub chat: Jid,
    /// Who wrote the messages.
    pub author: Option<Jid>,
    /// The messages.
    pub ids: Vec<MessageId>,
}

impl InMemoryWhatsApp {
    /// Gives an instance the keys of a paired device.
    pub fn pair(&self, instance: InstanceId, profile: Profile) {
        self.world.state().paired.insert(instance, profile);
    }

    /// From now on sessions say nothing by themselves.
    pub fn hold(&self) {
        self.world.state().is_held = true;
    }

    /// From now on no session can be started, for this reason; `None` lifts it.
    pub fn fail_starts(&self, reason: Option<&str>) {
        self.world.state().start_failure = reason.map(str::to_owned);
    }

    /// So many of the next rejections, receipts and changes of presence panic.
    pub fn panic_next(&self, actions: usize) {
        self.world.state().panics = actions;
    }

    /// Nobody has this number.
    pub fn unregister(&self, number: &PhoneNumber) {
        self.world.state().unregistered.insert(number.clone());
    }

    /// Whoever has this number goes by `party`.
    pub fn register(&self, number: &PhoneNumber, party: Party) {
        self.world.state().parties.insert(number.clone(), party);
    }

    /// The server refuses messages to `jid` with `code`.
    pub fn refuse(&self, jid: &Jid, code: u16) {
        self.world.state().refused.insert(jid.clone(), code);
    }

    /// The server takes messages to `jid` and says nothing, or answers again.
    pub fn set_silent(&self, jid: &Jid, is_silent: bool) {
        let mut state = self.world.state();
        if is_silent {
            state.silent.insert(jid.clone());
        } else {
            state.silent.remove(jid);
        }
    }

    /// Pairing codes are refused with `code`, or given again.
    pub fn throttle_pairing(&self, code: Option<u16>) {
        self.world.state().throttled = code;
    }

    /// All sessions of an instance that were ever started, the newest last.
    #[must_use]
    pub fn sessions(&self, instance: InstanceId) -> Vec<InMemorySession> {
        self.world.sessions.borrow().get(&instance).cloned().unwrap_or_default()
    }

    /// Waits for the first session of an instance.
    pub async fn until_session(&self, instance: InstanceId) -> InMemorySession {
        self.until_sessions(instance, 1).await
    }

    /// Waits until an instance has had `count` sessions and gives the newest.
    pub async fn until_sessions(&self, instance: InstanceId, count: usize) -> InMemorySession {
        let mut sessions = self.world.sessions.subscribe();
        let is_there = |all: &BTreeMap<InstanceId, Vec<InMemorySession>>| {
            all.get(&instance).is_some_and(|own| own.len() >= count)
        };
        let all = sessions.wait_for(is_there).await.expect("the sender is ours");
        all[&instance].last().expect("there is at least one").clone()
    }

    /// What sessions were started with, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<SessionRequest> {
        self.world.state().requests.clone()
    }

    /// All messages the server took, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<(InstanceId, Outgoing)> {
        self.world.sent.borrow().clone()
    }

    /// Waits until the server has taken `count` messages.
    pub async fn until_sent(&self, count: usize) -> Vec<(InstanceId, Outgoing)> {
        let mut sent = self.world.sent.subscribe();
        sent.wait_for(|all| all.len() >= count).await.expect("the sender is ours").clone()
    }

    /// All calls of [`Session::mark_read`].
    #[must_use]
    pub fn marked_read(&self) -> Vec<MarkedRead> {
        self.world.state().read.clone()
    }

    /// All calls of [`Session::set_typing`].
    #[must_use]
    pub fn typing(&self) -> Vec<(InstanceId, Jid, bool)> {
        self.world.state().typing.clone()
    }

    /// All calls of [`Session::set_online`].
    #[must_use]
    pub fn online(&self) -> Vec<(InstanceId, bool)> {
        self.world.state().online.clone()
    }

    /// The calls that were rejected, in order.
    #[must_use]
    pub fn rejected_calls(&self) -> Vec<(InstanceId, IncomingCall)> {
        self.world.state().rejected.clone()
    }

    /// From now on an instance knows which number belongs to a LID.
    pub fn learn_phone(&self, instance: InstanceId, lid: &Jid, phone: &Jid) {
        self.world.state().phones.insert((instance, lid.clone()), phone.clone());
    }

    /// How often [`WhatsApp::phones`] was asked.
    #[must_use]
    pub fn phone_questions(&self) -> usize {
        self.world.state().phone_questions
    }

    /// The instances whose keys were forgotten, in order.
    #[must_use]
    pub fn forgotten(&self) -> Vec<InstanceId> {
        self.world.state().forgotten.clone()
    }

    /// The instances that were logged out, in order.
    #[must_use]
    pub fn logged_out(&self) -> Vec<InstanceId> {
        self.world.state().logged_out.clone()
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no step panics")
    }

    /// Where an action panics that is to.
    fn act(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if let Some(left) = state.panics.checked_sub(1) {
            state.panics = left;
            drop(state);
            panic!("told to");
        }
        state
    }

    fn is_running(&self, instance: InstanceId) -> bool {
        let sessions = self.sessions.borrow();
        let newest = sessions.get(&instance).and_then(|own| own.last());
        newest.is_some_and(|session| !session.has_ended())
    }
}

/// The text a session shows as its `count`-th QR code.
fn qr(count: usize) -> SessionEvent {
    let code = QrCode::new(format!("2@in-memory-{count},a,b,c"));
    SessionEvent::Qr { code, valid_for: Duration::from_mins(1) }
}

/// The fake's own encoding: the quoted id, a line feed, the text.
fn encode(text: &str, quote: Option<&Quote>) -> Bytes {
    let quoted = quote.map(|quote| quote.message_id.as_str()).unwrap_or_default();
    Bytes::from(format!("{quoted}\n{text}"))
}

#[async_trait]
impl WhatsApp for InMemoryWhatsApp {
    async fn start(
        &self,
        request: SessionRequest,
        observer: Arc<dyn SessionObserver>,
    ) -> Result<Arc<dyn Session>> {
        let instance = request.instance;
        assert!(!self.world.is_running(instance), "a session of {instance:?} runs already");
        let first = {
            let mut state = self.world.state();
            state.requests.push(request);
            if let Some(reason) = &state.start_failure {
                return Err(Error::ConnectFailed(reason.clone()));
            }
            match state.paired.get(&instance) {
                _ if state.is_held => None,
                Some(profile) => Some(SessionEvent::Connected { profile: profile.clone() }),
                None => Some(qr(1)),
            }
        };
        let session = InMemorySession::start(instance, self.world.clone(), observer);
        if let Some(event) = first {
            session.emit(event);
        }
        self.world.sessions.send_modify(|all| {
            all.entry(instance).or_default().push(session.clone());
        });
        Ok(Arc::new(session))
    }

    async fn is_paired(&self, instance: InstanceId) -> Result<bool> {
        Ok(self.world.state().paired.contains_key(&instance))
    }

    async fn phones(&self, instance: InstanceId, lids: &[Jid]) -> Result<Vec<(Jid, Jid)>> {
        let mut state = self.world.state();
        state.phone_questions += 1;
        let known = lids.iter().filter_map(|lid| {
            let phone = state.phones.get(&(instance, lid.clone()))?;
            Some((lid.clone(), phone.clone()))
        });
        Ok(known.collect())
    }

    async fn forget(&self, instance: InstanceId) -> Result<()> {
        assert!(!self.world.is_running(instance), "a session of {instance:?} still runs");
        let mut state = self.world.state();
        state.paired.remove(&instance);
        state.phones.retain(|(owner, _), _| *owner != instance);
        state.forgotten.push(instance);
        Ok(())
    }
}

/// A message as [`InMemorySession::receive`] delivers it.
fn inbound(message: Message) -> Inbound {
    let key = format!("{}|{}|{}", message.chat.party.jid, message.sender.jid, message.id);
    let raw = match &message.content {
        Content::Media(_) => media::raw_of(&message.id),
        content => encode(content.text(), message.quote.as_ref()),
    };
    Inbound { key: EventKey(key), message, raw }
}

#[cfg(test)]
mod tests {
    use wharf_domain::ports::{History, HistoryBatch, SessionEnd};

    use super::*;
    use crate::build;

    #[derive(Debug, Default)]
    struct Heard {
        events: watch::Sender<Vec<String>>,
        refuses: bool,
    }

    impl Heard {
        async fn until(&self, last: &str) -> Vec<String> {
            let mut events = self.events.subscribe();
            let is_over = |all: &Vec<String>| all.last().is_some_and(|one| one.starts_with(last));
            events.wait_for(is_over).await.unwrap().clone()
        }
    }

    #[async_trait]
    impl SessionObserver for Heard {
        async fn on_inbound(&self, messages: Vec<Inbound>) -> Result<()> {
            if self.refuses {
                return Err(Error::unavailable("database", "down"));
            }
            let count = messages.len();
            self.events.send_modify(|all| all.push(format!("inbound {count}")));
            Ok(())
        }

        async fn on_event(&self, event: SessionEvent) -> Result<()> {
            self.events.send_modify(|all| all.push(format!("{event:?}")));
            Ok(())
        }

        async fn on_history(&self, batch: HistoryBatch) -> Result<()> {
            let count = batch.messages.len();
            self.events.send_modify(|all| all.push(format!("history {count}")));
            Ok(())
        }

        async fn recall(&self, id: &MessageId) -> Result<Option<Bytes>> {
            Ok(Some(Bytes::copy_from_slice(id.as_str().as_bytes())))
        }
    }

    async fn session(
        whatsapp: &InMemoryWhatsApp,
        instance: InstanceId,
        observer: Arc<Heard>,
    ) -> Arc<dyn Session> {
        let request =
            SessionRequest { instance, proxy: None, history: History::Skip, keep_online: false };
        whatsapp.start(request, observer).await.unwrap()
    }

    #[tokio::test]
    async fn a_scan_pairs_connects_and_the_end_is_told_last_and_once() {
        let (whatsapp, heard) = (InMemoryWhatsApp::default(), Arc::new(Heard::default()));
        let instance = InstanceId(build::uuid());
        let port = session(&whatsapp, instance, heard.clone()).await;
        let driven = whatsapp.until_session(instance).await;
        driven.scan(Profile { jid: Some(build::phone("5511999990001")), ..Profile::default() });
        driven.receive(build::incoming(&build::phone("5511999990002"), "hi")).await.unwrap();
        port.stop().await;
        driven.end(SessionEnd::Lost("too late".to_owned()));
        let told = heard.until("Ended").await;
        let words: Vec<_> =
            told.iter().map(|event| event.split([' ', '(']).next().unwrap()).collect();
        assert_eq!(words, ["Qr", "Paired", "Connected", "inbound", "Ended"]);
        assert!(told[4].contains("Stopped"), "{told:?}");
        assert!(whatsapp.is_paired(instance).await.unwrap());
    }

    #[tokio::test]
    async fn a_session_asks_its_observer_for_stored_messages_and_forgets_what_it_learnt_with_its_keys()
     {
        let (whatsapp, instance) = (InMemoryWhatsApp::default(), InstanceId(build::uuid()));
        session(&whatsapp, instance, Arc::new(Heard::default())).await;
        let driven = whatsapp.until_session(instance).await;
        let id = build::message_id();
        assert_eq!(driven.recall(&id).await.unwrap().unwrap(), id.as_str());

        let (lid, phone) = (Jid::parse("1@lid").unwrap(), build::phone("5511999990002"));
        assert_eq!(whatsapp.phones(instance, std::slice::from_ref(&lid)).await.unwrap(), []);
        whatsapp.learn_phone(instance, &lid, &phone);
        let known = whatsapp.phones(instance, std::slice::from_ref(&lid)).await.unwrap();
        assert_eq!(known, [(lid.clone(), phone)]);
        driven.end(SessionEnd::Stopped);
        driven.until_ended().await;
        whatsapp.forget(instance).await.unwrap();
        assert_eq!(whatsapp.phones(instance, &[lid]).await.unwrap(), []);
        assert_eq!(whatsapp.phone_questions(), 3);
    }

    #[tokio::test]
    async fn a_message_that_is_not_taken_over_ends_the_session() {
        let heard = Arc::new(Heard { refuses: true, ..Heard::default() });
        let (whatsapp, instance) = (InMemoryWhatsApp::default(), InstanceId(build::uuid()));
        whatsapp.pair(instance, Profile::default());
        session(&whatsapp, instance, heard.clone()).await;
        let driven = whatsapp.until_session(instance).await;
        let refused = driven.receive(build::incoming(&build::phone("5511999990002"), "hi")).await;
        assert!(refused.is_err());
        assert!(heard.until("Ended").await[1].contains("StoreFailed"));
        assert!(driven.has_ended());
    }

    #[tokio::test]
    async fn sends_are_taken_refused_or_left_unanswered_as_the_test_says() {
        let (whatsapp, instance) = (InMemoryWhatsApp::default(), InstanceId(build::uuid()));
        let session = session(&whatsapp, instance, Arc::new(Heard::default())).await;
        let send = async |to: &str| {
            let raw = session.encode_text("hi", None);
            session.send(&Outgoing { id: build::message_id(), to: build::phone(to), raw }).await
        };
        assert!(matches!(send("5511999990001").await, Err(Error::NotConnected)));
        whatsapp.until_session(instance).await.scan(Profile::default());
        whatsapp.refuse(&build::phone("5511999990002"), 463);
        whatsapp.set_silent(&build::phone("5511999990003"), true);
        send("5511999990001").await.unwrap();
        assert!(matches!(send("5511999990002").await, Err(Error::Refused { code: 463 })));
        assert!(matches!(send("5511999990003").await, Err(Error::NotAcknowledged)));
        assert_eq!(whatsapp.sent().len(), 2);
    }
}
