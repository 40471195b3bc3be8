use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use reqwest::header::{HeaderValue, ORIGIN};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, WebSocketStream};
use url::{Host, Url};

use crate::failure::tls_reason;
use crate::resolver::Lookup;
use crate::tunnel;
use crate::{Error, Proxy, ProxyFailure, ProxyProtocol, Tls};

/// How long one address may keep the next from being tried (RFC 8305 recommends 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

/// Both directions of a byte stream.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl fmt::Debug for dyn Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// A connection, whatever it is made of: TCP, TLS, or TLS within TLS through a proxy.
pub type Stream = Box<dyn Connection>;

/// Opens connections, straight or through a proxy.
///
/// With a proxy nothing ever goes around it: if it fails, dialling fails.
#[derive(Clone)]
pub struct Dialer {
    tls: Tls,
    /// Without a proxy of whoever is called, else of the proxy alone.
    lookup: Lookup,
    proxy: Option<Proxy>,
    limit: Duration,
}

impl Dialer {
    pub(crate) fn new(tls: Tls, lookup: Lookup, proxy: Option<Proxy>, limit: Duration) -> Self {
        Self { tls, lookup, proxy, limit }
    }

    /// A TCP connection, or what the proxy makes of it.
    pub async fn tcp(&self, host: &Host, port: u16) -> Result<Stream, Error> {
        self.within_limit(self.reach(host, port)).await
    }

    /// A TLS connection; the certificate has to be the host's own, also through a proxy.
    pub async fn tls(&self, host: &Host, port: u16) -> Result<Stream, Error> {
        self.within_limit(self.reach_securely(host, port)).await
    }

    /// A WebSocket to a `ws` or `wss` URL, with the `Origin` header if one is given.
    pub async fn websocket(
        &self,
        url: &Url,
        origin: Option<&str>,
    ) -> Result<WebSocketStream<Stream>, Error> {
        self.within_limit(self.upgrade(url, origin)).await
    }

    async fn within_limit<T>(
        &self,
        dialling: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = || match self.proxy {
            Some(_) => ProxyFailure::Timeout.into(),
            None => Error::ConnectTimeout,
        };
        timeout(self.limit, dialling).await.unwrap_or_else(|_| Err(late()))
    }

    async fn upgrade(
        &self,
        url: &Url,
        origin: Option<&str>,
    ) -> Result<WebSocketStream<Stream>, Error> {
        let host = url.host().ok_or(Error::Request("the URL names no host"))?.to_owned();
        let (stream, mut builder) = match url.scheme() {
            "ws" => (self.reach(&host, url.port().unwrap_or(80)).await?, ClientBuilder::new()),
            "wss" => {
                (self.reach_securely(&host, url.port().unwrap_or(443)).await?, ClientBuilder::new())
            }
            _ => return Err(Error::Request("only ws and wss URLs are allowed")),
        };
        if let Some(origin) = origin {
            let origin = HeaderValue::from_str(origin)
                .map_err(|_| Error::Request("the origin is malformed"))?;
            builder = builder.add_header(ORIGIN, origin).map_err(|e| upgrade_failure(&e))?;
        }
        let builder = builder.uri(url.as_str()).map_err(|_| Error::Request("malformed URL"))?;
        let (websocket, _) = builder.connect_on(stream).await.map_err(|e| upgrade_failure(&e))?;
        Ok(websocket)
    }

    async fn reach_securely(&self, host: &Host, port: u16) -> Result<Stream, Error> {
        let stream = self.reach(host, port).await?;
        self.secure(host, stream).await.map_err(|error| match tls_reason(&error) {
            Some(reason) => Error::Tls(reason),
            None => Error::Broken,
        })
    }

    async fn reach(&self, host: &Host, port: u16) -> Result<Stream, Error> {
        let Some(proxy) = &self.proxy else {
            let addresses = self.lookup.host(host).await?;
            let stream = connect(&addresses, port).await.map_err(|e| Error::Connect(e.kind()))?;
            return Ok(Box::new(stream));
        };
        Ok(self.reach_through(proxy, host, port).await?)
    }

