//! What a phone says, and what it says about what others say.

use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::answer::Body;
use super::phone::{Answer, Named};
use crate::phone::saying::{Manner, Saying};
use crate::simulator::{Simulator, Telling};

pub(super) fn routes() -> Router<Simulator> {
    Router::new()
        .route("/phones/{number}/say", post(say))
        .route("/phones/{number}/receipt", post(tell))
        .route("/phones/{number}/forget-sessions", post(forget))
        .route("/phones/{number}/hide", post(hide))
        .route("/phones/{number}/reveal", post(reveal))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Say {
    to: String,
    message: Saying,
    quoted_id: Option<String>,
    #[serde(default)]
    mentions: Vec<String>,
    #[serde(default)]
    forwarded: bool,
    #[serde(default)]
    viewers: Vec<String>,
}

async fn say(Named(phone): Named, Body(request): Body<Say>) -> Answer {
    let Say { to, message, quoted_id: quoted, mentions, forwarded, viewers } = request;
    let id = phone.say(&to, &message, &Manner { quoted, mentions, forwarded, viewers }).await?;
    Ok(Json(json!({ "messageId": id })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Tell {
    message_ids: Vec<String>,
    #[serde(rename = "type")]
    telling: Telling,
}

async fn tell(Named(phone): Named, Body(Tell { message_ids, telling }): Body<Tell>) -> Answer {
    let ids: Vec<&str> = message_ids.iter().map(String::as_str).collect();
    phone.tell(&ids, telling).await?;
    Ok(Json(json!({ "messageIds": ids })))
}

async fn forget(Named(phone): Named) -> Answer {
    phone.forget_sessions();
    Ok(Json(json!({})))
}

async fn hide(Named(phone): Named) -> Answer {
    phone.hide_number(true).await;
    Ok(Json(json!({ "lid": phone.lid() })))
}

async fn reveal(Named(phone): Named) -> Answer {
    phone.hide_number(false).await;
    Ok(Json(json!({ "jid": phone.jid(), "lid": phone.lid() })))
}
