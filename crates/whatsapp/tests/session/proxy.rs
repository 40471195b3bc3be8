use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use wharf_domain::{ports::SessionEnd, proxy::ProxyConfig};

use crate::world::{OWN, World, instance};

/// An HTTP proxy that counts the tunnels it makes.
async fn proxy() -> (ProxyConfig, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let tunnels = Arc::new(AtomicUsize::new(0));
    let counted = tunnels.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(tunnel(client, counted.clone()));
        }
    });
    (ProxyConfig::parse("http", "127.0.0.1", &port, None, None).unwrap(), tunnels)
}

async fn tunnel(client: TcpStream, tunnels: Arc<AtomicUsize>) {
    let mut client = BufReader::new(client);
    let (mut request, mut line) = (String::new(), String::new());
    while client.read_line(&mut line).await.is_ok_and(|read| read > 2) {
        request += &std::mem::take(&mut line);
    }
    let target = request.split(' ').nth(1).unwrap();
    let mut server = TcpStream::connect(target).await.unwrap();
    tunnels.fetch_add(1, Ordering::SeqCst);
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test]
async fn with_a_proxy_every_connection_goes_through_it() {
    let world = World::new().await;
    let phone = world.phone(OWN, "Loja");
    let (settings, tunnels) = proxy().await;
    let live = world.start_with(instance(), Some(settings)).await.unwrap();
    phone.scan(live.qr().await.as_str()).await.unwrap();
    live.connected().await;
    assert_eq!(tunnels.load(Ordering::SeqCst), 2, "one to pair, one to log in");
}

#[tokio::test]
async fn when_the_proxy_is_down_so_is_the_session() {
    let world = World::new().await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let settings =
        ProxyConfig::parse("socks5", "127.0.0.1", &gone.to_string(), None, None).unwrap();
    let live = world.start_with(instance(), Some(settings)).await.unwrap();
    let SessionEnd::Unreachable(reason) = live.recorder.end().await else { panic!("reachable") };
    assert!(reason.contains("proxy"), "{reason}");
}
