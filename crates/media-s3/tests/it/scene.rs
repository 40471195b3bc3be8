use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use wharf_domain::media::{MediaBody, StoredObject};
use wharf_domain::ports::{Clock, MediaStore};
use wharf_domain::s3::S3Config;
use wharf_domain::{Error, Result, Timestamp};
use wharf_media_s3::{Config, Failure, S3MediaStore};
use wharf_net::{Client, Egress, Method, Net, Request, Resolver, Response, Roots, Timeouts, Tls};

use crate::server::{ACCESS_KEY, BUCKET, SECRET_KEY};

pub const BRIEF: Timeouts =
    Timeouts { connect: Duration::from_secs(10), stall: Duration::from_millis(300), total: None };

pub const PATIENT: Timeouts = Timeouts { stall: Duration::from_secs(20), ..BRIEF };

/// The real time, plus an error: servers compare signatures with their own clocks.
#[derive(Default)]
pub struct Wall {
    pub error: Duration,
}

#[async_trait]
impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "the server reads the system clock, too")]
    fn now(&self) -> Timestamp {
        Timestamp::from(SystemTime::now() + self.error)
    }

    async fn sleep(&self, _: Duration) {}
}

/// Takes every name for this machine.
struct Here;

#[async_trait]
impl Resolver for Here {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
}

pub fn net() -> Net {
    Net::new(Tls::new(Roots::web()), Egress::Open).with_resolver(Arc::new(Here))
}

pub fn now() -> Timestamp {
    Wall::default().now()
}

pub fn store(config: Config) -> S3MediaStore {
    S3MediaStore::new(&net(), Arc::new(Wall::default()), config).unwrap()
}

/// The bucket as its owner would set it up.
pub fn bucket(endpoint: &str) -> S3Config {
    S3Config::parse("eu-west-1", BUCKET, ACCESS_KEY, SECRET_KEY, Some(endpoint), "").unwrap()
}

pub fn object(bucket: &S3Config, key: &str) -> StoredObject {
    let (endpoint, bucket) = (bucket.endpoint.clone(), bucket.bucket.clone());
    StoredObject { endpoint, bucket, key: key.to_owned() }
}

pub async fn put(store: &dyn MediaStore, bucket: &S3Config, key: &str) -> Result<()> {
    store.put(bucket, key, "image/jpeg", MediaBody::of("a picture".into())).await
}

/// Asks for a URL as anybody would who was given it.
pub async fn visit(url: &str) -> Response {
    let client: Client = net().guarded_client(PATIENT).unwrap();
    client.send(Request::new(Method::GET, url.parse().unwrap())).await.unwrap()
}

/// The cause of a failure, once it is certain that nothing about it tells a secret.
pub fn cause<T: std::fmt::Debug>(outcome: Result<T>) -> Failure {
    let failure = outcome.unwrap_err();
    let told = format!("{failure} {failure:?}");
    for secret in [SECRET_KEY, "another/secret", ACCESS_KEY, "X-Amz", "127.0.0.1"] {
        assert!(!told.contains(secret), "{told}");
    }
    let Error::Unavailable { source, .. } = failure else { panic!("{told}") };
    *source.downcast::<Failure>().unwrap()
}
