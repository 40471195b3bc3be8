//! Groups of phones, and what their members do with them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, Problem, Segment};
use super::phone::{Answer, Named};
use crate::error::Error;
use crate::simulator::Simulator;
use crate::state::groups::GroupChange;

pub(super) fn routes() -> Router<Simulator> {
    Router::new()
        .route("/groups", get(list).post(create))
        .route("/groups/{jid}", get(one))
        .route("/phones/{number}/groups/{jid}", post(change))
        .route("/phones/{number}/groups/{jid}/invite", get(invite))
        .route("/phones/{number}/join", post(join))
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

async fn list(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!({ "groups": simulator.groups() }))
}

async fn one(State(simulator): State<Simulator>, Segment(jid): Segment<String>) -> Answer {
    let group = simulator.group(&jid).ok_or(Error::NotFound("group"))?;
    Ok(Json(json!(group)))
}

async fn change(
    Named(phone): Named,
    Segment(jid): Segment<String>,
    Body(change): Body<GroupChange>,
) -> Answer {
    phone.change_group(&jid, &change).await?;
    Ok(Json(json!({ "jid": jid })))
}

async fn invite(Named(phone): Named, Segment(jid): Segment<String>) -> Answer {
    Ok(Json(json!({ "code": phone.invite_code(&jid).await? })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    code: String,
}

async fn join(Named(phone): Named, Body(Join { code }): Body<Join>) -> Answer {
    let (jid, joined) = phone.join_group(&code).await?;
    Ok(Json(json!({ "jid": jid, "state": joined })))
}
