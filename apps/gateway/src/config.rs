//! The configuration, read once and checked.

mod events;
mod shown;
mod values;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use wharf_domain::{proxy::ProxyConfig, secret::Secret, token::Token};
use wharf_http_ryze::Network;
use wharf_net::Egress;
use wharf_seal::MasterKey;

use crate::settings::Settings;

pub use self::events::{Deliveries, Keep};

use self::{
    events::time,
    values::{
        base_url, database_url, device_name, limit, log_format, metrics_token, named, networks,
        optional, proxy_url, s3_addressing, s3_urls, size, unless_unlimited,
    },
};

/// The libraries speak up when something fails.
const DEFAULT_LOG: &str = "error,wharf=info";

const DEFAULT_MAX_BODY: usize = 64 << 20;
const DEFAULT_MEDIA_MAX: u64 = 64 << 20;
const DEFAULT_MEDIA_BASE64_MAX: u64 = 16 << 20;

/// The configuration of a gateway.
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where files are kept.
    pub data_dir: PathBuf,
    /// The database; may hold a password.
    pub database_url: Secret,
    /// The master key, when it is not in a file.
    pub encryption_key: Option<MasterKey>,
    /// The token of the first account.
    pub account_token: Option<Token>,
    /// How many instances a new account may own.
    pub account_quota: Option<u32>,
    /// Where callers reach this server; without a slash at the end. `None` follows from where it listens.
    pub base_url: Option<String>,
    /// Requests a minute and token; `None` is without limit.
    pub rate_limit: Option<u32>,
    /// Creations of instances a minute and token; `None` is without limit.
    pub rate_limit_create: Option<u32>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// The largest media that is sent, in bytes.
    pub media_max: u64,
    /// The largest media that is told as base64, in bytes.
    pub media_base64_max: u64,
    /// How buckets are reached and linked to.
    pub s3: wharf_media_s3::Config,
    /// The way out of instances that have none of their own; may hold a password.
    pub proxy: Option<ProxyConfig>,
    /// How events are delivered.
    pub deliveries: Deliveries,
    /// What is kept, and for how long.
    pub keep: Keep,
    /// More root certificates.
    pub extra_ca_file: Option<PathBuf>,
    /// Where user-given URLs may lead.
    pub egress: Egress,
    /// The name phones show for linked devices.
    pub device_name: String,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Where the measures are served by themselves.
    pub metrics_listen: Option<SocketAddr>,
    /// What whoever reads the measures has to know.
    pub metrics_token: Option<Secret>,
    /// How long an orderly end may take.
    pub shutdown_timeout: Duration,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Checks settings and fills in defaults. An error names the setting as the environment spells it, and never
    /// repeats a secret.
    pub fn parse(settings: &Settings) -> anyhow::Result<Self> {
        let data_dir = PathBuf::from(settings.data_dir.as_deref().unwrap_or("./data"));
        let database_url =
            optional("database_url", settings.database_url.as_deref(), database_url)?;
        let database_url = database_url
            .unwrap_or_else(|| format!("sqlite://{}", data_dir.join("wharf.db").display()));
        Ok(Self {
            listen: named(
                "listen",
                settings.listen.as_deref().unwrap_or("127.0.0.1:8080").parse(),
            )?,
            database_url: Secret::new(database_url),
            encryption_key: optional(
                "encryption_key",
                settings.encryption_key.as_deref(),
                MasterKey::parse,
            )?,
            account_token: optional("account_token", settings.account_token.as_deref(), |t| {
                Token::parse(t)
            })?,
            account_quota: optional(
                "account_quota",
                settings.account_quota.as_deref(),
                unless_unlimited,
            )?
            .flatten(),
            base_url: optional("base_url", settings.base_url.as_deref(), base_url)?,
            rate_limit: limit("rate_limit", settings.rate_limit.as_deref(), 100)?,
            rate_limit_create: limit(
                "rate_limit_create",
                settings.rate_limit_create.as_deref(),
                20,
            )?,
            trusted_proxies: optional(
                "trusted_proxies",
                settings.trusted_proxies.as_deref(),
                networks,
            )?
            .unwrap_or_default(),
            max_body: optional("max_body", settings.max_body.as_deref(), size)?
                .unwrap_or(DEFAULT_MAX_BODY),
            media_max: optional("media_max", settings.media_max.as_deref(), size)?
                .map_or(DEFAULT_MEDIA_MAX, |size| size as u64),
            media_base64_max: optional(
                "media_base64_max",
                settings.media_base64_max.as_deref(),
                size,
            )?
            .map_or(DEFAULT_MEDIA_BASE64_MAX, |size| size as u64),
            s3: wharf_media_s3::Config {
                urls: optional("s3_urls", settings.s3_urls.as_deref(), s3_urls)?
                    .unwrap_or_default(),
                addressing: optional(
                    "s3_addressing",
                    settings.s3_addressing.as_deref(),
                    s3_addressing,
                )?
                .unwrap_or_default(),
            },
            proxy: optional("proxy_url", settings.proxy_url.as_deref(), proxy_url)?,
            deliveries: Deliveries::parse(settings)?,
            keep: Keep::parse(settings)?,
            extra_ca_file: settings.extra_ca_file.as_ref().map(PathBuf::from),
            egress: optional("egress", settings.egress.as_deref(), str::parse)?.unwrap_or_default(),
            device_name: optional("device_name", settings.device_name.as_deref(), device_name)?
                .unwrap_or_else(|| "Wharf".to_owned()),
            log: settings.log.clone().unwrap_or_else(|| DEFAULT_LOG.to_owned()),
            log_format: optional("log_format", settings.log_format.as_deref(), log_format)?
                .unwrap_or_default(),
            metrics_listen: optional(
                "metrics_listen",
                settings.metrics_listen.as_deref(),
                str::parse,
            )?,
            metrics_token: optional(
                "metrics_token",
                settings.metrics_token.as_deref(),
                metrics_token,
            )?,
            shutdown_timeout: time(
                "shutdown_timeout",
                settings.shutdown_timeout.as_deref(),
                Duration::from_secs(30),
                Duration::from_secs(1)..=Duration::from_hours(1),
            )?,
            data_dir,
        })
    }

    /// Where callers reach this server, given where it listens.
    #[must_use]
    pub fn public_url(&self, listening: SocketAddr) -> String {
        self.base_url.clone().unwrap_or_else(|| format!("http://{listening}"))
    }
}

#[cfg(test)]
mod tests;
