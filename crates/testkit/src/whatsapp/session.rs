use std::{
    fmt,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use wharf_domain::{
    Error, Result, Timestamp,
    address::{Jid, Party, PhoneNumber},
    instance::{InstanceId, Profile},
    media::{MediaBody, OutgoingMedia},
    message::{Message, MessageId, Quote},
    pairing::PairingCode,
    ports::{
        HistoryBatch, Inbound, IncomingCall, Outgoing, PreparedMedia, Session, SessionEnd,
        SessionEvent, SessionObserver,
    },
};

use super::{MarkedRead, World, encode, inbound, qr};
use crate::build;

/// A session, from the side of the test that drives it and from that of the gateway.
#[derive(Clone)]
pub struct InMemorySession {
    instance: InstanceId,
    world: Arc<World>,
    happenings: mpsc::UnboundedSender<Happening>,
    /// Weak, since sessions are kept for ever and an observer's end is its owner's business.
    observer: Weak<dyn SessionObserver>,
    course: watch::Receiver<Course>,
    is_connected: Arc<AtomicBool>,
    codes: Arc<watch::Sender<Vec<(PhoneNumber, PairingCode)>>>,
    /// How many of the codes have expired.
    expired: Arc<AtomicUsize>,
    shown: Arc<watch::Sender<usize>>,
    /// Who pairs in the very moment the session is stopped.
    last_moment: Arc<Mutex<Option<Profile>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Running,
    /// The observer is being told of the end.
    Ending,
    Over,
}

enum Happening {
    Event(Box<SessionEvent>),
    Inbound(Vec<Inbound>, oneshot::Sender<Result<()>>),
    History(HistoryBatch, oneshot::Sender<Result<()>>),
}

impl fmt::Debug for InMemorySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemorySession").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl InMemorySession {
    pub(super) fn start(
        instance: InstanceId,
        world: Arc<World>,
        observer: Arc<dyn SessionObserver>,
    ) -> Self {
        let (happenings, queue) = mpsc::unbounded_channel();
        let (course, followed) = watch::channel(Course::Running);
        let session = Self {
            instance,
            world,
            happenings,
            observer: Arc::downgrade(&observer),
            course: followed,
            is_connected: Arc::default(),
            codes: Arc::default(),
            expired: Arc::default(),
            shown: Arc::new(watch::Sender::new(1)),
            last_moment: Arc::default(),
        };
        tokio::spawn(tell(queue, observer, course));
        session
    }

    /// Lets something happen.
    pub fn emit(&self, event: SessionEvent) {
        match &event {
            SessionEvent::Connected { .. } => self.is_connected.store(true, Ordering::SeqCst),
            SessionEvent::Ended(_) => self.is_connected.store(false, Ordering::SeqCst),
            _ => {}
        }
        // A session that is over has nothing more to tell.
        let _ = self.happenings.send(Happening::Event(Box::new(event)));
    }

    /// Shows the next QR code.
    pub fn next_qr(&self) {
        self.shown.send_modify(|shown| *shown += 1);
        self.emit(qr(*self.shown.borrow()));
    }

    /// The codes to type that were given out are of no use any more.
    pub fn expire_pairing_codes(&self) {
        self.expired.store(self.codes.borrow().len(), Ordering::SeqCst);
    }

    /// A phone scans the code or types it in: the device is paired and connects.
    pub fn scan(&self, profile: Profile) {
        self.world.state().paired.insert(self.instance, profile.clone());
        let platform = "android".to_owned();
        self.emit(SessionEvent::Paired { profile: profile.clone(), platform });
        self.emit(SessionEvent::Connected { profile });
    }

    /// A phone scans the code in the very moment the session is stopped: it is paired and never connects.
    pub fn scan_at_the_end(&self, profile: Profile) {
        *self.last_moment.lock().expect("no step panics") = Some(profile);
    }

    /// A message arrives; gives what the observer answered. An error ends the session.
    pub async fn receive(&self, message: Message) -> Result<()> {
        self.receive_all(vec![inbound(message)]).await
    }

    /// A batch of messages arrives.
    pub async fn receive_all(&self, messages: Vec<Inbound>) -> Result<()> {
        self.ask(|answer| Happening::Inbound(messages, answer)).await
    }

    /// The phone offers a piece of its history; gives what the observer answered.
    pub async fn offer_history(&self, batch: HistoryBatch) -> Result<()> {
        self.ask(|answer| Happening::History(batch, answer)).await
    }

    /// The session looks a stored message up, as it does for votes in polls.
    pub async fn recall(&self, id: &MessageId) -> Result<Option<Bytes>> {
        let over = || Error::ConnectFailed("the session is over".to_owned());
        self.observer.upgrade().ok_or_else(over)?.recall(id).await
    }

    async fn ask(
        &self,
        happening: impl FnOnce(oneshot::Sender<Result<()>>) -> Happening,
    ) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        let over = || Error::ConnectFailed("the session is over".to_owned());
        self.happenings.send(happening(answer)).map_err(|_| over())?;
        answered.await.unwrap_or_else(|_| Err(over()))
    }

    /// The session comes to an end by itself.
    pub fn end(&self, end: SessionEnd) {
        self.emit(SessionEvent::Ended(end));
    }

    /// Whether it has come to its end; the next one may be started.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        *self.course.borrow() != Course::Running
    }

    /// Returns once its end was told.
    pub async fn until_ended(&self) {
        // An error means that the task which tells is gone, which is as over as can be.
        let _ = self.course.clone().wait_for(|course| *course == Course::Over).await;
    }

    async fn finish(&self) {
        let last = self.last_moment.lock().expect("no step panics").take();
        if let Some(profile) = last {
            self.world.state().paired.insert(self.instance, profile.clone());
            self.emit(SessionEvent::Paired { profile, platform: "android".to_owned() });
        }
        self.end(SessionEnd::Stopped);
        self.until_ended().await;
    }

    fn connected(&self) -> Result<()> {
        let is_connected = self.is_connected.load(Ordering::SeqCst) && !self.has_ended();
        is_connected.then_some(()).ok_or(Error::NotConnected)
    }
}

