use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;
use url::Url;
use wharf_domain::{Error, Result, media::FetchedMedia, ports::MediaFetcher};

/// The files of the world, by URL. What is not there cannot be reached.
#[derive(Debug, Default)]
pub struct InMemoryFiles {
    files: Mutex<HashMap<Url, FetchedMedia>>,
    fetched: Mutex<Vec<Url>>,
}

impl InMemoryFiles {
    /// Puts a file where it can be fetched from.
    pub fn put(&self, url: &str, file: FetchedMedia) {
        self.files.lock().unwrap().insert(url.parse().unwrap(), file);
    }

    /// What was asked for, in order.
    #[must_use]
    pub fn fetched(&self) -> Vec<Url> {
        self.fetched.lock().unwrap().clone()
    }
}

#[async_trait]
impl MediaFetcher for InMemoryFiles {
    async fn fetch(&self, url: &Url, limit: u64) -> Result<FetchedMedia> {
        self.fetched.lock().unwrap().push(url.clone());
        let file = self.files.lock().unwrap().get(url).cloned();
        let file = file.ok_or(Error::invalid("url", "answered 404"))?;
        if file.bytes.len() as u64 > limit {
            return Err(Error::invalid("url", format!("is larger than {limit} bytes")));
        }
        Ok(file)
    }
}
