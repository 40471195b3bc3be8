use wharf_domain::{Error, Result, proxy};
use wharf_net::{Proxy, ProxyProtocol};

/// The proxy as the network layer takes it.
pub(crate) fn from_settings(settings: &proxy::ProxyConfig) -> Result<Proxy> {
    let protocol = match settings.protocol {
        proxy::ProxyProtocol::Http => ProxyProtocol::Http,
        proxy::ProxyProtocol::Https => ProxyProtocol::Https,
        proxy::ProxyProtocol::Socks5 => ProxyProtocol::Socks5,
    };
    let unusable = |e| Error::ConnectFailed(format!("the proxy cannot be used: {e}"));
    let proxy = Proxy::new(protocol, &settings.host, settings.port).map_err(unusable)?;
    match &settings.username {
        None => Ok(proxy),
        Some(username) => {
            let password = settings.password.as_ref().map_or("", |password| password.expose());
            proxy.with_credentials(username, password).map_err(unusable)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_to_a_proxy_is_refused_without_showing_it() {
        let settings = proxy::ProxyConfig::parse(
            "socks5",
            "127.0.0.1",
            "1080",
            Some("hunter2:x".to_owned()),
            Some("hunter3".to_owned()),
        );
        let refusal = from_settings(&settings.unwrap()).unwrap_err().to_string();
        assert!(refusal.contains("the proxy cannot be used"), "{refusal}");
        assert!(!refusal.contains("hunter"), "{refusal}");
    }
}
