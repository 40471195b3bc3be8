//! Profile pictures.

use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::answer::Body;
use super::phone::{Answer, Named};
use crate::simulator::Simulator;

pub(super) fn routes() -> Router<Simulator> {
    Router::new().route("/phones/{number}/picture", post(set))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Picture {
    url: Option<String>,
}

async fn set(Named(phone): Named, Body(Picture { url }): Body<Picture>) -> Answer {
    phone.set_picture(url.as_deref()).await?;
    Ok(Json(json!({})))
}
