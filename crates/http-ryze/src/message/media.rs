use actix_web::{HttpRequest, Responder, post, web::Json};
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::send_media::{MediaRequest, SendMedia};

use super::{
    SendRefusals, SentAnswer, given,
    idempotency::{self, IdempotencyKey},
};
use crate::{
    access::OpenInstance,
    body::Sent,
    error::{ApiError, During, Operation, Refusals},
};

/// Media to send.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MediaBody {
    /// To whom: a number in international form, or any WhatsApp address.
    #[schema(example = "5511999990001", required = true, nullable = false)]
    number: Option<String>,
    /// What to send it as.
    #[schema(value_type = MediaType, required = true, nullable = false)]
    media_type: Option<String>,
    /// Where it is, an http or https URL; or itself, as a data URL or base64. Either this or `mediaBase64` is needed.
    #[schema(example = "https://example.com/cat.jpg")]
    media_url: Option<String>,
    /// The media itself, as a data URL or base64.
    media_base64: Option<String>,
    /// The text under it.
    message: Option<String>,
    /// Its type, where its content does not tell.
    #[schema(example = "image/jpeg")]
    mime_type: Option<String>,
    /// The name shown on a document's card.
    file_name: Option<String>,
    /// Whether audio is a voice note.
    #[schema(default = true)]
    is_voice: Option<bool>,
    /// Its length in seconds, where its content does not tell.
    duration: Option<f64>,
    /// The loudness of a voice note: at most 1,024 numbers from 0 to 255.
    waveform: Option<Vec<i64>>,
    /// The id of the stored message it answers.
    reply_to: Option<String>,
    /// How many seconds to show "typing…" first, at most 300.
    delay: Option<i64>,
    /// A tag of the caller's, which comes back in events. `api` when absent.
    #[schema(example = "crm")]
    source: Option<String>,
}

/// What media can be sent as.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "read by the OpenAPI generator alone")]
enum MediaType {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Any file.
    Document,
    /// A voice note, or with `isVoice: false` a sound file.
    Audio,
}

impl MediaBody {
    fn parse(self, max: u64) -> Result<SendMedia, ApiError> {
        let number = given(self.number, "number")?;
        let media_type = given(self.media_type, "mediaType")?;
        let is_there = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.trim().is_empty());
        if !is_there(&self.media_url) && !is_there(&self.media_base64) {
            return Err(ApiError::MissingField("mediaUrl"));
        }
        let request = MediaRequest {
            number,
            media_type,
            media_url: self.media_url,
            media_base64: self.media_base64,
            caption: self.message,
            mime_type: self.mime_type,
            file_name: self.file_name,
            is_voice: self.is_voice,
            duration: self.duration,
            waveform: self.waveform,
            reply_to: self.reply_to,
            delay: self.delay,
            source: self.source,
        };
        SendMedia::parse(request, max).during(Operation::SendMessage)
    }
}

/// Send media
///
/// A picture, a film, a sound or any file, from a URL or from the body. Answers once WhatsApp's server has acknowledged the
/// message. A repeat with the same `Idempotency-Key` within 24 hours sends nothing and gives the first answer again.
#[utoipa::path(
    tag = "Messages",
    operation_id = "sendMedia",
    security(("token" = []), ("bearer" = [])),
    params(
        ("instance" = String, Path, description = "The instance's name"),
        IdempotencyKey,
    ),
    request_body = MediaBody,
    responses(
        (status = OK, description = "Sent", body = SentAnswer),
        SendRefusals,
        Refusals,
    ),
)]
#[post("/api/message/media/{instance:[^/]*}")]
pub(super) async fn send_media(
    caller: OpenInstance,
    request: HttpRequest,
    body: Sent,
) -> Result<impl Responder, ApiError> {
    let max = caller.services.media_config().send_max;
    let media = body.json_or_why::<MediaBody>()?.parse(max)?;
    let key = idempotency::key(&request).during(Operation::SendMessage)?;
    let sent = caller.services.messages.send_media(&caller.instance, media, key).await;
    Ok(Json(SentAnswer::from(&sent.during(Operation::SendMessage)?)))
}
