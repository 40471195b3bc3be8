use crate::Network;

/// How the API behaves where a deployment may choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many requests a minute one token, or one address without a known token, may make; 0 is no limit.
    pub rate_limit: u32,
    /// How many of them may create an instance; 0 is no limit of its own.
    pub rate_limit_create: u32,
    /// The largest body accepted, in bytes.
    pub max_body: usize,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The version that `/health` tells.
    pub version: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rate_limit: 100,
            rate_limit_create: 20,
            max_body: 64 * 1024 * 1024,
            trusted_proxies: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
