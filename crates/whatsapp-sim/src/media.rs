//! Media as they lie on the host: encrypted by their senders, known by a path.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::hub::Hub;

/// The blobs, in files if there is a data directory.
pub(crate) struct Media {
    auth: String,
    directory: Option<PathBuf>,
    memory: Mutex<HashMap<String, Bytes>>,
}

impl Media {
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self {
            auth: format!("{:032x}", rand::random::<u128>()),
            directory,
            memory: Mutex::default(),
        }
    }

    /// What clients show to upload.
    pub(crate) fn auth(&self) -> &str {
        &self.auth
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
    if upload.auth.as_deref() != Some(hub.media.auth()) {
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
        Some(blob) => blob.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Base64 for URLs: nothing that leads out of the directory.
fn is_name(token: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte);
    !token.is_empty() && token.len() <= 128 && token.bytes().all(allowed)
}
