//! The configuration, read once and checked.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use wharf_domain::{secret::Secret, token::Token};
use wharf_http_ryze::Network;
use wharf_net::Egress;
use wharf_seal::MasterKey;

use crate::settings::{ENV_PREFIX, Settings};

/// The libraries speak up when something fails.
const DEFAULT_LOG: &str = "error,wharf=info";

/// Ten years. Times before the beginning of time cannot be reckoned with.
const LONGEST_RETENTION: Duration = Duration::from_hours(10 * 366 * 24);

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
            max_body: optional("max_body", settings.max_body.as_deref(), size)?.unwrap_or(64 << 20),
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

fn named<T, E>(key: &str, parsed: Result<T, E>) -> anyhow::Result<T>
where
    E: Into<anyhow::Error>,
{
    let name = format!("{ENV_PREFIX}{}", key.to_ascii_uppercase());
    parsed.map_err(Into::into).with_context(|| format!("{name} cannot be used"))
}

fn optional<T, E>(
    key: &str,
    raw: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> anyhow::Result<Option<T>>
where
    E: Into<anyhow::Error>,
{
    raw.map(str::trim).map(|raw| named(key, parse(raw))).transpose()
}

fn limit(key: &str, raw: Option<&str>, default: u32) -> anyhow::Result<Option<u32>> {
    let limit = optional(key, raw, str::parse)?.unwrap_or(default);
    Ok((limit > 0).then_some(limit))
}

fn unless_unlimited(raw: &str) -> anyhow::Result<Option<u32>> {
    if raw == "unlimited" { Ok(None) } else { Ok(Some(raw.parse()?)) }
}

fn retention(raw: &str) -> anyhow::Result<Option<Duration>> {
    if raw == "unlimited" {
        return Ok(None);
    }
    let keep = humantime::parse_duration(raw)?;
    if keep > LONGEST_RETENTION {
        bail!("must be at most ten years, or `unlimited`");
    }
    Ok(Some(keep))
}

/// The reasons do not repeat any of it: there may be a password where none is expected.
fn database_url(raw: &str) -> anyhow::Result<String> {
    if raw.starts_with("postgres://") || raw.starts_with("postgresql://") {
        url::Url::parse(raw)
            .context("is no PostgreSQL URL; is everything in it percent-encoded?")?;
    } else if !raw.starts_with("sqlite:") {
        bail!("must begin with `sqlite:` or `postgres:`");
    }
    Ok(raw.to_owned())
}

fn base_url(raw: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(raw)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        bail!("must be an http or https URL");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn networks(raw: &str) -> anyhow::Result<Vec<Network>> {
    let each = raw.split(',').map(str::trim).filter(|one| !one.is_empty());
    Ok(each.map(str::parse).collect::<Result<_, _>>()?)
}

fn size(raw: &str) -> anyhow::Result<usize> {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];
    for (unit, shift) in units {
        if let Some(number) = raw.strip_suffix(unit) {
            let number: usize = number.trim().parse()?;
            return number.checked_mul(1 << shift).filter(|n| *n > 0).context("out of range");
        }
    }
    bail!("must be a number of bytes")
}

fn device_name(raw: &str) -> anyhow::Result<String> {
    if raw.is_empty() || raw.chars().count() > 50 || raw.chars().any(char::is_control) {
        bail!("must have 1 to 50 characters");
    }
    Ok(raw.to_owned())
}

/// A database URL as it may be shown.
fn without_password(raw: &str) -> String {
    if raw.starts_with("sqlite:") && !raw.contains('@') {
        return raw.to_owned();
    }
    let hidden = || "(set)".to_owned();
    let Ok(mut url) = url::Url::parse(raw) else { return hidden() };
    // What stands behind an unescaped `/`, `?` or `#` of a password.
    if url.path().contains('@')
        || url.query().is_some_and(|q| q.contains('@'))
        || url.fragment().is_some()
    {
        return hidden();
    }
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return hidden();
    }
    let is_secret = |name: &str| name.to_ascii_lowercase().contains("password");
    if url.query_pairs().any(|(name, _)| is_secret(&name)) {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let masked = pairs.into_iter().map(|(name, value)| {
            let shown = if is_secret(&name) { "***".to_owned() } else { value };
            (name, shown)
        });
        url.query_pairs_mut().clear().extend_pairs(masked);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
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
        })
        .unwrap();
        let shown = config.to_string();
        assert!(shown.contains("postgres://wharf:***@localhost/wharf"), "{shown}");
        for secret in ["hunter2", "topsecret", &"00".repeat(32)] {
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
