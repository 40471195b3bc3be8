use std::{
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_channel::{Receiver, Sender, WeakSender};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;
use tokio_websockets::{CloseCode, Message};
use url::Url;
use wacore::net::{
    DisconnectReason, Transport, TransportEvent, TransportFactory, WHATSAPP_WEB_ORIGIN,
};
use wharf_domain::ports::Clock;
use wharf_net::{Dialer, Stream, WebSocketStream};
use whatsapp_rust::anyhow;

use crate::{afoot::Afoot, queue::Queue, tasks::Tasks};

/// Frames between the socket and the library. A frame of the library's size holds many stanzas.
const FRAMES: usize = 16;
/// How long messages may take that have been read, until they are put down.
const PUT_DOWN: Duration = Duration::from_secs(3);
/// How often it is looked whether they are.
const GLANCE: Duration = Duration::from_millis(10);
/// How many looks have to find nothing: between a frame and what is in it there is a moment.
const QUIET: usize = 3;
/// How long a server may take to accept our goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What is known about the connection of a session, beside the library.
#[derive(Default)]
pub(crate) struct Link {
    heard: AtomicU64,
    something_heard: Notify,
    problem: Mutex<Option<String>>,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    up: CancellationToken,
    greeted: CancellationToken,
    socket: Mutex<Option<Arc<Socket>>>,
    accepted: CancellationToken,
    held: CancellationToken,
    muted: CancellationToken,
    frames: Mutex<Option<WeakSender<TransportEvent>>>,
    redial: AtomicBool,
    library_redials: OnceLock<Arc<AtomicBool>>,
}

impl Link {
    /// A link whose dialling is counted by `permit`.
    pub(crate) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self { permit: Mutex::new(Some(permit)), ..Self::default() }
    }

    /// How often the server has been heard.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Acquire)
    }

    /// Returns once the server has been heard more often than `so_far`.
    pub(crate) async fn heard_since(&self, so_far: u64) {
        loop {
            let mut something = pin!(self.something_heard.notified());
            something.as_mut().enable();
            if self.heard() != so_far {
                return;
            }
            something.await;
        }
    }

    /// Why there is no connection, when there is none.
    pub(crate) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes why there is no connection.
    pub(crate) fn set_problem(&self, problem: impl Into<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem.into());
    }

    /// Cancelled once the first WebSocket is open.
    pub(crate) fn up(&self) -> &CancellationToken {
        &self.up
    }

    /// Cancelled once the server has proven who it is, after the Noise handshake.
    pub(crate) fn greeted(&self) -> &CancellationToken {
        &self.greeted
    }

    /// Lets the library's own switch for reconnects follow ours.
    pub(crate) fn control(&self, library_redials: Arc<AtomicBool>) {
        library_redials.store(false, Ordering::Release);
        let _ = self.library_redials.set(library_redials);
    }

    /// Notes that the phone has accepted the device, which allows the one redial a session has.
    pub(crate) fn allow_redial(&self) {
        self.set_redial(true);
        self.accepted.cancel();
    }

    /// Cancelled once the phone has accepted the device.
    pub(crate) fn accepted(&self) -> &CancellationToken {
        &self.accepted
    }

    /// Whether the redial is allowed and not used up.
    pub(crate) fn may_redial(&self) -> bool {
        self.redial.load(Ordering::Acquire)
    }

    /// Uses the redial up, and says whether there was one.
    pub(crate) fn take_redial(&self) -> bool {
        self.set_redial(false)
    }

    fn set_redial(&self, allowed: bool) -> bool {
        if let Some(library) = self.library_redials.get() {
            library.store(allowed, Ordering::Release);
        }
        self.redial.swap(allowed, Ordering::AcqRel)
    }

    /// Reads nothing more.
    pub(crate) fn hold(&self) {
        self.held.cancel();
    }

    /// Says nothing more: whoever wants to waits until the connection is closed.
    pub(crate) fn mute(&self) {
        self.muted.cancel();
    }

    /// Closes the connection without a goodbye.
    pub(crate) async fn hang_up(&self) {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(socket) = socket {
            socket.closed.cancel();
            drop(socket.sink.lock().await.take());
        }
    }

    /// How many frames the library has not taken yet.
    fn backlog(&self) -> usize {
        let frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        frames.as_ref().and_then(WeakSender::upgrade).map_or(0, |frames| frames.len())
    }

    /// Returns once all messages are put down that have been read, or after a while. Nothing more may be read.
    pub(crate) async fn put_down(&self, afoot: &Afoot, clock: &Arc<dyn Clock>) {
        let put_down = async {
            let mut quiet = 0;
            while quiet < QUIET {
                let is_quiet = self.backlog() == 0 && !afoot.is_any(clock.now());
                quiet = if is_quiet { quiet + 1 } else { 0 };
                clock.sleep(GLANCE).await;
            }
        };
        tokio::select! {
            biased;
            () = put_down => {}
            () = clock.sleep(PUT_DOWN) => tracing::debug!("some messages were read and not put down"),
        }
    }

    fn note_heard(&self) {
        self.heard.fetch_add(1, Ordering::AcqRel);
        self.something_heard.notify_waiters();
    }

    fn dialled(&self) {
        drop(self.permit.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Opens the connections of one session.
pub(crate) struct Sockets {
    pub(crate) url: Url,
    pub(crate) dialer: Dialer,
    pub(crate) link: Arc<Link>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) tasks: Tasks,
    pub(crate) afoot: Arc<Afoot>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl TransportFactory for Sockets {
    async fn create_transport(
        &self,
    ) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        if self.link.up.is_cancelled() {
            anyhow::ensure!(self.link.take_redial(), "a session connects once");
            self.link.problem.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        let dialled = self.dialer.websocket(&self.url, Some(WHATSAPP_WEB_ORIGIN)).await;
        self.link.dialled();
        let websocket = dialled.inspect_err(|e| self.link.set_problem(e.to_string()))?;
        self.link.note_heard();
        self.link.up.cancel();
        self.tasks.note_connected();
        let (sink, stream) = websocket.split();
        let (events, receiver) = async_channel::bounded(FRAMES);
        let closed = CancellationToken::new();
        *self.link.frames.lock().unwrap_or_else(PoisonError::into_inner) = Some(events.downgrade());
        let reader = Reader {
            events,
            afoot: self.afoot.clone(),
            clock: self.clock.clone(),
            closed: closed.clone(),
            link: self.link.clone(),
            queue: self.queue.clone(),
        };
        self.tasks.run(reader.run(stream));
        let sink = tokio::sync::Mutex::new(Some(sink));
        let (queue, muted) = (self.queue.clone(), self.link.muted.clone());
        let socket = Arc::new(Socket { sink, closed, muted, queue });
        let mut current = self.link.socket.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(socket.clone());
        Ok((socket, receiver))
    }
}

/// The writing half of a WebSocket.
struct Socket {
    sink: tokio::sync::Mutex<Option<SplitSink<WebSocketStream<Stream>, Message>>>,
    closed: CancellationToken,
    muted: CancellationToken,
    queue: Arc<Queue>,
}

#[async_trait]
impl Transport for Socket {
    async fn send(&self, data: Bytes) -> anyhow::Result<()> {
        let writing = async {
            // What is sent may acknowledge a receipt, and then WhatsApp forgets it.
            self.queue.receipts_taken().await;
            let mut sink = self.sink.lock().await;
            if self.muted.is_cancelled() {
                drop(sink);
                return std::future::pending().await;
            }
            let sink = sink.as_mut().ok_or_else(|| anyhow::anyhow!("the socket is closed"))?;
            sink.send(Message::binary(data)).await.map_err(anyhow::Error::from)
        };
        tokio::select! {
            biased;
            () = self.closed.cancelled() => anyhow::bail!("the socket is closed"),
            written = writing => written,
        }
    }

    async fn disconnect(&self) {
        self.closed.cancel();
        let Some(mut sink) = self.sink.lock().await.take() else { return };
        let goodbye = sink.send(Message::close(Some(CloseCode::NORMAL_CLOSURE), ""));
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

/// The reading half of a WebSocket.
struct Reader {
    events: Sender<TransportEvent>,
    afoot: Arc<Afoot>,
    clock: Arc<dyn Clock>,
    closed: CancellationToken,
    link: Arc<Link>,
    queue: Arc<Queue>,
}

impl Reader {
    async fn run(self, stream: SplitStream<WebSocketStream<Stream>>) {
        let reason = tokio::select! {
            biased;
            () = self.closed.cancelled() => DisconnectReason::Unknown,
            reason = self.read(stream) => reason,
        };
        if !matches!(reason, DisconnectReason::Unknown) {
            self.link.set_problem(reason.to_string());
            // When the library hears of the end it saves its ratchets, and may leave messages behind that it is busy with.
            tokio::select! {
                biased;
                () = self.closed.cancelled() => {}
                () = self.link.put_down(&self.afoot, &self.clock) => {}
            }
        }
        let _ = self.events.send(TransportEvent::Disconnected(reason)).await;
    }

    async fn read(&self, mut stream: SplitStream<WebSocketStream<Stream>>) -> DisconnectReason {
        loop {
            let message = match stream.next().await {
                None => return DisconnectReason::StreamEnded,
                Some(Err(e)) => return DisconnectReason::ReadError(e.to_string()),
                Some(Ok(message)) => message,
            };
            self.link.note_heard();
            if let Some((code, reason)) = message.as_close() {
                let reason = reason.to_owned();
                return DisconnectReason::ServerClose { code: Some(code.into()), reason };
            }
            if !message.is_binary() {
                continue;
            }
            self.queue.admit().await;
            if self.link.held.is_cancelled() {
                return std::future::pending().await;
            }
            let frame = TransportEvent::DataReceived(Bytes::from(message.into_payload()));
            if self.events.send(frame).await.is_err() {
                return DisconnectReason::Unknown;
            }
        }
    }
}
