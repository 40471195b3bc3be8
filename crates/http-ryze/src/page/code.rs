use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{guarded, visitor::Visitor};
use crate::{
    body::Sent,
    error::{ApiError, During, ErrorBody, Operation},
    instance::phone_number,
};

/// What the page's form sends.
#[derive(Deserialize, ToSchema)]
struct CodeForm {
    /// The phone's number in international form; without one a code to scan is made.
    #[schema(example = "5511999990001")]
    number: Option<String>,
}

/// A pairing is under way.
#[derive(Serialize, ToSchema)]
struct BegunAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Pairing started")]
    message: &'static str,
}

/// Ask for a code on the pairing page
///
/// Begins a pairing, or joins the one under way: with a number for a code to type, without one for a code to scan. What comes of
/// it is in the page's state.
#[utoipa::path(
    tag = "Pairing page",
    operation_id = "askConnectCode",
    security(("token" = []), ("bearer" = []), ("visit" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body(content = CodeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = ACCEPTED, description = "Under way", body = BegunAnswer),
        (status = BAD_REQUEST, description = "The number is not right", body = ErrorBody),
        (status = UNAUTHORIZED, description = "Nobody has the token", body = ErrorBody),
        (status = FORBIDDEN, description = "The visit is over, or there was none", body = ErrorBody),
        (status = NOT_FOUND, description = "There is no such instance", body = ErrorBody),
        (status = INTERNAL_SERVER_ERROR, description = "Something failed that is not the caller's fault", body = ErrorBody),
    ),
)]
#[post("/connect/{instance:[^/]*}/code")]
pub(super) async fn ask(visitor: Visitor, body: Sent) -> Result<HttpResponse, ApiError> {
    let form: CodeForm = body.form()?;
    let number = form.number.as_deref().filter(|number| !number.trim().is_empty());
    let number = number.map(phone_number).transpose().during(Operation::Connect)?;
    let begun = visitor.services.connections.begin(&visitor.instance, number);
    begun.during(Operation::Connect)?;
    let answer = BegunAnswer { success: true, message: "Pairing started" };
    Ok(guarded(HttpResponse::Accepted()).json(answer))
}
