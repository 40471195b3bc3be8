use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use wharf_domain::{
    Error, Result, Timestamp,
    media::{MediaBody, StoredObject},
    ports::MediaStore,
    s3::S3Config,
};

/// Any number of buckets, in memory.
#[derive(Debug, Default)]
pub struct InMemoryMediaStore {
    /// By bucket and key.
    objects: Mutex<BTreeMap<(String, String), Kept>>,
    is_failing: AtomicBool,
}

/// An object that a bucket has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its type.
    pub content_type: String,
    /// Its content.
    pub bytes: Bytes,
}

impl InMemoryMediaStore {
    /// From now on every call that a server would have to answer fails, or none does.
    pub fn set_failing(&self, failing: bool) {
        self.is_failing.store(failing, Ordering::SeqCst);
    }

    /// What a bucket has, by key.
    #[must_use]
    pub fn objects(&self, bucket: &str) -> BTreeMap<String, Kept> {
        let objects = self.lock();
        let own = objects.iter().filter(|((of, _), _)| of == bucket);
        own.map(|((_, key), kept)| (key.clone(), kept.clone())).collect()
    }

    /// Takes an object away, as the owner of the bucket may. Says whether there was one.
    pub fn remove(&self, bucket: &str, key: &str) -> bool {
        self.lock().remove(&(bucket.to_owned(), key.to_owned())).is_some()
    }

    fn check(&self) -> Result<()> {
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(Error::unavailable("the bucket", "told to fail"));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Kept>> {
        self.objects.lock().unwrap()
    }
}

#[async_trait]
impl MediaStore for InMemoryMediaStore {
    async fn put(
        &self,
        bucket: &S3Config,
        key: &str,
        content_type: &str,
        body: MediaBody,
    ) -> Result<()> {
        self.check()?;
        let size = body.size;
        let bytes = body.read().await?;
        if bytes.len() as u64 != size {
            return Err(Error::unavailable("the bucket", "the body is not as long as announced"));
        }
        let kept = Kept { content_type: content_type.to_owned(), bytes };
        self.lock().insert((bucket.bucket.clone(), key.to_owned()), kept);
        Ok(())
    }

    async fn get(&self, bucket: &S3Config, key: &str, limit: u64) -> Result<Option<MediaBody>> {
        self.check()?;
        let kept = self.lock().get(&(bucket.bucket.clone(), key.to_owned())).cloned();
        match kept {
            Some(kept) if kept.bytes.len() as u64 > limit => {
                Err(Error::invalid("media", format!("is larger than {limit} bytes")))
            }
            kept => Ok(kept.map(|kept| MediaBody::of(kept.bytes))),
        }
    }

    fn url(&self, bucket: &S3Config, object: &StoredObject, now: Timestamp) -> Result<String> {
        if !bucket.has(object) {
            return Err(Error::invalid("the bucket", "is not configured any more"));
        }
        let endpoint = object.endpoint.as_deref().unwrap_or("https://s3.example.com");
        let mut url = url::Url::parse(endpoint).unwrap();
        url.set_path(&format!("{}/{}", object.bucket, object.key));
        url.query_pairs_mut().append_pair("signed-at", &now.timestamp().to_string());
        Ok(url.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wharf_domain::s3::S3Config;

    use super::InMemoryMediaStore;
    use crate::contract::media_store::Bucket;

    crate::media_store_contract!(async || {
        let config = S3Config::parse("", "media", "key", "hunter2", None, "").unwrap();
        Bucket { store: Arc::new(InMemoryMediaStore::default()), config }
    });
}
