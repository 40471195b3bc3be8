use std::sync::{
    Arc, Mutex, OnceLock, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;
use wharf_domain::{
    Error, Result,
    ports::{Clock, SessionEnd, SessionRequest},
};
use whatsapp_rust::Client;

use super::{identity::Strangers, pairing::Pairing, presence::Presence};
use crate::{
    acks::Acks, afoot::Afoot, calls::Calls, config::Config, ending, groups::Groups, history::Feed,
    origins::Origins, queue::Queue, raw::Recipients, tasks::Tasks, transport::Link,
};

/// What the parts of a session share.
pub(crate) struct Core {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) tasks: Tasks,
    pub(crate) link: Arc<Link>,
    pub(crate) acks: Acks,
    /// The library's client. Weak, since the client holds its listeners.
    pub(crate) client: OnceLock<Weak<Client>>,
    /// Cancelled once all codes were shown while a pairing code is still good.
    pub(crate) qr_codes_used_up: CancellationToken,
    /// Cancelled once the session is authenticated and ready.
    pub(crate) connected: CancellationToken,
    /// Cancelled to end the session with everything written out.
    pub(crate) finish: CancellationToken,
    /// Cancelled to end the session where it stands.
    pub(crate) drop_now: CancellationToken,
    /// Cancelled once something was not put down: what is not acknowledged goes back to WhatsApp.
    pub(crate) given_back: CancellationToken,
    /// Cancelled once nothing of the session runs any more.
    pub(crate) over: CancellationToken,
    ready: AtomicBool,
    end: Mutex<Option<SessionEnd>>,
    stream_error: Mutex<Option<String>>,
    business_name: OnceLock<String>,
    /// The messages that are read and not put down yet.
    pub(crate) afoot: Arc<Afoot>,
    /// The calls that ring.
    pub(crate) calls: Calls,
    /// Whom the receipts of our own devices are for.
    pub(crate) recipients: Recipients,
    /// What is known of the groups.
    pub(crate) groups: Arc<Groups>,
    /// Where recent messages came from.
    pub(crate) origins: Origins,
    pub(super) strangers: Strangers,
    pub(super) pairing: Pairing,
    /// The history that the phone offers.
    pub(crate) history: Feed,
    pub(super) presence: Presence,
    picture: Mutex<Option<String>>,
}

impl Core {
    pub(crate) fn new(
        config: Arc<Config>,
        clock: Arc<dyn Clock>,
        link: Link,
        request: &SessionRequest,
        groups: Arc<Groups>,
    ) -> Self {
        let queue = Arc::new(Queue::default());
        Self {
            config,
            clock,
            acks: Acks::new(queue.clone()),
            queue,
            tasks: Tasks::default(),
            link: Arc::new(link),
            client: OnceLock::new(),
            qr_codes_used_up: CancellationToken::new(),
            connected: CancellationToken::new(),
            finish: CancellationToken::new(),
            drop_now: CancellationToken::new(),
            given_back: CancellationToken::new(),
            over: CancellationToken::new(),
            ready: AtomicBool::new(false),
            end: Mutex::default(),
            stream_error: Mutex::default(),
            business_name: OnceLock::new(),
            afoot: Arc::default(),
            calls: Calls::default(),
            recipients: Recipients::default(),
            groups,
            strangers: Strangers::default(),
            origins: Origins::default(),
            pairing: Pairing::default(),
            history: Feed::new(request.history),
            presence: Presence::new(request.keep_online),
            picture: Mutex::default(),
        }
    }

    /// Notes how the session ends, unless that is known already.
    pub(crate) fn note_end(&self, end: SessionEnd) {
        self.ready.store(false, Ordering::Release);
        self.end.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
    }

    /// Ends the session after writing out what it holds.
    pub(crate) fn finish(&self, end: SessionEnd) {
        self.note_end(end);
        self.finish.cancel();
    }

    /// Ends the session without writing anything more.
    pub(crate) fn drop_now(&self, end: SessionEnd) {
        self.note_end(end);
        self.drop_now.cancel();
    }

    /// Ends the session because something was not put down. Nothing is acknowledged or taken any more.
    pub(crate) fn give_back(&self, end: SessionEnd) {
        self.note_end(end);
        self.given_back.cancel();
    }

    /// Whether messages and receipts go back to WhatsApp.
    pub(crate) fn takes_nothing_more(&self) -> bool {
        self.given_back.is_cancelled() || self.drop_now.is_cancelled()
    }

    /// Notes a code of `<stream:error>`. Some end the session; others count when it ends.
    pub(crate) fn note_stream_error(&self, code: &str) {
        if code.is_empty() {
            return;
        }
        if let Some(end) = ending::of_stream_error(code) {
            self.finish(end);
        } else {
            let mut noted = self.stream_error.lock().unwrap_or_else(PoisonError::into_inner);
            *noted = Some(code.to_owned());
        }
    }

    /// How the session ended.
    pub(crate) fn end(&self) -> SessionEnd {
        if let Some(end) = self.end.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return end;
        }
        let code = self.stream_error.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (code, self.link.problem()) {
            (Some(code), _) => SessionEnd::StreamError(code),
            (None, Some(problem)) if self.link.greeted().is_cancelled() => {
                SessionEnd::Lost(problem)
            }
            (None, Some(problem)) => SessionEnd::Unreachable(problem),
            // The library ends a connection without a word when it stays silent or the Noise handshake fails.
            (None, None) if self.link.greeted().is_cancelled() => {
                SessionEnd::Lost("the server stopped answering".to_owned())
            }
            (None, None) => {
                SessionEnd::Unreachable("the handshake with the server failed".to_owned())
            }
        }
    }

    /// Keeps the verified business name, which WhatsApp tells once, as the phone accepts the device.
    pub(crate) fn set_business_name(&self, name: &str) {
        if !name.is_empty() {
            let _ = self.business_name.set(name.to_owned());
        }
    }

    pub(crate) fn business_name(&self) -> Option<String> {
        self.business_name.get().cloned()
    }

    /// Where the own profile picture is, as far as it was asked for.
    pub(crate) fn picture(&self) -> Option<String> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_picture(&self, url: Option<String>) {
        *self.picture.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }

    pub(crate) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
        self.connected.cancel();
    }

    pub(crate) fn set_unready(&self) {
        self.ready.store(false, Ordering::Release);
    }

    pub(crate) fn client(&self) -> Option<Arc<Client>> {
        self.client.get().and_then(Weak::upgrade)
    }

    /// The client of a session that is authenticated and ready.
    pub(super) fn ready(&self) -> Result<Arc<Client>> {
        let client = self.client().filter(|_| self.ready.load(Ordering::Acquire));
        client.filter(|client| client.is_connected()).ok_or(Error::NotConnected)
    }

    /// Waits for an answer of WhatsApp's server, as long as one may take.
    pub(super) async fn answer<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            answer = answer => answer,
            () = self.over.cancelled() => Err(Error::NotConnected),
            () = self.clock.sleep(self.config.answer_limit) => Err(Error::NotAcknowledged),
        }
    }
}
