//! The WebSocket of an instance: how its events are told to clients that are attached.

mod get;
mod set;

use serde::Serialize;
use utoipa::ToSchema;

use crate::routes::Routes;
use wharf_wire::instance::WebSocketView;

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config.service(set::set).service(get::get);
}

/// The WebSocket as it is set up.
#[derive(Serialize, ToSchema)]
struct WebSocketAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "WebSocket configuration retrieved")]
    message: &'static str,
    websocket: WebSocketView,
}
