use std::{fmt, sync::Arc};

use crate::Network;

/// How the API behaves where a deployment may choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many requests a minute one token, or one address without a known token, may make; 0 is no limit.
    pub rate_limit: u32,
    /// How many of them may create an instance; 0 is no limit of its own.
    pub rate_limit_create: u32,
    /// The largest body accepted, in bytes; where media is sent, one that holds the largest file there may be is accepted too.
    pub max_body: usize,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The version that `/health` tells.
    pub version: String,
    /// Where callers and browsers reach the server, without a slash at the end.
    pub public_url: String,
    /// What has a say in the URLs that callers configure.
    pub url_check: UrlCheck,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rate_limit: 100,
            rate_limit_create: 20,
            max_body: 64 * 1024 * 1024,
            trusted_proxies: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            public_url: "http://localhost:8080".to_owned(),
            url_check: UrlCheck::default(),
        }
    }
}

/// Says whether a URL that a caller configures may be used, or why not. What a name leads to is nobody's business here: that
/// is judged when it is dialled.
#[derive(Clone)]
pub struct UrlCheck(Arc<Check>);

type Check = dyn Fn(&str) -> Result<(), String> + Send + Sync;

impl UrlCheck {
    /// Asks `check`.
    pub fn new(check: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Refuses `field` when its URL may not be used.
    pub(crate) fn check(&self, field: &'static str, url: &str) -> wharf_domain::Result<()> {
        (self.0)(url).map_err(|reason| {
            wharf_domain::Error::invalid(field, format!("is off limits: {reason}"))
        })
    }
}

impl Default for UrlCheck {
    /// Lets every URL pass.
    fn default() -> Self {
        Self::new(|_| Ok(()))
    }
}

impl fmt::Debug for UrlCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlCheck(..)")
    }
}
