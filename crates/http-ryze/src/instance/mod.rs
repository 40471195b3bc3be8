//! Instances: make, list, set up, connect, remove.

mod block;
mod cancel;
mod connect;
mod create;
mod delete;
mod list;
mod logout;
mod metrics;
mod proxy;
mod reconnect;
mod s3;
mod settings;

use serde::Serialize;
use utoipa::ToSchema;

use crate::routes::Routes;

pub(crate) use self::connect::phone_number;

/// The path of creation, which has a rate limit of its own.
pub(crate) const CREATE: &str = "/api/instance/new";

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config
        .service(create::create)
        .service(list::list)
        .service(settings::get)
        .service(settings::set)
        .service(proxy::get)
        .service(proxy::set)
        .service(s3::get)
        .service(s3::set)
        .service(metrics::metrics)
        .service(connect::connect)
        .service(cancel::cancel)
        .service(reconnect::reconnect)
        .service(logout::logout)
        .service(delete::delete);
}

/// What became of an instance.
#[derive(Serialize, ToSchema)]
struct EndedAnswer {
    /// Always true.
    success: bool,
    /// What was done.
    message: &'static str,
    instance: EndedInstance,
}

/// The instance's new status.
#[derive(Serialize, ToSchema)]
struct EndedInstance {
    /// `loggedout` or `deleted`.
    status: &'static str,
}

impl EndedAnswer {
    fn new(message: &'static str, status: &'static str) -> Self {
        Self { success: true, message, instance: EndedInstance { status } }
    }
}
