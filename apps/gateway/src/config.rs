//! The configuration, read once and checked.

mod values;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use wharf_domain::{proxy::ProxyConfig, secret::Secret, token::Token};
use wharf_http_ryze::Network;
use wharf_media_s3::{Addressing, Urls};
use wharf_net::Egress;
use wharf_seal::MasterKey;

use crate::settings::Settings;

use self::values::{
    base_url, database_url, device_name, limit, named, networks, optional, proxy_url, retention,
    s3_addressing, s3_urls, size, unless_unlimited, without_password,
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
    /// How long messages and delivered events are kept; `None` is for ever.
    pub message_retention: Option<Duration>,
    /// More root certificates.
    pub extra_ca_file: Option<PathBuf>,
    /// Where user-given URLs may lead.
    pub egress: Egress,
    /// The name phones show for linked devices.
    pub device_name: String,
    /// What is logged.
    pub log: String,
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
            message_retention: optional(
                "message_retention",
                settings.message_retention.as_deref(),
                retention,
            )?
            .flatten(),
            extra_ca_file: settings.extra_ca_file.as_ref().map(PathBuf::from),
            egress: optional("egress", settings.egress.as_deref(), str::parse)?.unwrap_or_default(),
            device_name: optional("device_name", settings.device_name.as_deref(), device_name)?
                .unwrap_or_else(|| "Wharf".to_owned()),
            log: settings.log.clone().unwrap_or_else(|| DEFAULT_LOG.to_owned()),
            data_dir,
        })
    }

    /// Where callers reach this server, given where it listens.
    #[must_use]
    pub fn public_url(&self, listening: SocketAddr) -> String {
        self.base_url.clone().unwrap_or_else(|| format!("http://{listening}"))
    }
}

/// The effective configuration with secrets masked, one setting a line.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = |set: bool| if set { "(set)" } else { "(not set)" };
        let unlimited = |limit: Option<u32>| {
            limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
        };
        let networks: Vec<_> = self.trusted_proxies.iter().map(ToString::to_string).collect();
        writeln!(f, "listen = {}", self.listen)?;
        writeln!(f, "data_dir = {}", self.data_dir.display())?;
        writeln!(f, "database_url = {}", without_password(self.database_url.expose()))?;
        writeln!(f, "encryption_key = {}", masked(self.encryption_key.is_some()))?;
        writeln!(f, "account_token = {}", masked(self.account_token.is_some()))?;
        writeln!(f, "account_quota = {}", unlimited(self.account_quota))?;
        writeln!(f, "base_url = {}", self.public_url(self.listen))?;
        writeln!(f, "rate_limit = {}", unlimited(self.rate_limit))?;
        writeln!(f, "rate_limit_create = {}", unlimited(self.rate_limit_create))?;
        writeln!(f, "trusted_proxies = {}", networks.join(","))?;
        writeln!(f, "max_body = {}", self.max_body)?;
        writeln!(f, "media_max = {}", self.media_max)?;
        writeln!(f, "media_base64_max = {}", self.media_base64_max)?;
        let urls = match self.s3.urls {
            Urls::Presigned => "presigned",
            Urls::Plain => "plain",
        };
        writeln!(f, "s3_urls = {urls}")?;
        let addressing = match self.s3.addressing {
            Addressing::Path => "path",
            Addressing::VirtualHost => "virtual-host",
        };
        writeln!(f, "s3_addressing = {addressing}")?;
        writeln!(f, "proxy_url = {}", masked(self.proxy.is_some()))?;
        let retention =
            self.message_retention.map(|keep| humantime::format_duration(keep).to_string());
        writeln!(f, "message_retention = {}", retention.as_deref().unwrap_or("unlimited"))?;
        let ca = self.extra_ca_file.as_ref().map(|file| file.display().to_string());
        writeln!(f, "extra_ca_file = {}", ca.unwrap_or_default())?;
        let egress = match self.egress {
            Egress::Open => "open",
            Egress::PublicOnly => "public-only",
        };
        writeln!(f, "egress = {egress}")?;
        writeln!(f, "device_name = {}", self.device_name)?;
        writeln!(f, "log = {}", self.log)
    }
}

#[cfg(test)]
mod tests {
    use wharf_domain::proxy::ProxyProtocol;

    use super::*;

    fn parse(set: impl FnOnce(&mut Settings)) -> anyhow::Result<Config> {
        let mut settings = Settings::default();
        set(&mut settings);
        Config::parse(&settings)
    }

