use actix_web::{Responder, get, web::Json};
use serde::Serialize;
use utoipa::ToSchema;
use wharf_wire::webhook::WebhookView;

use super::LabelQuery;
use crate::{
    access::OpenInstance,
    error::{ApiError, During, Operation, Refusals},
    query::Asked,
};

/// One webhook, or all of them.
#[derive(Serialize, ToSchema)]
struct WebhookAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Webhook configuration retrieved")]
    message: &'static str,
    #[serde(flatten)]
    found: Found,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Found {
    /// The webhook of the label that was asked for.
    Webhook(WebhookView),
    /// All webhooks by label, when no label was asked for.
    Webhooks(Vec<WebhookView>),
}

/// Get webhooks
///
/// All webhooks of the instance, disabled ones too, or the one of a label.
#[utoipa::path(
    tag = "Events",
    operation_id = "getWebhook",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name"), LabelQuery),
    responses((status = OK, description = "Found", body = WebhookAnswer), Refusals),
)]
#[get("/api/events/getWebhook/{instance:[^/]*}")]
pub(super) async fn get(
    caller: OpenInstance,
    Asked(query): Asked<LabelQuery>,
) -> Result<impl Responder, ApiError> {
    find(&caller, &query).await
}

/// Get webhooks
///
/// The same as `getWebhook`.
#[utoipa::path(
    tag = "Events",
    operation_id = "getWebhookByAlias",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name"), LabelQuery),
    responses((status = OK, description = "Found", body = WebhookAnswer), Refusals),
)]
#[get("/api/events/webhook/{instance:[^/]*}")]
pub(super) async fn get_by_alias(
    caller: OpenInstance,
    Asked(query): Asked<LabelQuery>,
) -> Result<impl Responder, ApiError> {
    find(&caller, &query).await
}

async fn find(caller: &OpenInstance, query: &LabelQuery) -> Result<Json<WebhookAnswer>, ApiError> {
    let (webhooks, instance) = (&caller.services.webhooks, caller.instance.id);
    let found = if query.label.is_some() {
        let label = query.parse().during(Operation::GetWebhook)?;
        let found = webhooks.find(instance, &label).await.during(Operation::GetWebhook)?;
        Found::Webhook(WebhookView::from(&found))
    } else {
        let found = webhooks.list(instance).await.during(Operation::GetWebhook)?;
        Found::Webhooks(found.iter().map(WebhookView::from).collect())
    };
    Ok(Json(WebhookAnswer { success: true, message: "Webhook configuration retrieved", found }))
}
