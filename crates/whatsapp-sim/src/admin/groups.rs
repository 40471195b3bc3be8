//! Groups of phones.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, Problem};
use crate::simulator::Simulator;

pub(super) fn routes() -> Router<Simulator> {
    Router::new().route("/groups", post(create))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    owner: String,
    subject: String,
    members: Vec<String>,
}

async fn create(
    State(simulator): State<Simulator>,
    Body(Create { owner, subject, members }): Body<Create>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let jid = simulator.create_group(&owner, &subject, &members).await?;
    Ok((StatusCode::CREATED, Json(json!({ "jid": jid }))))
}