    #[test]
    fn nothing_has_to_be_set() {
        let config = parse(|_| {}).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.database_url.expose(), "sqlite://./data/wharf.db");
        assert_eq!((config.rate_limit, config.rate_limit_create), (Some(100), Some(20)));
        assert_eq!(config.max_body, 64 * 1024 * 1024);
        assert_eq!((config.media_max, config.media_base64_max), (64 << 20, 16 << 20));
        assert!(config.proxy.is_none());
        assert_eq!(config.s3, wharf_media_s3::Config::default());
        assert_eq!(config.message_retention, None);
    }

    #[test]
    fn zero_switches_a_limit_off() {
        let config = parse(|s| s.rate_limit = Some("0".into())).unwrap();
        assert_eq!(config.rate_limit, None);
    }

    #[test]
    fn addresses_and_networks_are_trusted_alike() {
        let config = parse(|s| s.trusted_proxies = Some("10.0.0.0/8, ::1".into())).unwrap();
        let shown: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "::1/128"]);
    }

    #[test]
    fn a_refusal_names_the_setting_and_not_the_secret() {
        let refusal = parse(|s| s.encryption_key = Some("hunter2".into())).err().unwrap();
        let text = format!("{refusal:#}");
        assert!(text.contains("WHARF_ENCRYPTION_KEY"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        for (set, name) in [
            (Settings { listen: Some("x".into()), ..Settings::default() }, "WHARF_LISTEN"),
            (Settings { max_body: Some("5 MB".into()), ..Settings::default() }, "WHARF_MAX_BODY"),
            (Settings { egress: Some("all".into()), ..Settings::default() }, "WHARF_EGRESS"),
            (Settings { s3_urls: Some("open".into()), ..Settings::default() }, "WHARF_S3_URLS"),
            (
                Settings { base_url: Some("ftp://x".into()), ..Settings::default() },
                "WHARF_BASE_URL",
            ),
        ] {
            let text = format!("{:#}", Config::parse(&set).err().unwrap());
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let config = parse(|s| {
            s.database_url = Some("postgres://wharf:hunter2@localhost/wharf".into());
            s.account_token = Some("topsecret".into());
            s.encryption_key = Some("00".repeat(32));
            s.proxy_url = Some("http://way:through@10.1.2.3:3128".into());
        })
        .unwrap();
        let shown = config.to_string();
        assert!(shown.contains("postgres://wharf:***@localhost/wharf"), "{shown}");
        assert!(shown.contains("proxy_url = (set)"), "{shown}");
        for secret in ["hunter2", "topsecret", "way", "through", "10.1.2.3", &"00".repeat(32)] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_password_is_masked_wherever_it_stands() {
        for url in [
            "postgres://h/x?user=u&password=hunter2",
            "postgresql://h/x?PassWord=hunter2&sslmode=require",
            "postgres://u:hunter2@h/x?options=-c%20search_path%3Dy",
            "postgres://u:12/hunter2@h/x",
            "postgres://u:12?hunter2@h/x",
            "postgres://u:#hunter2@h/x",
            "sqlite://u:hunter2@h/x",
        ] {
            let config = parse(|s| s.database_url = Some(url.into())).unwrap();
            let shown = config.to_string();
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("***") || shown.contains("database_url = (set)"), "{shown}");
        }
    }

    #[test]
    fn a_database_is_a_url_of_a_known_kind() {
        for url in
            ["sqlite:wharf.db", "sqlite://a b/wharf.db", "sqlite::memory:", "postgresql://h/x"]
        {
            let config = parse(|s| s.database_url = Some(url.into())).unwrap();
            assert_eq!(config.database_url.expose(), url);
            assert!(config.to_string().contains(&format!("database_url = {url}\n")), "{config}");
        }
        for url in [
            "u:hunter2@h",
            "u:hunter2@h/x",
            "mysql://u:hunter2@h/x",
            "hunter2.db",
            "./hunter2.db",
            "postgres:u:hunter2@h/x",
            "postgres://u:hunter2/@h/x",
        ] {
            let refusal = parse(|s| s.database_url = Some(url.into())).err().unwrap();
            let text = format!("{refusal:#} {refusal:?}");
            assert!(text.contains("WHARF_DATABASE_URL"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_proxy_is_a_url_with_credentials_if_it_asks_for_any() {
        let proxy = |url: &str| parse(|s| s.proxy_url = Some(url.into())).map(|c| c.proxy.unwrap());
        let plain = proxy("http://proxy.example.com:3128").unwrap();
        assert_eq!((plain.host.as_str(), plain.port), ("proxy.example.com", 3128));
        assert_eq!((plain.username, plain.password.is_none()), (None, true));
        let full = proxy("socks5h://us%40er:p%3A%2F%40ss@[::1]").unwrap();
        assert_eq!(full.protocol, ProxyProtocol::Socks5);
        assert_eq!((full.host.as_str(), full.port), ("[::1]", 1080));
        assert_eq!(full.username.as_deref(), Some("us@er"));
        assert_eq!(full.password.unwrap().expose(), "p:/@ss");
        for url in
            ["ftp://u:hunter2@h", "hunter2", "http://u:hun/ter2@h:1", "http://h:1/?p=hunter2", ""]
        {
            let text = format!("{:#}", proxy(url).err().unwrap());
            assert!(text.contains("WHARF_PROXY_URL"), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("ter2"), "{text}");
        }
    }

    #[test]
    fn nothing_is_kept_for_centuries() {
        let keep = |keep: &str| parse(|s| s.message_retention = Some(keep.into()));
        assert!(keep("10y").unwrap().message_retention.is_some());
        assert_eq!(keep("unlimited").unwrap().message_retention, None);
        for too_long in ["11y", "300000y"] {
            let text = format!("{:#}", keep(too_long).err().unwrap());
            assert!(text.contains("WHARF_MESSAGE_RETENTION"), "{text}");
            assert!(text.contains("ten years"), "{text}");
        }
    }
}
