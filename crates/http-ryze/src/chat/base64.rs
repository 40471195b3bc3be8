use actix_web::{Responder, get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_application::media::MediaFile;
use wharf_domain::{
    Error, Resource,
    message::{MediaKind, MessageId},
};
use wharf_wire::Base64;

use crate::{
    access::OpenInstance,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
    query::Asked,
};

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct MediaQuery {
    /// The id of the stored message.
    #[param(example = "3EB0A9253FA64269E11C9D", required = true)]
    message_id: Option<String>,
}

impl MediaQuery {
    fn message_id(self) -> Result<MessageId, ApiError> {
        let id = self.message_id.filter(|id| !id.trim().is_empty());
        // An id no message can have is unknown like any other.
        MessageId::parse(id.ok_or(ApiError::MissingQuery("messageId"))?)
            .map_err(|_| Error::NotFound(Resource::Message))
            .during(Operation::GetMedia)
    }
}

/// The media of a message.
#[derive(Serialize, ToSchema)]
struct Base64Answer {
    /// Always true.
    success: bool,
    #[schema(example = "Base64 retrieved successfully")]
    message: &'static str,
    message_id: String,
    /// The type its sender gave it.
    #[schema(example = "image/jpeg")]
    mime_type: String,
    media_type: KindName,
    /// The media itself, decrypted.
    #[schema(value_type = String)]
    base64: Base64,
    /// Where the instance's bucket keeps it; a URL made now.
    #[serde(rename = "s3Url")]
    s3_url: Option<String>,
    /// Why there is no such place although the instance has a bucket; only then.
    #[serde(rename = "s3Error", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    s3_error: Option<String>,
}

/// What media can be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum KindName {
    /// A picture.
    Image,
    /// A film, also a round one.
    Video,
    /// A sound file or a voice note.
    Audio,
    /// Any file.
    Document,
    /// A sticker.
    Sticker,
}

impl From<MediaKind> for KindName {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Image => Self::Image,
            MediaKind::Video | MediaKind::VideoNote => Self::Video,
            MediaKind::Audio | MediaKind::VoiceNote => Self::Audio,
            MediaKind::Document => Self::Document,
            MediaKind::Sticker => Self::Sticker,
        }
    }
}

impl From<&MediaFile> for Base64Answer {
    fn from(file: &MediaFile) -> Self {
        let mime_type = file.media.mime_type.as_deref().unwrap_or("application/octet-stream");
        Self {
            success: true,
            message: "Base64 retrieved successfully",
            message_id: file.message.id.to_string(),
            mime_type: mime_type.to_owned(),
            media_type: file.media.kind.into(),
            base64: Base64(file.bytes.clone()),
            s3_url: file.copy.s3_url.clone(),
            s3_error: file.copy.s3_error.clone(),
        }
    }
}

/// Get the media of a message
///
/// From the instance's bucket or from WhatsApp, while either still has it.
#[utoipa::path(
    tag = "Messages",
    operation_id = "getBase64",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name"), MediaQuery),
    responses(
        (status = OK, description = "Found", body = Base64Answer),
        (status = BAD_REQUEST, description = "No message is named, or its media is too large", body = ErrorBody),
        (
            status = SERVICE_UNAVAILABLE,
            description = "Only WhatsApp could have it, and the instance is not connected",
            body = ErrorBody,
        ),
        (status = GATEWAY_TIMEOUT, description = "Whoever has it did not give it in time", body = ErrorBody),
        Refusals,
    ),
)]
#[get("/api/chat/base64/{instance:[^/]*}")]
pub(super) async fn read(
    caller: OpenInstance,
    Asked(query): Asked<MediaQuery>,
) -> Result<impl Responder, ApiError> {
    let id = query.message_id()?;
    let file = caller.services.media.read(&caller.instance, &id).await;
    Ok(Json(Base64Answer::from(&file.during(Operation::GetMedia)?)))
}
