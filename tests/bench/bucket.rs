//! An S3 server in this process, over files.

use std::path::Path;

use anyhow::{Result, anyhow};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const ACCESS_KEY: &str = "AKIAWHARFBENCH";
const SECRET_KEY: &str = "the-s3-secret-of-a-benchmark";
const NAME: &str = "media";

/// A server with one bucket.
pub(crate) struct Bucket {
    dir: TempDir,
    url: String,
}

impl Bucket {
    /// Starts one that keeps its files below `parent`.
    pub(crate) async fn start(parent: &Path) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("wharf-bench-s3-").tempdir_in(parent)?;
        std::fs::create_dir(dir.path().join(NAME))?;
        let files = s3s_fs::FileSystem::new(dir.path()).map_err(|e| anyhow!("{e:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Self { dir, url })
    }

    /// The configuration that leads an instance here.
    pub(crate) fn configuration(&self) -> Value {
        json!({
            "enabled": true, "region": "us-east-1", "bucket": NAME, "endpoint": self.url,
            "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY, "pathPrefix": "bench",
        })
    }

    /// How many objects of that size are in it.
    pub(crate) fn objects(&self, size: u64) -> Result<usize> {
        count(&self.dir.path().join(NAME), size)
    }
}

fn count(dir: &Path, size: u64) -> Result<usize> {
    let mut found = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let facts = entry.metadata()?;
        found += if facts.is_dir() {
            count(&entry.path(), size)?
        } else {
            usize::from(facts.len() == size)
        };
    }
    Ok(found)
}
