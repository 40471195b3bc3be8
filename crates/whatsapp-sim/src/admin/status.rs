//! The status an owner shows.

use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::answer::Body;
use super::phone::{Answer, Named};
use crate::simulator::Simulator;

pub(super) fn routes() -> Router<Simulator> {
    Router::new().route("/phones/{number}/status", post(show))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Show {
    text: String,
    to: Vec<String>,
}

async fn show(Named(phone): Named, Body(Show { text, to }): Body<Show>) -> Answer {
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let id = phone.post_status(&text, &to).await?;
    Ok(Json(json!({ "messageId": id })))
}
