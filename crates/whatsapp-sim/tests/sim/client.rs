//! A client of the real library, in memory, and what it has experienced.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use wacore::store::InMemoryBackend;
use wacore::store::device::DevicePropsOverride;
use waproto::whatsapp as wa;
use wharf_whatsapp_sim::{Phone, Simulator};
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::store::traits::Backend;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::types::events::{Event, EventHandler, InboundMessage};
use whatsapp_rust::types::message::MessageInfo;
use whatsapp_rust::types::presence::ReceiptType;
use whatsapp_rust::{Client, InboundDurabilityHook, Jid, TokioRuntime, anyhow};

const PATIENCE: Duration = Duration::from_secs(30);
/// Any will do; without one the library would ask the internet.
const VERSION: (u32, u32, u32) = (2, 3000, 1_035_415_000);

/// What has happened to a client, in order.
#[derive(Default)]
pub(crate) struct Events {
    log: Mutex<Vec<Arc<Event>>>,
    changed: watch::Sender<()>,
}

struct Recorder(Arc<Events>);

impl EventHandler for Recorder {
    fn handle_event(&self, event: Arc<Event>) {
        self.0.log.lock().unwrap().push(event);
        self.0.changed.send_replace(());
    }
}

/// Trusts the simulator's root and nothing else.
struct Http(reqwest::Client);

impl Http {
    fn of(sim: &Simulator) -> Self {
        let root = reqwest::Certificate::from_pem(sim.root_certificate_pem().as_bytes()).unwrap();
        let builder = reqwest::Client::builder().no_proxy().tls_built_in_root_certs(false);
        Self(builder.add_root_certificate(root).build().unwrap())
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let mut outgoing = self.0.request(request.method.parse()?, request.url);
        for (name, value) in request.headers {
            outgoing = outgoing.header(name, value);
        }
        let response = outgoing.body(request.body.unwrap_or_default()).send().await?;
        let status_code = response.status().as_u16();
        Ok(HttpResponse { status_code, body: response.bytes().await?.to_vec() })
    }
}

struct Asked(Box<dyn InboundDurabilityHook>);

#[async_trait]
impl InboundDurabilityHook for Asked {
    async fn on_messages(
        &self,
        client: Arc<Client>,
        batch: &[InboundMessage],
    ) -> anyhow::Result<()> {
        self.0.on_messages(client, batch).await
    }
}

/// A running client.
pub(crate) struct TestClient {
    pub(crate) client: Arc<Client>,
    pub(crate) backend: Arc<dyn Backend>,
    events: Arc<Events>,
    handle: BotHandle,
}

impl TestClient {
    /// A client with nothing in its store.
    pub(crate) async fn new(sim: &Simulator, name: &str) -> Self {
        Self::with_store(sim, name, Arc::new(InMemoryBackend::new())).await
    }

    /// A client that goes on where the one before it stopped.
    pub(crate) async fn with_store(sim: &Simulator, name: &str, backend: Arc<dyn Backend>) -> Self {
        Self::start(sim, name, backend, None, None).await
    }

    /// The same, asking `hook` before it acknowledges a message.
    pub(crate) async fn with_hook(
        sim: &Simulator,
        name: &str,
        backend: Arc<dyn Backend>,
        hook: impl InboundDurabilityHook + 'static,
    ) -> Self {
        Self::start(sim, name, backend, Some(Box::new(hook)), None).await
    }

    /// A client that wants to know of the past.
    pub(crate) async fn with_history(
        sim: &Simulator,
        name: &str,
        props: DevicePropsOverride,
    ) -> Self {
        Self::start(sim, name, Arc::new(InMemoryBackend::new()), None, Some(props)).await
    }

    async fn start(
        sim: &Simulator,
        name: &str,
        backend: Arc<dyn Backend>,
        hook: Option<Box<dyn InboundDurabilityHook>>,
        history: Option<DevicePropsOverride>,
    ) -> Self {
        let events = Arc::new(Events::default());
        let builder = Bot::builder()
            .with_backend_arc(Arc::clone(&backend))
            .with_transport_factory(
                TokioWebSocketTransportFactory::new().with_url(sim.whatsapp_url()),
            )
            .with_http_client(Http::of(sim))
            .with_runtime(TokioRuntime)
            .with_version(VERSION)
            .with_push_name(name)
            .with_wanted_pre_key_count(10)
            .with_event_handler(Recorder(Arc::clone(&events)));
        let builder = match hook {
            Some(hook) => builder.with_inbound_durability_hook(Asked(hook)),
            None => builder,
        };
        let builder = match history {
            Some(props) => builder.with_device_props(props),
            None => builder.skip_history_sync(),
        };
        let bot = builder.build().await.unwrap();
        let client = bot.client();
        Self { client, backend, events, handle: bot.spawn() }
    }

    /// A client that is linked to `phone` and connected.
    pub(crate) async fn linked(sim: &Simulator, phone: &Phone) -> Self {
        let client = Self::new(sim, &phone.name()).await;
        phone.scan(&client.qr().await).await.unwrap();
        client.connected().await;
        client
    }

