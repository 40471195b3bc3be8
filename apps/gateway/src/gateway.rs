//! The composition root: where the adapters meet.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{HttpServer, middleware::from_fn};
use anyhow::{Context, Result, anyhow};
use url::Url;
use wharf_application::{Ports, Services};
use wharf_domain::{
    ports::{Clock as _, DeliveryQueue, EventLog, MessageStore, WebhookStore},
    token::Token,
};
use wharf_http_ryze::Api;
use wharf_media::{HttpMediaFetcher, MediaToolbox};
use wharf_media_s3::S3MediaStore;
use wharf_metrics::PrometheusMeter;
use wharf_net::Net;

use crate::{
    Config,
    database::{self, Access, OpenDatabase},
    door::{Door, IsOpen},
    ending,
    measures::Measures,
    peers,
    system::{SystemClock, SystemRandom},
    wiring,
};

/// What is around the gateway, where that is not the real world. The default is the real world.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// WhatsApp's WebSocket.
    pub whatsapp_url: Option<Url>,
    /// The version of WhatsApp Web to claim, which is looked up otherwise.
    pub client_version: Option<(u32, u32, u32)>,
    /// Root certificates to trust besides the configured ones, as PEM.
    pub roots_pem: Option<String>,
    /// How long the event of a message is held for its media to be in the bucket.
    pub media_hold: Option<Duration>,
    /// What takes the place of the database's log and queue, where their cost is to be measured.
    pub log: Option<LogInstead>,
    /// Whether a received message is on the disk before such a log has it, as it has to be where the log would lose it.
    pub puts_messages_down: bool,
}

/// Makes a log and a queue over the webhooks and messages there are.
#[derive(Clone)]
pub struct LogInstead(Arc<MakeLog>);

type MakeLog = dyn Fn(Arc<dyn WebhookStore>, Arc<dyn MessageStore>) -> LogAndQueue + Send + Sync;

type LogAndQueue = (Arc<dyn EventLog>, Arc<dyn DeliveryQueue>);

impl LogInstead {
    /// Makes them by that.
    pub fn new(
        make: impl Fn(Arc<dyn WebhookStore>, Arc<dyn MessageStore>) -> LogAndQueue
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }
}

impl std::fmt::Debug for LogInstead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogInstead")
    }
}

/// A gateway that is ready to serve.
pub struct Gateway {
    services: Services,
    api: Api,
    door: Door,
    measures: Measures,
    database: OpenDatabase,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    public_url: String,
    first_token: Option<Token>,
    shutdown_timeout: Duration,
}

impl Gateway {
    /// How many threads answer requests.
    const WORKERS: usize = 2;

