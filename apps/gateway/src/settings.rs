//! Every setting, as it is written: in a file, in the environment, or as a flag.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{anyhow, bail};
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
    value::Dict,
};
use serde::{Deserialize, Deserializer, Serialize};

/// What every environment variable of the gateway begins with.
pub const ENV_PREFIX: &str = "WHARF_";

/// Declares each setting once: the flag, the key in the file and the name in the environment follow from it.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $placeholder:literal = $default:literal,)+) => {
        /// The settings as they are written; absent is `None`.
        #[derive(Clone, Default, clap::Args, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            $(
                $(#[doc = $doc])+
                #[arg(long, global = true, value_name = $placeholder, help_heading = "Settings")]
                #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
                pub $name: Option<String>,
            )+
        }

        impl Settings {
            /// Name, default and meaning of every setting, for the reference.
            pub const REFERENCE: &[(&str, &str, &str)] =
                &[$((stringify!($name), $default, concat!($($doc, "\n"),+)),)+];
        }
    };
}

settings! {
    /// Where to listen.
    listen: "ADDRESS:PORT" = "`127.0.0.1:8080`",
    /// Where the SQLite file, the key file and the lock are kept.
    data_dir: "DIR" = "`./data`",
    /// `sqlite://…`, or `postgres://user:password@host/database`.
    database_url: "URL" = "SQLite in the data directory",
    /// The master key: 32 bytes as base64 or hex. Without it a file `master.key` is made in the data directory.
    encryption_key: "KEY" = "from the file",
    /// The token of the first account. On an empty database it is given to a new account `default`, on a filled one it
    /// must be the token of one of the accounts.
    account_token: "TOKEN" = "made and printed once",
    /// How many instances a new account may own.
    account_quota: "N" = "unlimited",
    /// The URL under which callers reach this server, as events repeat it.
    base_url: "URL" = "`http://` and the listening address",
    /// Requests a minute and token; 0 switches the limit off.
    rate_limit: "N" = "`100`",
    /// Creations of instances a minute and token; 0 switches the limit off.
    rate_limit_create: "N" = "`20`",
    /// Networks whose `X-Forwarded-For` is believed, as a comma list of addresses or CIDR blocks.
    trusted_proxies: "NETWORKS" = "none",
    /// The largest request body, in bytes or with `KiB`, `MiB`, `GiB`. Where media is sent, one that holds the largest
    /// media as base64 is taken too.
    max_body: "SIZE" = "`64MiB`",
    /// The largest media that is sent, from a body or from a URL, with units as above.
    media_max: "SIZE" = "`64MiB`",
    /// The largest media that is told as base64, to webhooks that ask for it and by `/api/chat/base64`.
    media_base64_max: "SIZE" = "`16MiB`",
    /// How events link to media in an instance's bucket: `presigned`, good for seven days, or `plain`, for buckets that are
    /// open to all.
    s3_urls: "KIND" = "`presigned`",
    /// Where S3 servers other than AWS want the bucket's name: in the `path`, or as `virtual-host` in front of their own.
    s3_addressing: "KIND" = "`path`",
    /// The proxy that instances without one of their own talk to WhatsApp through: `http://`, `https://` or `socks5://`,
    /// with `user:password@` where it asks for them. No answer of the API shows it.
    proxy_url: "URL" = "none",
    /// How long connecting to a webhook's receiver may take, such as `5s` or `500ms`.
    webhook_connect_timeout: "DURATION" = "`5s`",
    /// How long one attempt at a webhook may take in all. Where media is sent along, its size adds the time it takes to travel.
    webhook_timeout: "DURATION" = "`30s`",
    /// The pause after the first failed attempt at a delivery; each further one doubles it.
    webhook_first_retry: "DURATION" = "`5s`",
    /// The longest pause between attempts, also when the receiver asks for a longer one.
    webhook_longest_retry: "DURATION" = "`1h`",
    /// How long a delivery waits between attempts, added up, until it is given up and becomes a dead letter. While nothing
    /// at all gets through to its receiver, no time is counted.
    webhook_give_up_after: "DURATION" = "`24h`",
    /// How often a delivery is tried until it is given up, however short the time was.
    webhook_max_attempts: "N" = "`unlimited`",
    /// How many requests one receiver (host and port) is sent at once.
    webhook_concurrency: "N" = "`16`",
    /// How long messages are kept, such as `90d` or `12h`; at most ten years.
    message_retention: "DURATION" = "`unlimited`",
    /// How long events are kept for replays, and for readers that come back. What is still to be delivered stays
    /// however old it is.
    event_retention: "DURATION" = "`30d`",
    /// How large all kept events together may be; beyond that the oldest go. With units as above, or `unlimited`.
    event_max_size: "SIZE" = "`10GiB`",
    /// How long dead letters are kept, with their events.
    dead_letter_retention: "DURATION" = "`30d`",
    /// How large the events of all dead letters together may be; beyond that the oldest go.
    dead_letter_max_size: "SIZE" = "`1GiB`",
    /// A PEM file of root certificates to trust besides the web's.
    extra_ca_file: "FILE" = "none",
    /// Where user-given URLs may lead: `open`, or `public-only` to refuse private and loopback addresses. Link-local and
    /// cloud-metadata addresses are refused always.
    egress: "POLICY" = "`open`",
    /// The name phones show for this linked device.
    device_name: "NAME" = "`Wharf`",
    /// What is logged, in the syntax of `tracing`'s `EnvFilter`.
    log: "FILTER" = "`error,wharf=info`",
    /// How it is logged: as `text` for people, or as `json`, one object a line.
    log_format: "FORMAT" = "`text`",
    /// Where to serve `/metrics` by itself, without a token unless one is set. Let nobody reach it but your monitoring.
    metrics_listen: "ADDRESS:PORT" = "not served",
    /// The token that `/metrics` asks for, as `Authorization: Bearer …`; at least 16 characters. Once it is set, the main address
    /// serves `/metrics` too.
    metrics_token: "TOKEN" = "none",
    /// How long the end may take once it was asked for, until what is still under way is left.
    shutdown_timeout: "DURATION" = "`30s`",
}

