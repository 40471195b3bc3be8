use actix_web::{Responder, get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_domain::{
    Result as DomainResult,
    delivery::{DeliveryId, DeliveryState},
    webhook::WebhookLabel,
};
use wharf_wire::delivery::DeliveryView;

use crate::{
    access::OpenInstance,
    error::{ApiError, During, Operation, Refusals},
    paging,
    query::Asked,
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliveriesQuery {
    /// Only those in this state: `pending`, `delivered`, `dead` or `held`.
    #[param(example = "dead")]
    state: Option<String>,
    /// Only those to this webhook; empty is `default`, absent is all of them.
    #[param(example = "default")]
    label: Option<String>,
    /// Where the page begins: `nextCursor` of the one before.
    cursor: Option<String>,
    /// How many at most, 1 to 500; 100 when absent.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 500)]
    limit: Option<String>,
}

/// What a caller wants to see.
struct Wanted {
    state: Option<DeliveryState>,
    label: Option<WebhookLabel>,
    after: Option<DeliveryId>,
    limit: usize,
}

impl DeliveriesQuery {
    fn parse(&self) -> DomainResult<Wanted> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let cursor = given(&self.cursor).map(|raw| raw.parse().map_err(|_| paging::bad_cursor()));
        Ok(Wanted {
            state: given(&self.state).as_deref().map(DeliveryState::parse).transpose()?,
            label: self.label.as_deref().map(|it| WebhookLabel::parse(Some(it))).transpose()?,
            after: cursor.transpose()?.map(DeliveryId),
            limit: paging::limit(self.limit.as_deref())?,
        })
    }
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveriesAnswer {
    /// Always true.
    success: bool,
    /// The oldest event first.
    deliveries: Vec<DeliveryView>,
    /// Where the next page begins; null when this is the last.
    next_cursor: Option<String>,
}

/// List deliveries
///
/// What of the instance's events is on its way to its webhooks, was delivered, was given up, or is held because the webhook is
/// disabled. A delivery is kept as long as its event.
#[utoipa::path(
    tag = "Events",
    operation_id = "listDeliveries",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name"), DeliveriesQuery),
    responses((status = OK, description = "Found", body = DeliveriesAnswer), Refusals),
)]
#[get("/api/events/deliveries/{instance:[^/]*}")]
pub(super) async fn list(
    caller: OpenInstance,
    Asked(query): Asked<DeliveriesQuery>,
) -> Result<impl Responder, ApiError> {
    let Wanted { state, label, after, limit } = query.parse().during(Operation::ListDeliveries)?;
    let deliveries = &caller.services.deliveries;
    let page = deliveries.list(caller.instance.id, state, label.as_ref(), after, limit).await;
    let page = page.during(Operation::ListDeliveries)?;
    Ok(Json(DeliveriesAnswer {
        success: true,
        deliveries: page.deliveries.iter().map(DeliveryView::from).collect(),
        next_cursor: page.next.map(|id| id.0.to_string()),
    }))
}