/// Tells the observer what happens, one after the other, up to the end.
async fn tell(
    mut queue: mpsc::UnboundedReceiver<Happening>,
    observer: Arc<dyn SessionObserver>,
    course: watch::Sender<Course>,
) {
    while let Some(happening) = queue.recv().await {
        let (outcome, answer) = match happening {
            Happening::Event(event) => {
                if let SessionEvent::Ended(end) = *event {
                    return finish(&*observer, &course, end).await;
                }
                (observer.on_event(*event).await, None)
            }
            Happening::Inbound(messages, answer) => {
                (observer.on_inbound(messages).await, Some(answer))
            }
            Happening::History(batch, answer) => {
                // Whatever it says, the session goes on: history is not offered twice.
                let _ = answer.send(observer.on_history(batch).await);
                continue;
            }
        };
        let failure = outcome.as_ref().err().map(ToString::to_string);
        if let Some(failure) = &failure {
            finish(&*observer, &course, SessionEnd::StoreFailed(failure.clone())).await;
        }
        if let Some(answer) = answer {
            let _ = answer.send(outcome);
        }
        if failure.is_some() {
            return;
        }
    }
}

/// Tells the end.
async fn finish(observer: &dyn SessionObserver, course: &watch::Sender<Course>, end: SessionEnd) {
    // Before it is told, so that whoever is told may start the next session.
    course.send_replace(Course::Ending);
    let _ = observer.on_event(SessionEvent::Ended(end)).await;
    course.send_replace(Course::Over);
}

#[async_trait]
impl Session for InMemorySession {
    async fn pairing_code(&self, number: &PhoneNumber) -> Result<PairingCode> {
        let (is_paired, throttled) = {
            let state = self.world.state();
            (state.paired.contains_key(&self.instance), state.throttled)
        };
        if is_paired || self.has_ended() {
            return Err(Error::ConnectFailed("there is no pairing under way".to_owned()));
        }
        if let Some(code) = throttled {
            return Err(Error::Refused { code });
        }
        let expired = self.expired.load(Ordering::SeqCst);
        let known =
            self.codes.borrow().iter().skip(expired).find(|(known, _)| known == number).cloned();
        if let Some((_, code)) = known {
            return Ok(code);
        }
        let code = PairingCode::parse(&format!("ABCD{:04}", self.codes.borrow().len() + 1))?;
        self.codes.send_modify(|codes| codes.push((number.clone(), code.clone())));
        Ok(code)
    }

    async fn look_up(&self, number: &PhoneNumber) -> Result<Option<Party>> {
        self.connected()?;
        let state = self.world.state();
        let registered = number.forms().into_iter().find(|form| !state.unregistered.contains(form));
        Ok(registered.map(|form| match state.parties.get(&form) {
            Some(party) => party.clone(),
            None => build::party(Jid::phone(&form), None),
        }))
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<Timestamp> {
        self.connected()?;
        let state = self.world.state();
        if let Some(code) = state.refused.get(&outgoing.to) {
            return Err(Error::Refused { code: *code });
        }
        let is_silent = state.silent.contains(&outgoing.to);
        drop(state);
        self.world.sent.send_modify(|sent| sent.push((self.instance, outgoing.clone())));
        if is_silent { Err(Error::NotAcknowledged) } else { Ok(build::moment(60)) }
    }

    fn encode_text(&self, text: &str, quote: Option<(&Quote, &Jid, Option<&Bytes>)>) -> Bytes {
        encode(text, quote.map(|(quote, _, _)| quote))
    }

    async fn prepare_media(
        &self,
        media: &OutgoingMedia,
        quote: Option<(&Quote, &Jid, Option<&Bytes>)>,
    ) -> Result<PreparedMedia> {
        self.connected()?;
        self.world.media.upload(media, quote.map(|(quote, _, _)| quote)).await
    }

    async fn download(&self, raw: &Bytes, limit: u64) -> Result<MediaBody> {
        self.connected()?;
        self.world.media.download(raw, limit).await
    }

    async fn reject_call(&self, call: &IncomingCall) -> Result<()> {
        self.connected()?;
        self.world.act().rejected.push((self.instance, call.clone()));
        Ok(())
    }

    async fn set_online(&self, online: bool) -> Result<()> {
        self.connected()?;
        self.world.act().online.push((self.instance, online));
        Ok(())
    }

    async fn mark_read(&self, chat: &Jid, author: Option<&Jid>, ids: &[MessageId]) -> Result<()> {
        self.connected()?;
        let (instance, chat, author) = (self.instance, chat.clone(), author.cloned());
        let marked = MarkedRead { instance, chat, author, ids: ids.to_vec() };
        self.world.act().read.push(marked);
        Ok(())
    }

    async fn set_typing(&self, chat: &Jid, typing: bool) -> Result<()> {
        self.connected()?;
        self.world.state().typing.push((self.instance, chat.clone(), typing));
        Ok(())
    }

    async fn log_out(&self) -> Result<()> {
        self.world.state().logged_out.push(self.instance);
        self.finish().await;
        Ok(())
    }

    async fn stop(&self) {
        self.finish().await;
    }

    async fn abort(&self) {
        self.finish().await;
    }
}
