use actix_web::{HttpRequest, Responder, post, web::Json};
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::message::SendText;

use super::{
    SendRefusals, SentAnswer, given,
    idempotency::{self, IdempotencyKey},
};
use crate::{
    access::OpenInstance,
    body::Sent,
    error::{ApiError, During, Operation, Refusals},
};

/// A text to send.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TextBody {
    /// To whom: a number in international form, or any WhatsApp address.
    #[schema(example = "5511999990001", required = true, nullable = false)]
    number: Option<String>,
    /// The text.
    #[schema(example = "Hello!", required = true, nullable = false)]
    message: Option<String>,
    /// The id of the stored message it answers.
    reply_to: Option<String>,
    /// How many seconds to show "typing…" first, at most 300.
    delay: Option<i64>,
    /// A tag of the caller's, which comes back in events. `api` when absent.
    #[schema(example = "crm")]
    source: Option<String>,
}

impl TextBody {
    fn parse(self) -> Result<SendText, ApiError> {
        let number = given(self.number, "number")?;
        let message = given(self.message, "message")?;
        SendText::parse(&number, message, self.reply_to.as_deref(), self.delay, self.source)
            .during(Operation::SendMessage)
    }
}

/// Send a text
///
/// Answers once WhatsApp's server has acknowledged the message. A repeat with the same `Idempotency-Key` within 24 hours
/// sends nothing and gives the first answer again.
#[utoipa::path(
    tag = "Messages",
    operation_id = "sendText",
    security(("token" = []), ("bearer" = [])),
    params(
        ("instance" = String, Path, description = "The instance's name"),
        IdempotencyKey,
    ),
    request_body = TextBody,
    responses(
        (status = OK, description = "Sent", body = SentAnswer),
        SendRefusals,
        Refusals,
    ),
)]
#[post("/api/message/text/{instance:[^/]*}")]
pub(super) async fn send_text(
    caller: OpenInstance,
    request: HttpRequest,
    body: Sent,
) -> Result<impl Responder, ApiError> {
    let text = body.json_or_why::<TextBody>()?.parse()?;
    let key = idempotency::key(&request).during(Operation::SendMessage)?;
    let sent = caller.services.messages.send_text(&caller.instance, text, key).await;
    Ok(Json(SentAnswer::from(&sent.during(Operation::SendMessage)?)))
}