/// A text, or a scalar of the file as its text; a list becomes a comma list.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    use figment::value::Value;
    fn as_text(value: Value) -> Option<String> {
        match value {
            Value::String(_, text) => Some(text),
            Value::Bool(_, flag) => Some(flag.to_string()),
            Value::Num(_, number) => number
                .to_i128()
                .map(|n| n.to_string())
                .or_else(|| number.to_u128().map(|n| n.to_string()))
                .or_else(|| number.to_f64().map(|n| n.to_string())),
            Value::Array(_, items) => {
                items.into_iter().map(as_text).collect::<Option<Vec<_>>>().map(|t| t.join(","))
            }
            _ => None,
        }
    }
    let value = <Value as Deserialize>::deserialize(deserializer)?;
    as_text(value).map(Some).ok_or_else(|| serde::de::Error::custom("must be a text"))
}

impl Settings {
    /// Reads the settings: from the file, if one is named, then the environment, then the flags; the later wins.
    ///
    /// A key nobody knows is refused, in the file and in the environment, since it is most likely a misspelt one.
    pub fn read(
        file: Option<PathBuf>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Self,
    ) -> anyhow::Result<Self> {
        let mut figment = Figment::new();
        if let Some(file) = file {
            // `file_exact`, so that a file that is not there is an error and not a default.
            figment = figment.merge(Toml::file_exact(&file));
            let written: Dict = figment.extract().map_err(|e| {
                // What follows the first line repeats the file, which may hold secrets.
                let reason = e.to_string().lines().next().unwrap_or_default().to_owned();
                anyhow!("{} cannot be read: {reason}", file.display())
            })?;
            if let Some(unknown) = written.keys().find(|key| !is_known(key)) {
                bail!("`{unknown}` in {} is not a setting", file.display());
            }
        }
        // By hand, because figment's own reader turns what looks like a number into one and a key of digits would
        // lose its leading zeros.
        let mut settings = BTreeMap::new();
        for (variable, value) in environment {
            let Some(name) = variable.strip_prefix(ENV_PREFIX) else { continue };
            if value.is_empty() || is_from_kubernetes(name, &value) {
                continue;
            }
            let key = name.to_ascii_lowercase();
            if !is_known(&key) {
                bail!("{variable} in the environment is not a setting");
            }
            settings.insert(key, value);
        }
        let settings = figment
            .merge(Serialized::defaults(settings))
            .merge(Serialized::defaults(flags))
            .extract()?;
        Ok(settings)
    }
}

