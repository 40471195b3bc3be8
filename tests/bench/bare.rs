//! The bare library in this process: its stock transport, its store in memory, no gateway.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{sync::watch, time::timeout};
use whatsapp_rust::{
    Client, Jid, SendOptions, TokioRuntime, async_trait,
    bot::{Bot, BotHandle},
    http::{HttpClient, HttpRequest, HttpResponse},
    prelude::{Event, EventHandler, MessageExt, wa},
    transport::TokioWebSocketTransportFactory,
    wacore::store::InMemoryBackend,
};

use crate::{arrivals::Arrivals, side::Side, world::World};

/// What the gateway claims in the sandbox and keeps on the server, so that both sides start from the same.
const VERSION: (u32, u32, u32) = (2, 3000, 1_030_000_000);
const PREKEYS: usize = 100;
/// How long each step of the pairing may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// One client of the library.
pub(crate) struct Bare {
    world: Arc<World>,
    client: Arc<Client>,
    seen: Arc<Seen>,
    number: String,
    /// Dropping it ends the client.
    _running: BotHandle,
}

/// What the library's events have told.
#[derive(Default)]
struct Seen {
    qr: watch::Sender<Option<String>>,
    connected: watch::Sender<bool>,
    /// Incoming messages by their text.
    incoming: Arrivals<()>,
    /// The server's acknowledgements by message id, with the code of a refusal.
    acks: Arrivals<Option<String>>,
}

struct Listener(Arc<Seen>);

impl EventHandler for Listener {
    fn handle_event(&self, event: Arc<Event>) {
        match &*event {
            Event::PairingQrCode(qr) => drop(self.0.qr.send_replace(Some(qr.code.clone()))),
            Event::Connected(_) => drop(self.0.connected.send_replace(true)),
            Event::Messages(batch) => {
                for inbound in batch.messages.iter() {
                    if let Some(text) = inbound.message.text_content() {
                        self.0.incoming.arrived(text, ());
                    }
                }
            }
            Event::ServerAck(ack) => self.0.acks.arrived(&ack.id, ack.error.clone()),
            _ => {}
        }
    }
}

/// Nothing here needs HTTP: the version is given and there is no media.
struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, request: HttpRequest) -> Result<HttpResponse> {
        bail!("there is no HTTP here for {}", request.url)
    }
}

impl Bare {
    /// Links a client to the phone of that number.
    pub(crate) async fn pair(world: Arc<World>, number: String) -> Result<Self> {
        let seen = Arc::new(Seen::default());
        let url = world.whatsapp.websocket();
        let bot = Bot::builder()
            .with_backend_arc(Arc::new(InMemoryBackend::new()))
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
            .with_http_client(NoHttp)
            .with_runtime(TokioRuntime)
            .with_version(VERSION)
            .with_wanted_pre_key_count(PREKEYS)
            .skip_history_sync()
            .with_event_handler(Listener(seen.clone()))
            .build()
            .await?;
        let client = bot.client();
        let running = bot.spawn();
        let mut codes = seen.qr.subscribe();
        let code = timeout(PATIENCE, codes.wait_for(Option::is_some)).await??.clone();
        world.whatsapp.scan(&number, &code.context("no QR code")?).await?;
        timeout(PATIENCE, seen.connected.subscribe().wait_for(|connected| *connected)).await??;
        Ok(Self { world, client, seen, number, _running: running })
    }
}

impl Side for Bare {
    async fn incoming(&self, from: &str, text: &str) -> Result<()> {
        let arrived = self.seen.incoming.expect(text);
        self.world.whatsapp.send(from, &self.number, text).await?;
        Ok(arrived.await?)
    }

    async fn outgoing(&self, to: &str, text: &str) -> Result<()> {
        let id = self.client.generate_message_id();
        let acknowledged = self.seen.acks.expect(&id);
        let message = wa::Message { conversation: Some(text.to_owned()), ..wa::Message::default() };
        let options = SendOptions::default().with_message_id(id);
        self.client.send_message_with_options(Jid::pn(to), message, options).await?;
        match acknowledged.await? {
            None => Ok(()),
            Some(code) => bail!("WhatsApp refused the message ({code})"),
        }
    }
}
