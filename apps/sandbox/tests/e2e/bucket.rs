//! A real S3 server in the test's process, over files, which can be taken down and put up again.

use std::{net::SocketAddr, path::Path, sync::Mutex};

use async_trait::async_trait;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    auth::SimpleAuth,
    s3_error,
    service::{S3Service, S3ServiceBuilder},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

use crate::until;

/// Whom the server lets in.
pub(crate) const ACCESS_KEY: &str = "AKIAWHARFENDTOEND";
pub(crate) const SECRET_KEY: &str = "the-s3-secret-of-an-end-to-end-test";

/// A server with one bucket called `media`.
pub(crate) struct Bucket {
    dir: TempDir,
    address: SocketAddr,
    serving: Mutex<Option<JoinHandle<()>>>,
}

impl Bucket {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("media")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, service(dir.path())));
        Self { dir, address, serving: Mutex::new(Some(serving)) }
    }

    /// Takes the server down, its connections too.
    pub(crate) async fn stop(&self) {
        let serving = self.serving.lock().unwrap().take().unwrap();
        serving.abort();
        let _ = serving.await;
    }

    /// Something in its place that takes connections and never answers.
    pub(crate) async fn listen_in_silence(&self) -> TcpListener {
        until("the old address", || async { TcpListener::bind(self.address).await.ok() }).await
    }

    /// Puts it up again where it was.
    pub(crate) async fn restart(&self) {
        let listener = self.listen_in_silence().await;
        let serving = tokio::spawn(serve(listener, service(self.dir.path())));
        *self.serving.lock().unwrap() = Some(serving);
    }

    /// The configuration that leads an instance here.
    pub(crate) fn settings(&self) -> Value {
        json!({
            "enabled": true, "region": "us-east-1", "bucket": "media", "accessKey": ACCESS_KEY,
            "secretKey": SECRET_KEY, "endpoint": format!("http://{}", self.address),
            "pathPrefix": "/kept//here/"
        })
    }

    /// The keys of the objects in it.
    pub(crate) fn keys(&self) -> Vec<String> {
        let root = self.dir.path().join("media");
        let mut places = vec![root.clone()];
        let mut keys = Vec::new();
        while let Some(place) = places.pop() {
            for entry in std::fs::read_dir(place).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    places.push(path);
                } else {
                    keys.push(key(&root, &path));
                }
            }
        }
        keys.sort();
        keys
    }
}

/// What a folder of files does not know: who nobody is, and what is not a bucket.
struct OneBucket;

#[async_trait]
impl S3Access for OneBucket {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        match (request.credentials(), request.s3_path().get_bucket_name()) {
            (None, _) => Err(s3_error!(AccessDenied)),
            (_, Some("media")) => Ok(()),
            _ => Err(s3_error!(NoSuchBucket)),
        }
    }
}

fn key(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}

fn service(dir: &Path) -> S3Service {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(dir).unwrap());
    builder.set_access(OneBucket);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    builder.build()
}

/// Its connections end with it.
async fn serve(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let service = service.clone();
        connections.spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