fn is_known(key: &str) -> bool {
    Settings::REFERENCE.iter().any(|(name, ..)| *name == key)
}

/// Whether a variable is one of those that Kubernetes gives every container for a service called `wharf`.
fn is_from_kubernetes(name: &str, value: &str) -> bool {
    // `WHARF_PORT` alone may also be what somebody takes for the listening port.
    name.starts_with("SERVICE_")
        || name.starts_with("PORT_")
        || name == "PORT" && value.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("wharf.toml");
        let toml = "listen = \"a\"\nlog = \"a\"\nrate_limit = 7\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n";
        std::fs::write(&file, toml).unwrap();
        let flags = Settings { listen: Some("c".to_owned()), ..Settings::default() };
        let env = environment(&[("WHARF_LISTEN", "b"), ("WHARF_LOG", "b"), ("PATH", "x")]);
        let read = Settings::read(Some(file), env, &flags).unwrap();
        assert_eq!(read.listen.as_deref(), Some("c"));
        assert_eq!(read.log.as_deref(), Some("b"));
        assert_eq!(read.rate_limit.as_deref(), Some("7"));
        assert_eq!(read.trusted_proxies.as_deref(), Some("10.0.0.0/8,::1"));
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let env = environment(&[("WHARF_LISTN", "b")]);
        let refusal = Settings::read(None, env, &Settings::default()).err().unwrap();
        assert_eq!(refusal.to_string(), "WHARF_LISTN in the environment is not a setting");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("wharf.toml");
        std::fs::write(&file, "[server]\nlisten = \"a\"\n").unwrap();
        let refusal = Settings::read(Some(file), [], &Settings::default()).err().unwrap();
        assert!(refusal.to_string().starts_with("`server` in "), "{refusal}");
        assert!(Settings::read(Some("no/such/file".into()), [], &Settings::default()).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("wharf.toml");
        std::fs::write(&file, "log = \"a\"\nencryption_key = hunter2\n").unwrap();
        let refusal = Settings::read(Some(file), [], &Settings::default()).err().unwrap();
        let text = format!("{refusal:?}");
        assert!(text.contains("wharf.toml") && text.contains("line 2"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_key_of_digits_stays_what_it_is() {
        let env = environment(&[("WHARF_ENCRYPTION_KEY", "000123")]);
        let read = Settings::read(None, env, &Settings::default()).unwrap();
        assert_eq!(read.encryption_key.as_deref(), Some("000123"));
    }

    #[test]
    fn what_kubernetes_says_of_a_service_called_wharf_is_passed_over() {
        let env = environment(&[
            ("WHARF_SERVICE_HOST", "10.0.0.7"),
            ("WHARF_SERVICE_PORT", "8080"),
            ("WHARF_SERVICE_PORT_HTTP", "8080"),
            ("WHARF_PORT", "tcp://10.0.0.7:8080"),
            ("WHARF_PORT_8080_TCP", "tcp://10.0.0.7:8080"),
            ("WHARF_PORT_8080_TCP_ADDR", "10.0.0.7"),
            ("WHARF_LISTEN", "0.0.0.0:8080"),
        ]);
        let read = Settings::read(None, env, &Settings::default()).unwrap();
        assert_eq!(read.listen.as_deref(), Some("0.0.0.0:8080"));
        let env = environment(&[("WHARF_PORT", "8080")]);
        let refusal = Settings::read(None, env, &Settings::default()).err().unwrap();
        assert!(refusal.to_string().contains("WHARF_PORT"), "{refusal}");
    }
}
