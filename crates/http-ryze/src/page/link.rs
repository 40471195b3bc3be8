use actix_web::{
    Responder, post,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa::ToSchema;
use wharf_wire::rfc3339;

use super::{PublicUrl, in_url};
use crate::{
    access::OpenInstance,
    error::{ApiError, During, Operation, Refusals},
};

/// A link to the page that pairs a phone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LinkAnswer {
    /// Always true.
    success: bool,
    /// Opens the page once.
    #[schema(example = "https://wharf.example.com/connect/sales?link=…")]
    url: String,
    /// Until when it can be opened, RFC 3339.
    expires_at: String,
}

/// Make a link to the pairing page
///
/// For somebody who has no token: whoever opens the link within ten minutes sees the QR code of this instance, and can ask for a
/// code to type. It opens once; the visit it begins lasts a quarter of an hour.
#[utoipa::path(
    tag = "Pairing page",
    operation_id = "createConnectLink",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses((status = OK, description = "Made", body = LinkAnswer), Refusals),
)]
#[post("/api/instance/connectLink/{instance:[^/]*}")]
pub(super) async fn link(
    caller: OpenInstance,
    server: Data<PublicUrl>,
) -> Result<impl Responder, ApiError> {
    let ticket = caller.services.pages.link(&caller.instance).await.during(Operation::LinkPage)?;
    let page = server.page(&in_url(caller.instance.name.as_str()));
    Ok(Json(LinkAnswer {
        success: true,
        url: format!("{page}?link={}", ticket.token.expose()),
        expires_at: rfc3339(ticket.expires_at),
    }))
}
