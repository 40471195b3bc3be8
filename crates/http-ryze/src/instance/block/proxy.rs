use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{Result, proxy::ProxyConfig};

use crate::config::UrlCheck;

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
    #[schema(value_type = Option<ProxyProtocolName>)]
    proxy_protocol: Option<String>,
    /// Whom to log in as.
    proxy_username: Option<String>,
    /// Never given back.
    proxy_password: Option<String>,
}

impl ProxyBlock {
    /// The proxy, when there shall be one.
    pub(crate) fn parse(self, urls: &UrlCheck) -> Option<Result<ProxyConfig>> {
        self.proxy_enabled.unwrap_or(false).then(|| {
            let proxy = ProxyConfig::parse(
                self.proxy_protocol.as_deref().unwrap_or_default(),
                self.proxy_host.as_deref().unwrap_or_default(),
                self.proxy_port.as_deref().unwrap_or_default(),
                self.proxy_username,
                self.proxy_password,
            )?;
            check(&proxy, urls).map(|()| proxy)
        })
    }
}

/// Refuses a proxy that the server may not talk to.
pub(crate) fn check(proxy: &ProxyConfig, urls: &UrlCheck) -> Result<()> {
    let (host, port) = (&proxy.host, proxy.port);
    let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
    let host = if is_bare_ipv6 { format!("[{host}]") } else { host.clone() };
    urls.check("proxyHost", &format!("http://{host}:{port}"))
}

/// How a proxy is spoken to.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "read by the OpenAPI generator alone")]
pub(crate) enum ProxyProtocolName {
    /// `CONNECT` in the clear.
    Http,
    /// `CONNECT` inside TLS.
    Https,
    /// Names are resolved at the proxy.
    Socks5,
}
