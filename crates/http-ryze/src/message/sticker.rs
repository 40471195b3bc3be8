use actix_web::{HttpRequest, Responder, post, web::Json};
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::send_media::{SendSticker, StickerRequest};

use super::{
    SendRefusals, SentAnswer, given,
    idempotency::{self, IdempotencyKey},
};
use crate::{
    access::OpenInstance,
    body::Sent,
    error::{ApiError, During, Operation, Refusals},
};

/// A sticker to send.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StickerBody {
    /// To whom: a number in international form, or any WhatsApp address.
    #[schema(example = "5511999990001", required = true, nullable = false)]
    number: Option<String>,
    /// Where the picture is, an http or https URL; or itself, as a data URL or base64.
    #[schema(example = "https://example.com/cat.png", required = true, nullable = false)]
    image_url: Option<String>,
    /// The id of the stored message it answers.
    reply_to: Option<String>,
    /// How many seconds to show "typing…" first, at most 300.
    delay: Option<i64>,
    /// A tag of the caller's, which comes back in events. `api` when absent.
    #[schema(example = "crm")]
    source: Option<String>,
}

impl StickerBody {
    fn parse(self, max: u64) -> Result<SendSticker, ApiError> {
        let request = StickerRequest {
            number: given(self.number, "number")?,
            image_url: given(self.image_url, "imageUrl")?,
            reply_to: self.reply_to,
            delay: self.delay,
            source: self.source,
        };
        SendSticker::parse(request, max).during(Operation::SendMessage)
    }
}

/// Send a sticker
///
/// Made of any picture: it is turned into WebP of 512 × 512 pixels. Answers once WhatsApp's server has acknowledged the message. A
/// repeat with the same `Idempotency-Key` within 24 hours sends nothing and gives the first answer again.
#[utoipa::path(
    tag = "Messages",
    operation_id = "sendSticker",
    security(("token" = []), ("bearer" = [])),
    params(
        ("instance" = String, Path, description = "The instance's name"),
        IdempotencyKey,
    ),
    request_body = StickerBody,
    responses(
        (status = OK, description = "Sent", body = SentAnswer),
        SendRefusals,
        Refusals,
    ),
)]
#[post("/api/message/sticker/{instance:[^/]*}")]
pub(super) async fn send_sticker(
    caller: OpenInstance,
    request: HttpRequest,
    body: Sent,
) -> Result<impl Responder, ApiError> {
    let max = caller.services.media_config().send_max;
    let sticker = body.json_or_why::<StickerBody>()?.parse(max)?;
    let key = idempotency::key(&request).during(Operation::SendMessage)?;
    let sent = caller.services.messages.send_sticker(&caller.instance, sticker, key).await;
    Ok(Json(SentAnswer::from(&sent.during(Operation::SendMessage)?)))
}
