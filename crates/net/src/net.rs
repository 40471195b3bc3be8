use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;

use crate::client::Route;
use crate::dialer::Dialer;
use crate::resolver::Lookup;
use crate::{
    Client, Egress, Error, Guard, Proxy, ProxyProtocol, Resolver, SystemResolver, Timeouts, Tls,
};

const USER_AGENT: &str = concat!("Wharf/", env!("CARGO_PKG_VERSION"));

/// Idle connections kept per host, and for how long: enough to deliver a burst of events without
/// a handshake each, few enough that thousands of receivers do not add up.
const IDLE_PER_HOST: usize = 16;
const IDLE_FOR: Duration = Duration::from_secs(30);

/// Makes every client and dialer of the process, all with the same TLS configuration, name
/// resolver and egress policy.
#[derive(Clone)]
pub struct Net {
    tls: Tls,
    guard: Guard,
    resolver: Arc<dyn Resolver>,
}

impl Net {
    /// Resolves names with the operating system.
    #[must_use]
    pub fn new(tls: Tls, egress: Egress) -> Self {
        Self { tls, guard: Guard::new(egress), resolver: Arc::new(SystemResolver) }
    }

    /// The same with another source of addresses.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, ..self }
    }

    /// What judges user-given URLs.
    #[must_use]
    pub const fn guard(&self) -> Guard {
        self.guard
    }

    /// A client for URLs that users give: it asks the guard for every request and for every
    /// address it dials.
    pub fn guarded_client(&self, timeouts: Timeouts) -> Result<Client, Error> {
        let builder =
            self.builder(timeouts, self.lookup(Some(self.guard))).user_agent(USER_AGENT).no_proxy();
        Client::new(builder, timeouts.stall, Some(self.guard), None)
    }

    /// A client for hosts the code itself names, such as WhatsApp's media hosts: no guard, and no
    /// user agent but the caller's. With a proxy everything goes through it, name look-ups
    /// included.
    pub fn trusted_client(
        &self,
        timeouts: Timeouts,
        proxy: Option<&Proxy>,
    ) -> Result<Client, Error> {
        let Some(proxy) = proxy else {
            let builder = self.builder(timeouts, self.lookup(None)).no_proxy();
            return Client::new(builder, timeouts.stall, None, None);
        };
        let guard = self.guard_of(proxy);
        if let Some(guard) = guard {
            guard
                .check_host(&proxy.host)
                .map_err(|refused| Error::Proxy(crate::ProxyFailure::NotAllowed(refused)))?;
        }
        // The only name this client resolves is the proxy's own.
        let builder = self.builder(timeouts, self.lookup(guard)).proxy(as_reqwest(proxy)?);
        let dialer = self.dialer(Some(proxy.clone()), timeouts.connect);
        let route = Route { protocol: proxy.protocol, dialer };
        Client::new(builder, timeouts.stall, None, Some(route))
    }

    /// A dialer for raw and WebSocket connections to hosts the code itself names, straight or
    /// through a proxy. `limit` is for everything from the name look-up to the end of the last
    /// handshake.
    #[must_use]
    pub fn dialer(&self, proxy: Option<Proxy>, limit: Duration) -> Dialer {
        let guard = proxy.as_ref().and_then(|proxy| self.guard_of(proxy));
        Dialer::new(self.tls.clone(), self.lookup(guard), proxy, limit)
    }

    /// What judges the address of a proxy.
    fn guard_of(&self, proxy: &Proxy) -> Option<Guard> {
        (!proxy.is_trusted).then_some(self.guard)
    }

    fn lookup(&self, guard: Option<Guard>) -> Lookup {
        Lookup { resolver: Arc::clone(&self.resolver), guard }
    }

    fn builder(&self, timeouts: Timeouts, lookup: Lookup) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .use_preconfigured_tls(rustls::ClientConfig::clone(self.tls.config()))
            .dns_resolver(Arc::new(lookup))
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .pool_idle_timeout(IDLE_FOR)
            .connect_timeout(timeouts.connect);
        match timeouts.total {
            Some(total) => builder.timeout(total),
            None => builder,
        }
    }
}

fn as_reqwest(proxy: &Proxy) -> Result<reqwest::Proxy, Error> {
    let scheme = match proxy.protocol {
        ProxyProtocol::Http => "http",
        ProxyProtocol::Https => "https",
        // The `h` leaves name resolution to the proxy.
        ProxyProtocol::Socks5 => "socks5h",
    };
    let made = reqwest::Proxy::all(format!("{scheme}://{}:{}", proxy.host, proxy.port))
        .map_err(|_| Error::Request("the proxy's address cannot be used"))?;
    Ok(match &proxy.credentials {
        Some(credentials) => made.basic_auth(&credentials.username, &credentials.password),
        None => made,
    })
}
