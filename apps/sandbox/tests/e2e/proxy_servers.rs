//! Real proxies, started for one test and ended with it. Each goes out from a loopback address of its own, so that
//! whoever is called can tell what came through it.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

use crate::until;

/// Whom the proxies let in, when they ask.
pub(crate) const USER: &str = "wharf";
pub(crate) const PASSWORD: &str = "the-way-out-of-a-test";

/// A proxy in a process of its own.
pub(crate) struct ProxyServer {
    child: Child,
    pub(crate) port: u16,
    pub(crate) protocol: &'static str,
    credentials: bool,
    /// Where it goes out from.
    pub(crate) address: &'static str,
    _dir: TempDir,
}

impl ProxyServer {
    pub(crate) async fn tinyproxy(credentials: bool) -> Self {
        let address = "127.0.0.2";
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let login =
            if credentials { format!("BasicAuth {USER} {PASSWORD}\n") } else { String::new() };
        let config = format!("Port {port}\nListen 127.0.0.1\nBind {address}\nTimeout 600\n{login}");
        let file = dir.path().join("tinyproxy.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(file);
        Self::start(command, port, "http", credentials, address, dir).await
    }

    pub(crate) async fn microsocks(credentials: bool) -> Self {
        let address = "127.0.0.3";
        let port = free_port();
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-b", address]);
        if credentials {
            command.args(["-u", USER, "-P", PASSWORD]);
        }
        let dir = tempfile::tempdir().unwrap();
        Self::start(command, port, "socks5", credentials, address, dir).await
    }

    async fn start(
        mut command: Command,
        port: u16,
        protocol: &'static str,
        credentials: bool,
        address: &'static str,
        dir: TempDir,
    ) -> Self {
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = silent.spawn().unwrap();
        until("the proxy", || async { TcpStream::connect(("127.0.0.1", port)).ok() }).await;
        Self { child, port, protocol, credentials, address, _dir: dir }
    }

    /// What an instance is told to use it.
    pub(crate) fn settings(&self) -> Value {
        let credentials = if self.credentials { (USER, PASSWORD) } else { ("", "") };
        settings(self.protocol, self.port, credentials)
    }

    /// The same as a URL.
    pub(crate) fn url(&self) -> String {
        let credentials =
            if self.credentials { format!("{USER}:{PASSWORD}@") } else { String::new() };
        format!("{}://{credentials}127.0.0.1:{}", self.protocol, self.port)
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn settings(protocol: &str, port: u16, (user, password): (&str, &str)) -> Value {
    json!({
        "enabled": true, "protocol": protocol, "host": "127.0.0.1", "port": port.to_string(),
        "username": user, "password": password
    })
}

/// A port nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// TLS before a proxy that has none, ended with the test.
pub(crate) struct TlsFront {
    pub(crate) port: u16,
    /// The root that vouches for its certificate.
    pub(crate) root_pem: String,
    serving: tokio::task::JoinHandle<()>,
}

impl TlsFront {
    pub(crate) async fn before(behind: u16) -> Self {
        let (acceptor, root_pem) = acceptor();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let behind = SocketAddr::from(([127, 0, 0, 1], behind));
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let Ok(mut proxy) = tokio::net::TcpStream::connect(behind).await else {
                        return;
                    };
                    let _ = copy_bidirectional(&mut client, &mut proxy).await;
                });
            }
        });
        Self { port, root_pem, serving }
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn acceptor() -> (TlsAcceptor, String) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = leaf.signed_by(&key, &Issuer::new(root, &root_key)).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), root_pem)
}