    /// Opens the database, takes the data directory and the listening address, and puts everything together. Nothing
    /// runs before [`Gateway::serve`].
    pub async fn open(config: Config, surroundings: Surroundings) -> Result<Self> {
        // Whichever library asks first would choose otherwise; a second call finds it chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = listen(config.listen)?;
        let metrics_listener = config.metrics_listen.map(listen).transpose()?;
        let public_url = config.public_url(listener.local_addr()?);
        let clock = Arc::new(SystemClock);
        let meter = Arc::new(PrometheusMeter::new(env!("CARGO_PKG_VERSION"), clock.now()));
        let database = database::open(&config, Access::Alone, meter.clone()).await?;
        database.forget_orphans().await.context("cannot clear up the session store")?;
        let net = Net::new(wiring::tls(&config, surroundings.roots_pem.as_deref())?, config.egress);
        let random = Arc::new(SystemRandom::default());
        let door = Door::default();

        let stores = &database.stores;
        let (log, queue) = match &surroundings.log {
            Some(LogInstead(make)) => make(stores.webhooks.clone(), stores.messages.clone()),
            None => (stores.log.clone(), stores.queue.clone()),
        };
        let sessions = database.sessions.clone();
        let sessions =
            if surroundings.puts_messages_down { sessions.writing_through() } else { sessions };
        let ports = Ports {
            accounts: stores.accounts.clone(),
            instances: stores.instances.clone(),
            webhooks: stores.webhooks.clone(),
            messages: stores.messages.clone(),
            log,
            queue,
            ledger: stores.ledger.clone(),
            webhook_sink: Arc::new(wiring::webhooks(&config, &net, &public_url)?),
            whatsapp: Arc::new(wiring::whatsapp(&config, &surroundings, &net, sessions)?),
            clock: clock.clone(),
            random,
            media_jobs: stores.media_jobs.clone(),
            media_store: Arc::new(S3MediaStore::new(&net, clock.clone(), config.s3)?),
            media_tools: Arc::new(MediaToolbox::default()),
            media_fetcher: Arc::new(HttpMediaFetcher::new(&net)?),
            page_access: stores.pages.clone(),
            meter: meter.clone(),
            health: vec![stores.health.clone(), IsOpen::shared(&door)],
        };
        let services = Services::new(&ports, wiring::application(&config, surroundings.media_hold));
        let first_token = services.accounts.ensure_default(config.account_token.clone()).await?;
        let measures =
            Measures::new(meter, services.figures.clone(), clock.clone(), config.metrics_token);
        let api = Api::new(
            services.clone(),
            clock,
            wharf_http_ryze::Config {
                rate_limit: config.rate_limit.unwrap_or(0),
                rate_limit_create: config.rate_limit_create.unwrap_or(0),
                max_body: config.max_body,
                trusted_proxies: config.trusted_proxies,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                public_url: public_url.clone(),
                url_check: wiring::url_check(&net),
            },
        );
        Ok(Self {
            services,
            api,
            door,
            measures,
            database,
            listener,
            metrics_listener,
            public_url,
            first_token,
            shutdown_timeout: config.shutdown_timeout,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Where callers reach it.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The token of the account that was made because there was none.
    #[must_use]
    pub fn first_token(&self) -> Option<&Token> {
        self.first_token.as_ref()
    }

    /// Where the measures are served by themselves, if anywhere.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `asked` returns for the first time, then ends in order: see [`ending::in_order`]. Ends at once when
    /// `asked` returns once more.
    ///
    /// Ends in the same order, and fails, when the HTTP server ends by itself or another server has the database.
    pub async fn serve(mut self, mut asked: impl AsyncFnMut()) -> Result<()> {
        let (api, door, measures) = (self.api, self.door.clone(), self.measures.clone());
        let server = HttpServer::new(move || {
            let (door, measures) = (door.clone(), measures.clone());
            // The last one wrapped around it is the first one asked.
            api.app()
                .wrap(from_fn(move |request, next| door.clone().pass(request, next)))
                .wrap(from_fn(move |request, next| measures.clone().beside_the_api(request, next)))
        })
        .on_connect(peers::give_up_on_silence)
        .workers(Self::WORKERS)
        .shutdown_timeout(ending::FAREWELL.as_secs())
        .disable_signals()
        .listen(self.listener)?;
        let measures = self.metrics_listener.map(|own| self.measures.serve(own)).transpose()?;
        self.services.start().await?;
        let server = server.run();
        let handle = server.handle();
        let mut server = tokio::spawn(server);
        let measures = measures.map(|server| (server.handle(), tokio::spawn(server)));
        let outcome = tokio::select! {
            outcome = &mut server => Err(match outcome {
                Ok(Err(e)) => anyhow::Error::new(e).context("the HTTP server failed"),
                Err(e) => anyhow::Error::new(e).context("the HTTP server failed"),
                Ok(Ok(())) => anyhow!("the HTTP server ended by itself"),
            }),
            () = self.database.lost() => Err(anyhow!(
                "another server has the database, or had it while this one had lost its connection"
            )),
            () = asked() => Ok(()),
        };
        let order = ending::in_order(
            &self.door,
            &self.services,
            &handle,
            &self.database,
            self.shutdown_timeout,
        );
        tokio::select! {
            closed = order => closed?,
            () = asked() => tracing::warn!("asked to end once more, ending at once"),
        }
        if let Some((handle, _)) = measures {
            handle.stop(false).await;
        }
        outcome
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}
