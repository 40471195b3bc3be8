//! Calls from and to a phone.

use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, Problem, Segment};
use super::phone::{Answer, Named};
use crate::simulator::Simulator;

pub(super) fn routes() -> Router<Simulator> {
    Router::new()
        .route("/phones/{number}/call", post(call))
        .route("/phones/{number}/calls", get(calls))
        .route("/phones/{number}/calls/{id}", delete(hang_up))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    to: String,
    #[serde(default)]
    video: bool,
}

async fn call(
    Named(phone): Named,
    Body(Call { to, video }): Body<Call>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = phone.call(&to, video).await?;
    Ok((StatusCode::CREATED, Json(json!({ "callId": id }))))
}

async fn calls(Named(phone): Named) -> Json<Value> {
    Json(json!({ "calls": phone.calls() }))
}

async fn hang_up(Named(phone): Named, Segment(id): Segment<String>) -> Answer {
    phone.hang_up(&id).await?;
    Ok(Json(json!({ "callId": id })))
}
