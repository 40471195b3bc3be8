//! Chats: what lies in them.

mod base64;

use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn endpoints(config: &mut ServiceConfig<'_>) {
    config.service(base64::read);
}
