//! Media as they lie on the host: encrypted by their senders, known by a path.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;

use crate::faults::{Action, Point};
use crate::hub::Hub;

/// The blobs, in files if there is a data directory.
pub(crate) struct Media {
    auth: String,
    directory: Option<PathBuf>,
    memory: Mutex<HashMap<String, Bytes>>,
    /// How often clients have downloaded which blob since the start.
    downloads: Mutex<HashMap<String, u64>>,
}

impl Media {
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self {
            auth: format!("{:032x}", rand::random::<u128>()),
            directory,
            memory: Mutex::default(),
            downloads: Mutex::default(),
        }
    }

    /// What the clients of a phone number show to upload.
    pub(crate) fn auth(&self, number: &str) -> String {
        format!("{}.{number}", self.auth)
    }

    /// The number of the clients that show this.
    fn number_of<'a>(&self, auth: &'a str) -> Option<&'a str> {
        auth.strip_prefix(&self.auth)?.strip_prefix('.')
    }

    /// How often clients have downloaded a blob since the start.
    pub(crate) fn downloads(&self, name: &str) -> u64 {
        let downloads = self.downloads.lock().unwrap_or_else(PoisonError::into_inner);
        downloads.get(name).copied().unwrap_or_default()
    }

    fn count_download(&self, name: String) {
        let mut downloads = self.downloads.lock().unwrap_or_else(PoisonError::into_inner);
        *downloads.entry(name).or_default() += 1;
    }

    /// Keeps a blob.
    pub(crate) async fn store(&self, name: &str, blob: Bytes) -> std::io::Result<()> {
        if let Some(directory) = &self.directory {
            tokio::fs::create_dir_all(directory).await?;
            let next = directory.join(format!("{name}.new"));
            tokio::fs::write(&next, &blob).await?;
            return tokio::fs::rename(next, directory.join(name)).await;
        }
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), blob);
        Ok(())
    }

    /// A blob, if there is one of this name.
    pub(crate) async fn load(&self, name: &str) -> Option<Bytes> {
        if !is_name(name) {
            return None;
        }
        if let Some(directory) = &self.directory {
            return tokio::fs::read(directory.join(name)).await.ok().map(Bytes::from);
        }
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// The part of a request that says who asks.
#[derive(Deserialize)]
pub(crate) struct Asking {
    auth: Option<String>,
}

/// What makes the server drop a connection instead of answering.
#[derive(Clone)]
pub(crate) struct HangUp;

/// Lets faults of the media host strike.
pub(crate) async fn suffer(
    State(hub): State<Arc<Hub>>,
    Query(asking): Query<Asking>,
    request: Request,
    next: Next,
) -> Response {
    // Who does not say who they are is met by what concerns everybody.
    let number = asking.auth.as_deref().and_then(|auth| hub.media.number_of(auth));
    let downloads = request.method() == Method::GET;
    let possible = |action: &Action| downloads || *action != Action::ExpireMedia;
    match hub.faults.decide_if(number.unwrap_or_default(), Point::Media, possible) {
        Some(Action::ExpireMedia) => StatusCode::NOT_FOUND.into_response(),
        Some(Action::DropMedia) => Extension(HangUp).into_response(),
        _ => next.run(request).await,
    }
}

/// The parameters of an upload.
#[derive(Deserialize)]
pub(crate) struct Upload {
    auth: Option<String>,
    resume: Option<String>,
}

/// Takes an upload. Its token, a hash, becomes its name.
pub(crate) async fn upload(
    State(hub): State<Arc<Hub>>,
    Path((_, token)): Path<(String, String)>,
    Query(upload): Query<Upload>,
    blob: Bytes,
) -> Response {
    if upload.auth.as_deref().and_then(|auth| hub.media.number_of(auth)).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if !is_name(&token) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let path = format!("/v/{token}");
    if upload.resume.is_some() {
        // Nothing is kept of an upload that broke off: it starts again.
        return Json(json!({ "resume": "0" })).into_response();
    }
    if let Err(error) = hub.media.store(&token, blob).await {
        tracing::error!(%error, "an upload cannot be stored");
        return StatusCode::INSUFFICIENT_STORAGE.into_response();
    }
    let url = format!("https://{}{path}", hub.address);
    Json(json!({ "url": url, "direct_path": path })).into_response()
}

/// Gives a blob.
pub(crate) async fn download(State(hub): State<Arc<Hub>>, Path(name): Path<String>) -> Response {
    match hub.media.load(&name).await {
        Some(blob) => {
            hub.media.count_download(name);
            blob.into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Base64 for URLs: nothing that leads out of the directory.
fn is_name(token: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte);
    !token.is_empty() && token.len() <= 128 && token.bytes().all(allowed)
}
