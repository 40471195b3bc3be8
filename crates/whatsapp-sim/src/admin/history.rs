//! The past that companions are told of.

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, Problem};
use super::phone::Named;
use crate::phone::history::PastMessage;
use crate::simulator::Simulator;

pub(super) fn routes() -> Router<Simulator> {
    Router::new().route("/phones/{number}/history", post(add).get(list))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Message {
    with: String,
    text: String,
    #[serde(default)]
    from_me: bool,
    at: String,
}

async fn add(
    Named(phone): Named,
    Body(Add { messages }): Body<Add>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let messages = messages.into_iter().map(|Message { with, text, from_me, at }| {
        let at = DateTime::parse_from_rfc3339(&at).map_err(Problem::bad_request)?;
        let at = u64::try_from(at.timestamp()).map_err(Problem::bad_request)?;
        Ok(PastMessage { with: with.trim_start_matches('+').to_owned(), text, from_me, at })
    });
    phone.add_history(messages.collect::<Result<_, Problem>>()?).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({}))))
}

async fn list(Named(phone): Named) -> Json<Value> {
    Json(json!({ "offers": phone.history() }))
}
