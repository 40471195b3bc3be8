use std::net::SocketAddr;

use async_trait::async_trait;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::host::SingleDomain;
use s3s::service::S3ServiceBuilder;
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub const ACCESS_KEY: &str = "AKIAWHARFTESTS";
pub const SECRET_KEY: &str = "a/secret+key";
pub const BUCKET: &str = "media";

/// A domain whose sub-domains are the buckets.
pub const DOMAIN: &str = "s3.localhost";

/// What every S3 server knows and a folder of files does not: what is not a bucket, and who nobody is.
struct OneBucket;

#[async_trait]
impl S3Access for OneBucket {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        if request.credentials().is_none() {
            return Err(s3_error!(AccessDenied));
        }
        match request.s3_path().get_bucket_name() {
            Some(BUCKET) => Ok(()),
            _ => Err(s3_error!(NoSuchBucket)),
        }
    }
}

/// An S3 server with one bucket, which lives as long as the test's runtime.
pub struct S3Server {
    pub address: SocketAddr,
}

impl S3Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        builder.set_access(OneBucket);
        builder.set_host(SingleDomain::new(&format!("{DOMAIN}:{}", address.port())).unwrap());
        let service = builder.build();
        tokio::spawn(async move {
            // The files live as long as the server.
            let _folder = folder;
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service.clone();
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    // A request that breaks off ends its connection; that is for the client to tell.
                    builder.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
        });
        Self { address }
    }

    /// The URL in path style.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}