    async fn reach_through(
        &self,
        proxy: &Proxy,
        host: &Host,
        port: u16,
    ) -> Result<Stream, ProxyFailure> {
        let addresses = self.lookup.host(&proxy.host).await?;
        let unreachable = |error: io::Error| ProxyFailure::Unreachable(error.kind());
        let plain: Stream = Box::new(connect(&addresses, proxy.port).await.map_err(unreachable)?);
        match proxy.protocol {
            ProxyProtocol::Http => tunnel::connect(proxy, plain, host, port).await,
            ProxyProtocol::Socks5 => tunnel::socks5(proxy, plain, host, port).await,
            ProxyProtocol::Https => {
                let secure = self.secure(&proxy.host, plain).await.map_err(|error| {
                    tls_reason(&error).map_or_else(|| unreachable(error), ProxyFailure::Tls)
                })?;
                tunnel::connect(proxy, secure, host, port).await
            }
        }
    }

    async fn secure(&self, host: &Host, stream: Stream) -> io::Result<Stream> {
        let name = match host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|_| io::ErrorKind::InvalidInput)?
            }
            Host::Ipv4(address) => IpAddr::V4(*address).into(),
            Host::Ipv6(address) => IpAddr::V6(*address).into(),
        };
        Ok(Box::new(self.tls.connector().connect(name, stream).await?))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("proxy", &self.proxy)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

fn upgrade_failure(error: &tokio_websockets::Error) -> Error {
    use tokio_websockets::upgrade;
    match error {
        tokio_websockets::Error::Upgrade(upgrade::Error::DidNotSwitchProtocols(status)) => {
            Error::Upgrade { status: Some(*status) }
        }
        tokio_websockets::Error::Upgrade(_) => Error::Upgrade { status: None },
        _ => Error::Broken,
    }
}

/// Connects to whichever address answers first. The next one gets its chance when the one before
/// fails or its head start is over, so that a family without a route costs little.
async fn connect(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut waiting = alternate(addresses);
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        match waiting.pop_front() {
            Some(address) => attempts.push(TcpStream::connect(SocketAddr::new(address, port))),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        let outcome = if waiting.is_empty() {
            attempts.next().await
        } else {
            timeout(HEAD_START, attempts.next()).await.ok().flatten()
        };
        match outcome {
            Some(Ok(stream)) => {
                // Frames are small and each one is waited for.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Some(Err(error)) => failure = error,
            None => {}
        }
    }
}

/// The same addresses with the families taking turns, the preferred one first.
fn alternate(addresses: &[IpAddr]) -> VecDeque<IpAddr> {
    let first_is_v4 = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (preferred, other): (Vec<&IpAddr>, Vec<&IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv4() == first_is_v4);
    let mut turns = VecDeque::with_capacity(addresses.len());
    let mut other = other.into_iter();
    for address in preferred {
        turns.push_back(*address);
        turns.extend(other.next());
    }
    turns.extend(other);
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &[&str]| -> Vec<IpAddr> {
            list.iter().map(|address| address.parse().unwrap()).collect()
        };
        let addresses = parse(&["::1", "::2", "::3", "127.0.0.1"]);
        assert_eq!(alternate(&addresses), parse(&["::1", "127.0.0.1", "::2", "::3"]));
        let addresses = parse(&["127.0.0.1", "::1", "::2"]);
        assert_eq!(alternate(&addresses), parse(&["127.0.0.1", "::1", "::2"]));
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Nothing listens on the second loopback address at this port.
        let addresses = ["127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let stream = connect(&addresses, port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());

        let refusal = connect(&addresses[..1], port).await.unwrap_err();
        assert_eq!(refusal.kind(), io::ErrorKind::ConnectionRefused);
    }
}
