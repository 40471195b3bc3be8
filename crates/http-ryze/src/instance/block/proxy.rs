use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{Result, proxy::ProxyConfig};

/// Its way out.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProxyBlock {
    /// Whether it has its own proxy.
    proxy_enabled: Option<bool>,
    /// Host name or address.
    proxy_host: Option<String>,
    /// The port, as text.
    #[schema(example = "1080")]
    proxy_port: Option<String>,
    /// `http`, `https` or `socks5`.
    proxy_protocol: Option<String>,
    /// Whom to log in as.
    proxy_username: Option<String>,
    /// Never given back.
    proxy_password: Option<String>,
}

impl ProxyBlock {
    /// The proxy, when there shall be one.
    pub(crate) fn parse(self) -> Option<Result<ProxyConfig>> {
        self.proxy_enabled.unwrap_or(false).then(|| {
            ProxyConfig::parse(
                self.proxy_protocol.as_deref().unwrap_or_default(),
                self.proxy_host.as_deref().unwrap_or_default(),
                self.proxy_port.as_deref().unwrap_or_default(),
                self.proxy_username,
                self.proxy_password,
            )
        })
    }
}