    /// Waits for the first event that is as wanted.
    pub(crate) async fn event<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        self.event_after(0, wanted).await
    }

    /// The same, not counting the first `seen` events.
    pub(crate) async fn event_after<T>(
        &self,
        seen: usize,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> T {
        let mut changed = self.events.changed.subscribe();
        let wait = async {
            loop {
                changed.mark_unchanged();
                let found = self.events.log.lock().unwrap()[seen..].iter().find_map(|e| wanted(e));
                match found {
                    Some(found) => return found,
                    None => changed.changed().await.unwrap(),
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, wait).await;
        found.unwrap_or_else(|_| panic!("not among the events: {:#?}", self.events.log.lock()))
    }

    /// How many events there have been.
    pub(crate) fn seen(&self) -> usize {
        self.events.log.lock().unwrap().len()
    }

    /// How many events are as wanted.
    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.log.lock().unwrap().iter().filter(|event| wanted(event)).count()
    }

    /// What is found in the events, in order.
    pub(crate) fn all<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.events.log.lock().unwrap().iter().filter_map(|event| wanted(event)).collect()
    }

    pub(crate) async fn qr(&self) -> String {
        self.event(|event| match event {
            Event::PairingQrCode(qr) => Some(qr.code.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn connected(&self) {
        self.connected_after(0).await;
    }

    pub(crate) async fn connected_after(&self, seen: usize) {
        self.event_after(seen, |event| matches!(event, Event::Connected(_)).then_some(())).await;
    }

    /// Waits for the end of the link. Says whether it came in answer to a login.
    pub(crate) async fn logged_out(&self) -> bool {
        self.event(|event| match event {
            Event::LoggedOut(out) => Some(out.on_connect),
            _ => None,
        })
        .await
    }

    /// Waits for a message with this text.
    pub(crate) async fn text(&self, text: &str) -> (Arc<wa::Message>, Arc<MessageInfo>) {
        self.text_after(0, text).await
    }

    pub(crate) async fn text_after(
        &self,
        seen: usize,
        text: &str,
    ) -> (Arc<wa::Message>, Arc<MessageInfo>) {
        self.event_after(seen, |event| {
            messages(event).into_iter().find(|(message, _)| body(message) == Some(text))
        })
        .await
    }

    /// Waits for the message with this id.
    pub(crate) async fn message(&self, id: &str) -> (Arc<wa::Message>, Arc<MessageInfo>) {
        self.event(|event| messages(event).into_iter().find(|(_, info)| info.id == id)).await
    }

    /// How many messages with this text have come.
    pub(crate) fn texts(&self, text: &str) -> usize {
        let log = self.events.log.lock().unwrap();
        let all = log.iter().flat_map(|event| messages(event));
        all.filter(|(message, _)| body(message) == Some(text)).count()
    }

    /// The texts of all messages, in the order in which they came.
    pub(crate) fn all_texts(&self) -> Vec<String> {
        let log = self.events.log.lock().unwrap();
        let all = log.iter().flat_map(|event| messages(event));
        all.filter_map(|(message, _)| body(&message).map(str::to_owned)).collect()
    }

    /// Sends a text to a phone number. Gives the message's id.
    pub(crate) async fn send(&self, number: &str, text: &str) -> String {
        self.send_to(Jid::pn(number), text).await
    }

    pub(crate) async fn send_to(&self, jid: Jid, text: &str) -> String {
        let sent = self.client.send_text(jid, text).await.unwrap();
        sent.message_id
    }

    /// The server's word on a message: its error, if it is one.
    pub(crate) async fn ack(&self, id: &str) -> Option<String> {
        self.event(|event| match event {
            Event::ServerAck(ack) if ack.id == id => Some(ack.error.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for a receipt of this type for a message.
    pub(crate) async fn receipt(&self, id: &str, kind: ReceiptType) {
        self.event(|event| match event {
            Event::Receipt(receipt) => {
                let meant = receipt.r#type == kind && receipt.message_ids.iter().any(|it| it == id);
                meant.then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// Ends the process, as it were: what is in the store stays.
    pub(crate) async fn stop(self) -> Arc<dyn Backend> {
        self.handle.shutdown().await;
        self.backend
    }
}

fn messages(event: &Event) -> Vec<(Arc<wa::Message>, Arc<MessageInfo>)> {
    match event {
        Event::Messages(batch) => batch
            .messages
            .iter()
            .map(|inbound| (Arc::clone(&inbound.message), Arc::clone(&inbound.info)))
            .collect(),
        _ => Vec::new(),
    }
}

/// The text of a message, also of the copy of one's own.
pub(crate) fn body(message: &wa::Message) -> Option<&str> {
    use wacore::proto_helpers::MessageExt as _;
    message.get_base_message().text_content()
}

/// Waits until `done` says so: for what nothing tells of.
pub(crate) async fn eventually(what: &str, done: impl AsyncFn() -> bool) {
    let poll = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, poll).await;
    waited.unwrap_or_else(|_| panic!("{what} does not come about"));
}
