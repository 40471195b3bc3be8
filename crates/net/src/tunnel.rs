//! What proxies are told so that they connect us: HTTP `CONNECT` (RFC 9110, section 9.3.6) and
//! SOCKS5 (RFC 1928 and 1929).

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;
use url::Host;

use crate::{Proxy, ProxyFailure, Stream};

/// The longest head of an answer we read from a proxy.
const LONGEST_HEAD: usize = 8 * 1024;

/// Asks an HTTP proxy at the other end of `stream` for a tunnel.
pub(crate) async fn connect(
    proxy: &Proxy,
    mut stream: Stream,
    host: &Host,
    port: u16,
) -> Result<Stream, ProxyFailure> {
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(credentials) = &proxy.credentials {
        let pair = format!("{}:{}", credentials.username, credentials.password);
        request += "Proxy-Authorization: Basic ";
        request += &BASE64_STANDARD.encode(pair);
        request += "\r\n";
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
    stream.flush().await.map_err(unreachable)?;

    match status(&read_head(proxy, &mut stream).await?) {
        Some(200..=299) => Ok(stream),
        // Some proxies say 401 where they mean 407.
        Some(401 | 407) => Err(ProxyFailure::Credentials),
        Some(status) => Err(ProxyFailure::NoConnection(format!("status {status}"))),
        None => Err(ProxyFailure::Protocol(proxy.protocol)),
    }
}

async fn read_head(proxy: &Proxy, stream: &mut Stream) -> Result<Vec<u8>, ProxyFailure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // One byte at a time, once a connection: what follows the head belongs to the tunnel.
        match stream.read_u8().await {
            Ok(byte) if head.len() < LONGEST_HEAD => head.push(byte),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(unreachable(error));
            }
            _ => return Err(ProxyFailure::Protocol(proxy.protocol)),
        }
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    let digits = line.split(|byte| *byte == b' ').nth(1)?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Asks a SOCKS5 proxy at the other end of `stream` for a connection.
pub(crate) async fn socks5(
    proxy: &Proxy,
    stream: Stream,
    host: &Host,
    port: u16,
) -> Result<Stream, ProxyFailure> {
    let target = match host {
        Host::Domain(name) => TargetAddr::Domain(name.into(), port),
        Host::Ipv4(address) => TargetAddr::Ip((*address, port).into()),
        Host::Ipv6(address) => TargetAddr::Ip((*address, port).into()),
    };
    let connected = match &proxy.credentials {
        None => Socks5Stream::connect_with_socket(stream, target).await,
        Some(own) => {
            let (name, password) = (&own.username, &own.password);
            Socks5Stream::connect_with_password_and_socket(stream, target, name, password).await
        }
    };
    connected.map(Socks5Stream::into_inner).map_err(|error| socks5_failure(proxy, error))
}

fn socks5_failure(proxy: &Proxy, error: tokio_socks::Error) -> ProxyFailure {
    use tokio_socks::Error as Socks;
    match error {
        Socks::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ProxyFailure::Protocol(proxy.protocol)
        }
        Socks::Io(error) => unreachable(error),
        Socks::NoAcceptableAuthMethods
        | Socks::AuthorizationRequired
        | Socks::PasswordAuthFailure(_)
        | Socks::InvalidAuthValues(_) => ProxyFailure::Credentials,
        Socks::InvalidResponseVersion
        | Socks::UnknownAuthMethod
        | Socks::InvalidReservedByte
        | Socks::UnknownAddressType => ProxyFailure::Protocol(proxy.protocol),
        other => ProxyFailure::NoConnection(other.to_string().to_lowercase()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn unreachable(error: io::Error) -> ProxyFailure {
    ProxyFailure::Unreachable(error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_line_has_a_status() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n"), Some(407));
        assert_eq!(status(b"HTTP/1.1 403\r\n\r\n"), Some(403));
        for head in [&b"SSH-2.0-x 200 \r\n\r\n"[..], b"HTTP/1.1 2\r\n\r\n", b"HTTP/1.1\r\n\r\n"] {
            assert_eq!(status(head), None);
        }
    }
}
