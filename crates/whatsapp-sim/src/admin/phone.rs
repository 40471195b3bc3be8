//! One phone in the hand of a program.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Body, Problem, Segment};
use crate::error::Error;
use crate::simulator::{Doing, Phone, Simulator};

pub(super) type Answer = Result<Json<Value>, Problem>;

/// The phone the path names.
pub(super) struct Named(pub(super) Phone);

impl FromRequestParts<Simulator> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, simulator: &Simulator) -> Result<Self, Problem> {
        let params = axum::extract::RawPathParams::from_request_parts(parts, simulator)
            .await
            .map_err(Problem::bad_request)?;
        let number = params.iter().find(|(name, _)| *name == "number").map(|(_, number)| number);
        let phone = number.and_then(|number| simulator.phone(number));
        phone.map(Self).ok_or_else(|| Error::NotFound("phone").into())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    number: String,
    name: String,
    addressing: Option<Addressing>,
}

/// How the chats of a new account are addressed.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Addressing {
    Number,
    Lid,
}

pub(super) async fn create(
    State(simulator): State<Simulator>,
    Body(Create { number, name, addressing }): Body<Create>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let phone = match addressing {
        Some(by) => {
            simulator.create_addressed_phone(&number, &name, matches!(by, Addressing::Lid))?
        }
        None => simulator.create_phone(&number, &name)?,
    };
    Ok((StatusCode::CREATED, Json(view(&phone))))
}

pub(super) async fn list(State(simulator): State<Simulator>) -> Json<Value> {
    let phones: Vec<Value> = simulator.phones().iter().map(view).collect();
    Json(json!({ "phones": phones }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scan {
    qr: String,
}

pub(super) async fn scan(Named(phone): Named, Body(Scan { qr }): Body<Scan>) -> Answer {
    let id = phone.scan(&qr).await?;
    Ok(Json(json!({ "device": { "id": id } })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnterCode {
    code: String,
}

pub(super) async fn enter_code(
    Named(phone): Named,
    Body(EnterCode { code }): Body<EnterCode>,
) -> Answer {
    let id = phone.enter_code(&code).await?;
    Ok(Json(json!({ "device": { "id": id } })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Send {
    to: String,
    text: String,
    quoted_id: Option<String>,
}

pub(super) async fn send(Named(phone): Named, Body(message): Body<Send>) -> Answer {
    let Send { to, text, quoted_id } = message;
    let id = match quoted_id {
        Some(quoted) => phone.reply_text(&to, &text, &quoted).await?,
        None => phone.send_text(&to, &text).await?,
    };
    Ok(Json(json!({ "messageId": id })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Read {
    message_id: String,
}

pub(super) async fn read(Named(phone): Named, Body(Read { message_id }): Body<Read>) -> Answer {
    phone.read(&message_id).await?;
    Ok(Json(json!({ "messageId": message_id })))
}

pub(super) async fn play(Named(phone): Named, Body(Read { message_id }): Body<Read>) -> Answer {
    phone.play(&message_id).await?;
    Ok(Json(json!({ "messageId": message_id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypeIn {
    to: String,
    #[serde(default)]
    doing: Doing,
}

pub(super) async fn type_in(
    Named(phone): Named,
    Body(TypeIn { to, doing }): Body<TypeIn>,
) -> Answer {
    phone.show(&to, doing).await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Presence {
    available: bool,
}

pub(super) async fn presence(
    Named(phone): Named,
    Body(Presence { available }): Body<Presence>,
) -> Answer {
    phone.set_available(available).await;
    Ok(Json(json!({})))
}

pub(super) async fn messages(Named(phone): Named) -> Json<Value> {
    Json(json!({ "messages": phone.messages() }))
}

pub(super) async fn devices(Named(phone): Named) -> Json<Value> {
    Json(json!({ "devices": phone.devices() }))
}

pub(super) async fn unlink(Named(phone): Named, Segment(id): Segment<u16>) -> Answer {
    phone.unlink(id).await?;
    Ok(Json(json!({ "device": { "id": id } })))
}

fn view(phone: &Phone) -> Value {
    json!({
        "number": phone.number(),
        "name": phone.name(),
        "jid": phone.jid(),
        "lid": phone.lid(),
    })
}
