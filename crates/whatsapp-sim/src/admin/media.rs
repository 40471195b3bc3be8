//! Files to send from a phone, and to fetch from it.

use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Body, Problem, Segment};
use super::phone::{Answer, Named};
use crate::error::Error;
use crate::phone::media::{MediaKind, NewMedia};
use crate::phone::saying::Manner;
use crate::simulator::Simulator;

/// The largest request: base64 takes four bytes for three.
const LARGEST_REQUEST: usize = 128 << 20;

pub(super) fn routes() -> Router<Simulator> {
    let largest = DefaultBodyLimit::max(LARGEST_REQUEST);
    Router::new()
        .route("/phones/{number}/send-media", post(send).layer(largest))
        .route("/phones/{number}/messages/{id}/media", get(download))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SendMedia {
    to: String,
    kind: MediaKind,
    base64: String,
    mime_type: Option<String>,
    file_name: Option<String>,
    caption: Option<String>,
    seconds: Option<u32>,
    quoted_id: Option<String>,
    #[serde(default)]
    mentions: Vec<String>,
    #[serde(default)]
    forwarded: bool,
    #[serde(default)]
    viewers: Vec<String>,
}

async fn send(Named(phone): Named, Body(request): Body<SendMedia>) -> Answer {
    let SendMedia { to, kind, base64, mime_type, file_name, caption, seconds, .. } = request;
    let SendMedia { quoted_id: quoted, mentions, forwarded, viewers, .. } = request;
    let bytes = STANDARD.decode(&base64).map_err(Problem::bad_request)?;
    drop(base64);
    let media = NewMedia { kind, bytes, mime_type, file_name, caption, seconds };
    let manner = Manner { quoted, mentions, forwarded, viewers };
    let id = phone.share(&to, media, &manner).await?;
    Ok(Json(json!({ "messageId": id })))
}

async fn download(
    Named(phone): Named,
    Segment(id): Segment<String>,
) -> Result<impl IntoResponse, Problem> {
    let shown = phone.messages().into_iter().rev().find(|message| message.id == id);
    let media = shown.ok_or(Error::NotFound("message"))?.media;
    let kind = media.and_then(|media| HeaderValue::from_str(&media.mime_type?).ok());
    let bytes = phone.media(&id).await?;
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    Ok(([(CONTENT_TYPE, kind)], bytes))
}
