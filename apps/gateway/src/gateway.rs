//! The composition root: where the adapters meet.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::HttpServer;
use anyhow::{Context, Result, anyhow};
use url::Url;
use wharf_application::{ApplicationConfig, Ports, Services, media::MediaConfig};
use wharf_domain::token::Token;
use wharf_http_ryze::{Api, UrlCheck};
use wharf_media::{HttpMediaFetcher, MediaToolbox};
use wharf_media_s3::S3MediaStore;
use wharf_net::{Net, Roots, Tls};
use wharf_webhook::WebhookSink;
use wharf_whatsapp::WhatsAppAdapter;

use crate::{
    Config,
    database::{self, Access, OpenDatabase},
    session_stores::SqlSessionStores,
    system::{SystemClock, SystemRandom},
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
}

/// A gateway that is ready to serve.
pub struct Gateway {
    services: Services,
    api: Api,
    database: OpenDatabase,
    listener: TcpListener,
    public_url: String,
    first_token: Option<Token>,
}

impl Gateway {
    /// How many threads answer requests.
    const WORKERS: usize = 2;

    /// Opens the database, takes the data directory and the listening address, and puts everything together. Nothing
    /// runs before [`Gateway::serve`].
    pub async fn open(config: Config, surroundings: Surroundings) -> Result<Self> {
        // Whichever library asks first would choose otherwise; a second call finds it chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind(config.listen)
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let public_url = config.public_url(listener.local_addr()?);
        let database = database::open(&config, Access::Alone).await?;
        database.forget_orphans().await.context("cannot clear up the session store")?;
        let net = Net::new(tls(&config, &surroundings)?, config.egress);
        let clock = Arc::new(SystemClock);
        let random = Arc::new(SystemRandom::default());

        let whatsapp = wharf_whatsapp::Config {
            device_name: config.device_name.clone(),
            client_version: surroundings.client_version,
            default_proxy: config.proxy.clone(),
            ..wharf_whatsapp::Config::default()
        };
        let whatsapp = match surroundings.whatsapp_url {
            Some(url) => wharf_whatsapp::Config { url, ..whatsapp },
            None => whatsapp,
        };
        let whatsapp = WhatsAppAdapter::new(
            whatsapp,
            net.clone(),
            Arc::new(SqlSessionStores(database.sessions.clone())),
            clock.clone(),
        )?;
        let stores = &database.stores;
        let ports = Ports {
            accounts: stores.accounts.clone(),
            instances: stores.instances.clone(),
            webhooks: stores.webhooks.clone(),
            messages: stores.messages.clone(),
            log: stores.log.clone(),
            queue: stores.queue.clone(),
            webhook_sink: Arc::new(WebhookSink::new(&net, clock.clone(), public_url.clone())?),
            whatsapp: Arc::new(whatsapp),
            clock: clock.clone(),
            random,
            media_jobs: stores.media_jobs.clone(),
            media_store: Arc::new(S3MediaStore::new(&net, clock.clone(), config.s3)?),
            media_tools: Arc::new(MediaToolbox::default()),
            media_fetcher: Arc::new(HttpMediaFetcher::new(&net)?),
            page_access: stores.pages.clone(),
            health: vec![stores.health.clone()],
        };
        let media = MediaConfig {
            base64_max: config.media_base64_max,
            send_max: config.media_max,
            hold: surroundings.media_hold.unwrap_or(MediaConfig::default().hold),
            ..MediaConfig::default()
        };
        let services = Services::new(
            &ports,
            ApplicationConfig {
                message_retention: config.message_retention,
                default_quota: config.account_quota,
                media,
                ..ApplicationConfig::default()
            },
        );
        let first_token = services.accounts.ensure_default(config.account_token.clone()).await?;
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
                url_check: url_check(&net),
            },
        );
        Ok(Self { services, api, database, listener, public_url, first_token })
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

    /// Serves until `end` returns, then stops in order: no new connections, sessions, deliveries, requests, database.
    ///
    /// Stops in the same order, and fails, when the HTTP server ends by itself or the database is lost to another server.
    pub async fn serve(mut self, end: impl Future<Output = ()>) -> Result<()> {
        let api = self.api;
        let server = HttpServer::new(move || api.app())
            .workers(Self::WORKERS)
            .shutdown_timeout(5)
            .disable_signals()
            .listen(self.listener)?;
        self.services.start().await?;
        let server = server.run();
        let handle = server.handle();
        let mut server = tokio::spawn(server);
        let outcome = tokio::select! {
            outcome = &mut server => Err(match outcome {
                Ok(Err(e)) => anyhow::Error::new(e).context("the HTTP server failed"),
                Err(e) => anyhow::Error::new(e).context("the HTTP server failed"),
                Ok(Ok(())) => anyhow!("the HTTP server ended by itself"),
            }),
            () = self.database.lost() => Err(anyhow!(
                "another server has the database, or had it while this one had lost its connection"
            )),
            () = end => Ok(()),
        };
        // The workers stay until the sessions have ended, which write through connections that workers opened. A server
        // that has ended already takes these calls for done.
        handle.pause().await;
        self.services.stop().await;
        handle.stop(true).await;
        self.database.close().await?;
        outcome
    }
}

/// Judges the URLs callers give by the egress guard, as far as they can be judged before they are dialled.
fn url_check(net: &Net) -> UrlCheck {
    let guard = net.guard();
    UrlCheck::new(move |raw| {
        let url = Url::parse(raw).map_err(|e| e.to_string())?;
        guard.check_url(&url).map_err(|e| e.to_string())
    })
}

fn tls(config: &Config, surroundings: &Surroundings) -> Result<Tls> {
    let mut roots = Roots::web();
    if let Some(file) = &config.extra_ca_file {
        roots.add_file(file).context("WHARF_EXTRA_CA_FILE cannot be used")?;
    }
    if let Some(pem) = &surroundings.roots_pem {
        roots.add_pem(pem.as_bytes())?;
    }
    Ok(Tls::new(roots))
}
