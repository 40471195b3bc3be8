//! Messages: send.

mod idempotency;
mod text;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use wharf_domain::message::Message;
use wharf_wire::sent::SentMessageView;

pub(crate) fn endpoints(config: &mut ServiceConfig<'_>) {
    config.service(text::send_text);
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
