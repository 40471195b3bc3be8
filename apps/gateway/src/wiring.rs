//! What the configuration means to the parts.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use url::Url;
use wharf_application::{
    ApplicationConfig,
    deliverer::{DeliveryConfig, RetryPolicy},
    media::MediaConfig,
    retention::RetentionPolicy,
};
use wharf_http_ryze::UrlCheck;
use wharf_net::{Net, Roots, Tls};
use wharf_webhook::{WebhookConfig, WebhookSink};
use wharf_whatsapp::WhatsAppAdapter;
use wharf_whatsapp_store::StoreFactory;

use crate::{
    Config, Deliveries, Keep, Surroundings, ending, session_stores::SqlSessionStores,
    system::SystemClock,
};

/// The use cases; `hold` is how long events are held for their media, where that is not as usual.
pub(crate) fn application(config: &Config, hold: Option<Duration>) -> ApplicationConfig {
    let usual = MediaConfig::default();
    ApplicationConfig {
        retry: retry(&config.deliveries),
        deliveries: DeliveryConfig {
            per_receiver: config.deliveries.concurrency,
            finish_within: ending::for_deliveries(config.shutdown_timeout),
        },
        event_retention: retention(&config.keep),
        default_quota: config.account_quota,
        media: MediaConfig {
            base64_max: config.media_base64_max,
            send_max: config.media_max,
            hold: hold.unwrap_or(usual.hold),
            ..usual
        },
        ..ApplicationConfig::default()
    }
}

/// WhatsApp, real or as the surroundings have it.
pub(crate) fn whatsapp(
    config: &Config,
    surroundings: &Surroundings,
    net: &Net,
    sessions: StoreFactory,
) -> Result<WhatsAppAdapter> {
    let usual = wharf_whatsapp::Config::default();
    let config = wharf_whatsapp::Config {
        device_name: config.device_name.clone(),
        client_version: surroundings.client_version,
        default_proxy: config.proxy.clone(),
        url: surroundings.whatsapp_url.clone().unwrap_or_else(|| usual.url.clone()),
        ..usual
    };
    let stores = Arc::new(SqlSessionStores(sessions));
    Ok(WhatsAppAdapter::new(config, net.clone(), stores, Arc::new(SystemClock))?)
}

/// The sink of webhooks.
pub(crate) fn webhooks(config: &Config, net: &Net, public_url: &str) -> Result<WebhookSink> {
    let Deliveries { connect_timeout, timeout, .. } = config.deliveries;
    let limits = WebhookConfig { connect_timeout, timeout };
    Ok(WebhookSink::new(net, Arc::new(SystemClock), public_url.to_owned(), limits)?)
}

/// Judges the URLs callers give by the egress guard, as far as they can be judged before they are dialled.
pub(crate) fn url_check(net: &Net) -> UrlCheck {
    let guard = net.guard();
    UrlCheck::new(move |raw| {
        let url = Url::parse(raw).map_err(|e| e.to_string())?;
        guard.check_url(&url).map_err(|e| e.to_string())
    })
}

fn retry(deliveries: &Deliveries) -> RetryPolicy {
    RetryPolicy {
        first_pause: deliveries.first_retry,
        longest_pause: deliveries.longest_retry,
        give_up_after: deliveries.give_up_after,
        attempts: deliveries.max_attempts,
        ..RetryPolicy::default()
    }
}

fn retention(keep: &Keep) -> RetentionPolicy {
    RetentionPolicy {
        messages: keep.messages,
        events: keep.events,
        events_bytes: keep.events_bytes,
        dead: keep.dead,
        dead_bytes: keep.dead_bytes,
    }
}

/// What servers are trusted by: the web's roots, the configured ones, and these.
pub(crate) fn tls(config: &Config, more_pem: Option<&str>) -> Result<Tls> {
    let mut roots = Roots::web();
    if let Some(file) = &config.extra_ca_file {
        roots.add_file(file).context("WHARF_EXTRA_CA_FILE cannot be used")?;
    }
    if let Some(pem) = more_pem {
        roots.add_pem(pem.as_bytes())?;
    }
    Ok(Tls::new(roots))
}
