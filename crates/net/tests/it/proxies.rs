//! Two small proxies. They alone know that `behind.test` is this machine, so what they were
//! asked shows that names are resolved at the proxy.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::servers::listener;

pub const NAME: &str = "behind.test";
pub const USERNAME: &str = "operator";
pub const PASSWORD: &str = "pass:wörd@1";
/// `operator:pass:wörd@1` in base64.
const BASIC: &str = "Basic b3BlcmF0b3I6cGFzczp3w7ZyZEAx";

/// What a proxy was asked for, as `host:port`.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// Speaks HTTP `CONNECT`, inside TLS if there is an acceptor, and wants credentials.
pub async fn http(acceptor: Option<TlsAcceptor>) -> (u16, Asked) {
    let listener = listener().await;
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, log) = (acceptor.clone(), Arc::clone(&log));
            tokio::spawn(async move {
                match acceptor {
                    None => connect(stream, log).await,
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => connect(stream, log).await,
                        Err(_) => None,
                    },
                }
            });
        }
    });
    (port, asked)
}

async fn connect(mut client: impl AsyncRead + AsyncWrite + Unpin, log: Asked) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    log.lock().unwrap().push(target.clone());
    if !head.contains(BASIC) {
        client.write_all(b"HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n").await.ok()?;
        return None;
    }
    let Some(mut server) = call(&target).await else {
        client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await.ok()?;
        return None;
    };
    client.write_all(b"HTTP/1.1 200 Connected\r\nVia: test\r\n\r\n").await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
}

/// Speaks SOCKS5 and wants credentials.
pub async fn socks5() -> (u16, Asked) {
    let listener = listener().await;
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(negotiate(stream, Arc::clone(&log)));
        }
    });
    (port, asked)
}

async fn negotiate(mut client: TcpStream, log: Asked) -> Option<()> {
    assert_eq!(client.read_u8().await.ok()?, 5);
    let methods = sized(&mut client).await?;
    if !methods.contains(&2) {
        client.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    client.write_all(&[5, 2]).await.ok()?;
    assert_eq!(client.read_u8().await.ok()?, 1);
    let (username, password) = (sized(&mut client).await?, sized(&mut client).await?);
    if (&username[..], &password[..]) != (USERNAME.as_bytes(), PASSWORD.as_bytes()) {
        client.write_all(&[1, 1]).await.ok()?;
        return None;
    }
    client.write_all(&[1, 0]).await.ok()?;

    let mut request = [0; 4];
    client.read_exact(&mut request).await.ok()?;
    // CONNECT to a name; an address would mean the client resolved it.
    assert_eq!(request, [5, 1, 0, 3]);
    let name = String::from_utf8(sized(&mut client).await?).ok()?;
    let target = format!("{name}:{}", client.read_u16().await.ok()?);
    log.lock().unwrap().push(target.clone());
    let server = call(&target).await;
    let reply = if server.is_some() { 0 } else { 5 };
    client.write_all(&[5, reply, 0, 1, 127, 0, 0, 1, 0, 0]).await.ok()?;
    copy_bidirectional(&mut client, &mut server?).await.ok().map(drop)
}

async fn sized(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; client.read_u8().await.ok()?.into()];
    client.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

async fn call(target: &str) -> Option<TcpStream> {
    let (name, port) = target.split_once(':')?;
    assert_eq!(name, NAME);
    TcpStream::connect(("127.0.0.1", port.parse().ok()?)).await.ok()
}
