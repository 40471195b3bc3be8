//! Labels that a phone's owner makes and puts on chats.

use axum::routing::{delete, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::answer::{Body, Segment};
use super::phone::{Answer, Named};
use crate::simulator::Simulator;

pub(super) fn routes() -> Router<Simulator> {
    Router::new()
        .route("/phones/{number}/labels", post(edit))
        .route("/phones/{number}/labels/{id}", delete(remove).post(put))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    id: String,
    name: String,
    #[serde(default)]
    color: i32,
}

async fn edit(Named(phone): Named, Body(Edit { id, name, color }): Body<Edit>) -> Answer {
    phone.edit_label(&id, &name, color).await?;
    Ok(Json(json!({ "id": id })))
}

async fn remove(Named(phone): Named, Segment(id): Segment<String>) -> Answer {
    phone.delete_label(&id).await?;
    Ok(Json(json!({ "id": id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    chat: String,
    labeled: bool,
}

async fn put(
    Named(phone): Named,
    Segment(id): Segment<String>,
    Body(Put { chat, labeled }): Body<Put>,
) -> Answer {
    phone.label_chat(&id, &chat, labeled).await?;
    Ok(Json(json!({ "id": id })))
}
