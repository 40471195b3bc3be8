use std::fmt;

use thiserror::Error;
use url::Host;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// HTTP `CONNECT` in the clear.
    Http,
    /// HTTP `CONNECT` inside TLS to the proxy.
    Https,
    /// SOCKS version 5.
    Socks5,
}

impl fmt::Display for ProxyProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Socks5 => "SOCKS5",
        })
    }
}

/// A proxy that talks to the outside in our place. It also resolves the names of those it calls,
/// so that a name look-up does not give away what goes through it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) protocol: ProxyProtocol,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) is_trusted: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: String,
}

/// Why proxy settings make no proxy.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadProxy {
    /// Neither a name nor an address.
    #[error("host must be a name or an IP address")]
    Host,
    /// Zero.
    #[error("port must be 1 to 65535")]
    Port,
    /// What SOCKS5 cannot carry (RFC 1929) or what HTTP cannot separate (RFC 7617).
    #[error("username must be 1 to 255 bytes without a colon, password at most 255 bytes")]
    Credentials,
}

impl Proxy {
    /// A proxy without credentials. IPv6 hosts come with or without brackets.
    pub fn new(protocol: ProxyProtocol, host: &str, port: u16) -> Result<Self, BadProxy> {
        let bracketed = if host.contains(':') && !host.starts_with('[') {
            Host::parse(&format!("[{host}]"))
        } else {
            Host::parse(host)
        };
        let host = bracketed.map_err(|_| BadProxy::Host)?;
        if port == 0 {
            return Err(BadProxy::Port);
        }
        Ok(Self { protocol, host, port, credentials: None, is_trusted: false })
    }

    /// The same proxy with a user name and password to show to it.
    pub fn with_credentials(mut self, username: &str, password: &str) -> Result<Self, BadProxy> {
        let carriable = (1..=255).contains(&username.len())
            && !username.contains(':')
            && password.len() <= 255
            // RFC 1929 wants at least one byte.
            && (self.protocol != ProxyProtocol::Socks5 || !password.is_empty());
        if !carriable {
            return Err(BadProxy::Credentials);
        }
        let (username, password) = (username.to_owned(), password.to_owned());
        self.credentials = Some(Credentials { username, password });
        Ok(self)
    }

    /// The same proxy, chosen by whoever runs the server and not by a user: the egress guard has no say about its
    /// address.
    #[must_use]
    pub fn trusted(self) -> Self {
        Self { is_trusted: true, ..self }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("credentials", &self.credentials.as_ref().map(|_| "hidden"))
            .field("is_trusted", &self.is_trusted)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for host in ["proxy.example.com", "10.0.0.1", "::1", "[::1]"] {
            assert!(Proxy::new(ProxyProtocol::Http, host, 3128).is_ok(), "{host}");
        }
        for host in ["", "a b", "http://proxy", "user@proxy", "proxy:3128"] {
            let refusal = Proxy::new(ProxyProtocol::Http, host, 3128).unwrap_err();
            assert_eq!(refusal, BadProxy::Host, "{host}");
        }
        let refusal = Proxy::new(ProxyProtocol::Http, "proxy", 0).unwrap_err();
        assert_eq!(refusal, BadProxy::Port);
    }

    #[test]
    fn credentials_that_cannot_be_sent_are_refused() {
        let proxy = Proxy::new(ProxyProtocol::Socks5, "proxy", 1080).unwrap();
        let long = "x".repeat(256);
        for (username, password) in [("", "p"), ("a:b", "p"), (&long, "p"), ("u", &long), ("u", "")]
        {
            let refusal = proxy.clone().with_credentials(username, password).unwrap_err();
            assert_eq!(refusal, BadProxy::Credentials);
        }
    }

    #[test]
    fn debug_shows_no_credentials() {
        let proxy = Proxy::new(ProxyProtocol::Https, "proxy.test", 8443)
            .unwrap()
            .with_credentials("operator", "s3cret")
            .unwrap();
        let shown = format!("{proxy:?}");
        assert!(shown.contains("proxy.test") && shown.contains("8443"), "{shown}");
        assert!(!shown.contains("operator") && !shown.contains("s3cret"), "{shown}");
    }
}
