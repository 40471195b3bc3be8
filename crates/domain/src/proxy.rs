//! The way out of an instance.

use crate::{Error, Result, secret::Secret};

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// HTTP `CONNECT` in the clear.
    Http,
    /// HTTP `CONNECT` inside TLS.
    Https,
    /// SOCKS5; names are resolved at the proxy.
    Socks5,
}

impl ProxyProtocol {
    /// Accepts the contract's spellings, in whichever case.
    pub fn parse(raw: &str) -> Result<Self> {
        match raw.trim().to_ascii_lowercase().as_str() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            "socks5" => Ok(Self::Socks5),
            _ => Err(Error::invalid("proxyProtocol", "must be `http`, `https` or `socks5`")),
        }
    }

    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
        }
    }
}

/// A proxy that all of an instance's talk with WhatsApp goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyConfig {
    /// How it is spoken to.
    pub protocol: ProxyProtocol,
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whom to log in as, when it asks.
    pub username: Option<String>,
    /// The password that goes with it; never given back.
    pub password: Option<Secret>,
}

impl ProxyConfig {
    /// Puts a proxy together from what a caller sent. Empty credentials count as none.
    pub fn parse(
        protocol: &str,
        host: &str,
        port: &str,
        username: Option<String>,
        password: Option<String>,
    ) -> Result<Self> {
        let protocol = ProxyProtocol::parse(protocol)?;
        let host = host.trim();
        let plain = host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
        if host.is_empty() || host.len() > 253 || !plain {
            return Err(Error::invalid("proxyHost", "must be a host name or an address"));
        }
        let port = port
            .trim()
            .parse::<u16>()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(Error::invalid("proxyPort", "must be a number from 1 to 65535"))?;
        let username = parse_credential("proxyUsername", username)?;
        let password = parse_credential("proxyPassword", password)?;
        if username.is_none() && password.is_some() {
            return Err(Error::invalid("proxyUsername", "is required with a password"));
        }
        let password = password.map(Secret::new);
        Ok(Self { protocol, host: host.to_owned(), port, username, password })
    }
}

fn parse_credential(field: &'static str, raw: Option<String>) -> Result<Option<String>> {
    let given = raw.filter(|text| !text.is_empty());
    match &given {
        Some(text) if text.len() > 255 || text.chars().any(char::is_control) => {
            Err(Error::invalid(field, "must have at most 255 bytes and no control characters"))
        }
        _ => Ok(given),
    }
}
