//! How single settings are read. A refusal never repeats a secret.

use std::time::Duration;

use anyhow::{Context, bail};
use percent_encoding::percent_decode_str;
use wharf_domain::{proxy::ProxyConfig, secret::Secret};
use wharf_http_ryze::Network;
use wharf_media_s3::{Addressing, Urls};

use crate::settings::ENV_PREFIX;

use super::LogFormat;

/// Ten years. Times before the beginning of time cannot be reckoned with.
const LONGEST_RETENTION: Duration = Duration::from_hours(10 * 366 * 24);

pub(super) fn named<T, E>(key: &str, parsed: Result<T, E>) -> anyhow::Result<T>
where
    E: Into<anyhow::Error>,
{
    let name = format!("{ENV_PREFIX}{}", key.to_ascii_uppercase());
    parsed.map_err(Into::into).with_context(|| format!("{name} cannot be used"))
}

pub(super) fn optional<T, E>(
    key: &str,
    raw: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> anyhow::Result<Option<T>>
where
    E: Into<anyhow::Error>,
{
    raw.map(str::trim).map(|raw| named(key, parse(raw))).transpose()
}

pub(super) fn limit(key: &str, raw: Option<&str>, default: u32) -> anyhow::Result<Option<u32>> {
    let limit = optional(key, raw, str::parse)?.unwrap_or(default);
    Ok((limit > 0).then_some(limit))
}

pub(super) fn unless_unlimited(raw: &str) -> anyhow::Result<Option<u32>> {
    if raw == "unlimited" { Ok(None) } else { Ok(Some(raw.parse()?)) }
}

pub(super) fn retention(raw: &str) -> anyhow::Result<Option<Duration>> {
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
pub(super) fn database_url(raw: &str) -> anyhow::Result<String> {
    if raw.starts_with("postgres://") || raw.starts_with("postgresql://") {
        url::Url::parse(raw)
            .context("is no PostgreSQL URL; is everything in it percent-encoded?")?;
    } else if !raw.starts_with("sqlite:") {
        bail!("must begin with `sqlite:` or `postgres:`");
    }
    Ok(raw.to_owned())
}

pub(super) fn base_url(raw: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(raw)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        bail!("must be an http or https URL");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

pub(super) fn networks(raw: &str) -> anyhow::Result<Vec<Network>> {
    let each = raw.split(',').map(str::trim).filter(|one| !one.is_empty());
    Ok(each.map(str::parse).collect::<Result<_, _>>()?)
}

pub(super) fn size(raw: &str) -> anyhow::Result<usize> {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];
    for (unit, shift) in units {
        if let Some(number) = raw.strip_suffix(unit) {
            let number = number.trim().parse::<usize>().ok();
            let number = number.context("must be a number of bytes, or of KiB, MiB or GiB")?;
            return number.checked_mul(1 << shift).filter(|n| *n > 0).context("out of range");
        }
    }
    bail!("must be a number of bytes")
}

pub(super) fn size_unless_unlimited(raw: &str) -> anyhow::Result<Option<u64>> {
    if raw == "unlimited" { Ok(None) } else { Ok(Some(size(raw)? as u64)) }
}

/// Long enough not to be guessed, and fit for a header.
pub(super) fn metrics_token(raw: &str) -> anyhow::Result<Secret> {
    if raw.len() < 16 || !raw.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("must have at least 16 letters, digits and signs, without spaces");
    }
    Ok(Secret::new(raw))
}

pub(super) fn log_format(raw: &str) -> anyhow::Result<LogFormat> {
    match raw {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => bail!("must be `text` or `json`"),
    }
}

pub(super) fn device_name(raw: &str) -> anyhow::Result<String> {
    if raw.is_empty() || raw.chars().count() > 50 || raw.chars().any(char::is_control) {
        bail!("must have 1 to 50 characters");
    }
    Ok(raw.to_owned())
}

/// A database URL as it may be shown.
pub(super) fn without_password(raw: &str) -> String {
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

/// A proxy as a URL. Its parts are taken from between their separators, so a password must be percent-encoded.
pub(super) fn proxy_url(raw: &str) -> anyhow::Result<ProxyConfig> {
    let url =
        url::Url::parse(raw).ok().context("is no URL; is everything in it percent-encoded?")?;
    let protocol = match url.scheme() {
        "socks5h" => "socks5",
        scheme => scheme,
    };
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !bare || url.as_str().matches('@').count() > 1 {
        bail!("must have nothing after host and port; is everything in it percent-encoded?");
    }
    let host = url.host_str().context("names no host")?;
    let port = url.port_or_known_default().unwrap_or(1080);
    let text = |part: &str| -> anyhow::Result<Option<String>> {
        let decoded = percent_decode_str(part).decode_utf8().ok();
        let decoded = decoded.context("has credentials that are not UTF-8")?;
        Ok((!decoded.is_empty()).then(|| decoded.into_owned()))
    };
    let (username, password) = (text(url.username())?, text(url.password().unwrap_or_default())?);
    Ok(ProxyConfig::parse(protocol, host, &port.to_string(), username, password)?)
}

/// How links to stored media are made.
pub(super) fn s3_urls(raw: &str) -> anyhow::Result<Urls> {
    match raw {
        "presigned" => Ok(Urls::Presigned),
        "plain" => Ok(Urls::Plain),
        _ => bail!("must be `presigned` or `plain`"),
    }
}

/// Where the bucket's name stands.
pub(super) fn s3_addressing(raw: &str) -> anyhow::Result<Addressing> {
    match raw {
        "path" => Ok(Addressing::Path),
        "virtual-host" => Ok(Addressing::VirtualHost),
        _ => bail!("must be `path` or `virtual-host`"),
    }
}
