use actix_web::{Responder, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_application::instances::SettingsChange;
use wharf_wire::instance::SettingsView;

use crate::{
    access::OpenInstance,
    body::Sent,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// What is to be changed. What is left out, or null, stays as it is; one at least has to be there.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SettingsBody {
    /// Reject every incoming call.
    auto_reject_calls: Option<bool>,
    /// What to write to a rejected caller, at most 1,000 characters; nothing when empty.
    call_reject_message: Option<String>,
    /// Leave messages of groups out.
    ignore_group_messages: Option<bool>,
    /// Stay visible as online.
    keep_online_status: Option<bool>,
    /// Send read receipts for what arrives.
    auto_read_messages: Option<bool>,
    /// Do not take in the history the phone offers.
    disable_history_sync: Option<bool>,
    /// Leave status broadcasts out.
    ignore_status: Option<bool>,
}

impl From<SettingsBody> for SettingsChange {
    fn from(asked: SettingsBody) -> Self {
        Self {
            auto_reject_calls: asked.auto_reject_calls,
            call_reject_message: asked.call_reject_message,
            ignore_group_messages: asked.ignore_group_messages,
            keep_online_status: asked.keep_online_status,
            auto_read_messages: asked.auto_read_messages,
            disable_history_sync: asked.disable_history_sync,
            ignore_status: asked.ignore_status,
        }
    }
}

/// The settings as they are.
#[derive(Serialize, ToSchema)]
struct SettingsAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Settings retrieved successfully")]
    message: &'static str,
    settings: SettingsView,
}

/// Get settings
#[utoipa::path(
    tag = "Instances",
    operation_id = "getSettings",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses((status = OK, description = "Found", body = SettingsAnswer), Refusals),
)]
#[get("/api/instance/getSettings/{instance:[^/]*}")]
pub(super) async fn get(caller: OpenInstance) -> impl Responder {
    let settings = SettingsView::new(&caller.instance.settings);
    Json(SettingsAnswer { success: true, message: "Settings retrieved successfully", settings })
}

/// Change settings
///
/// Changes what is sent and leaves the rest. A connected instance follows at once, but for `disableHistorySync`, which counts
/// for the next pairing.
#[utoipa::path(
    tag = "Instances",
    operation_id = "setSettings",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body = SettingsBody,
    responses(
        (status = OK, description = "Changed", body = SettingsAnswer),
        (status = BAD_REQUEST, description = "The body is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/instance/settings/{instance:[^/]*}")]
pub(super) async fn set(caller: OpenInstance, body: Sent) -> Result<impl Responder, ApiError> {
    let change = SettingsChange::from(body.json::<SettingsBody>()?);
    let changed = caller.services.instances.update_settings(&caller.instance, change).await;
    let settings = SettingsView::new(&changed.during(Operation::SetSettings)?);
    Ok(Json(SettingsAnswer { success: true, message: "Settings updated successfully", settings }))
}
