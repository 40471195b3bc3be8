//! Calls from and to a phone.

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, Problem, Segment};
use super::phone::{Answer, Named};
use crate::phone::calls::CallAct;
use crate::simulator::Simulator;

pub(super) fn routes() -> Router<Simulator> {
    Router::new()
        .route("/phones/{number}/call", post(call))
        .route("/phones/{number}/calls", get(calls))
        .route("/phones/{number}/calls/{id}", post(act).delete(hang_up))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    to: String,
    #[serde(default)]
    video: bool,
    /// Whether it rings; a group can also be told of a call without that.
    #[serde(default = "yes")]
    rings: bool,
}

fn yes() -> bool {
    true
}

async fn call(
    Named(phone): Named,
    Body(Call { to, video, rings }): Body<Call>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id =
        if rings { phone.call(&to, video).await? } else { phone.announce_call(&to, video).await? };
    Ok((StatusCode::CREATED, Json(json!({ "callId": id }))))
}

async fn calls(Named(phone): Named) -> Json<Value> {
    Json(json!({ "calls": phone.calls() }))
}

async fn act(
    Named(phone): Named,
    Segment(id): Segment<String>,
    Body(act): Body<CallAct>,
) -> Answer {
    phone.act_on_call(&id, act).await?;
    Ok(Json(json!({ "callId": id })))
}

async fn hang_up(Named(phone): Named, Segment(id): Segment<String>) -> Answer {
    phone.hang_up(&id).await?;
    Ok(Json(json!({ "callId": id })))
}
