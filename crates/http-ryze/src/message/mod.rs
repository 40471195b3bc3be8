//! Messages: send.

mod idempotency;
mod media;
mod sticker;
mod text;

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};
use wharf_domain::message::Message;
use wharf_wire::sent::SentMessageView;

use crate::{
    error::{ApiError, ErrorBody},
    routes::Routes,
};

/// The paths whose bodies may hold a file.
pub(crate) const WITH_FILES: [&str; 2] = ["/api/message/media/", "/api/message/sticker/"];

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config.service(text::send_text).service(media::send_media).service(sticker::send_sticker);
}

/// A message that WhatsApp's server has acknowledged.
#[derive(Serialize, ToSchema)]
struct SentAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Message sent successfully")]
    message: &'static str,
    #[schema(example = "sent")]
    status: &'static str,
    data: SentMessageView,
}

/// The refusals every send knows besides those of all routes.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the OpenAPI generator alone")]
enum SendRefusals {
    /// The body is not right, or the file in it; the instance is not connected; or nobody has the number
    #[response(status = BAD_REQUEST)]
    Unfit(ErrorBody),
    /// The key was used for another request
    #[response(status = CONFLICT)]
    Used(ErrorBody),
    /// WhatsApp did not acknowledge it
    #[response(status = GATEWAY_TIMEOUT)]
    Unacknowledged(ErrorBody),
}

impl From<&Message> for SentAnswer {
    fn from(sent: &Message) -> Self {
        Self {
            success: true,
            message: "Message sent successfully",
            status: "sent",
            data: SentMessageView::from(sent),
        }
    }
}

/// A text that has to be there and say something.
fn given(text: Option<String>, field: &'static str) -> Result<String, ApiError> {
    text.filter(|text| !text.trim().is_empty()).ok_or(ApiError::MissingField(field))
}
