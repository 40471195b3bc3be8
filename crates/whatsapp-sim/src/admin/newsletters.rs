//! Making newsletters.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, Problem};
use crate::simulator::Simulator;

pub(super) fn routes() -> Router<Simulator> {
    Router::new().route("/newsletters", post(create))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    owner: String,
    name: String,
    #[serde(default)]
    subscribers: Vec<String>,
}

async fn create(
    State(simulator): State<Simulator>,
    Body(Create { owner, name, subscribers }): Body<Create>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let subscribers: Vec<&str> = subscribers.iter().map(String::as_str).collect();
    let jid = simulator.create_newsletter(&owner, &name, &subscribers).await?;
    Ok((StatusCode::CREATED, Json(json!({ "jid": jid }))))
}
