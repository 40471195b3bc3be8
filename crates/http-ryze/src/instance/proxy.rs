use actix_web::{
    Responder, get, post,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_domain::{Result as DomainResult, proxy::ProxyConfig};
use wharf_wire::instance::WayOutView;

use super::block::{self, ProxyProtocolName};
use crate::{
    access::OpenInstance,
    body::Sent,
    config::UrlCheck,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// A way out.
#[derive(Deserialize, ToSchema)]
struct ProxyBody {
    /// Whether it has its own proxy; `false` removes it.
    #[schema(default = true)]
    enabled: Option<bool>,
    /// Host name or address. Needed unless it is removed.
    #[schema(example = "proxy.example.com")]
    host: Option<String>,
    /// The port, as text. Needed unless it is removed.
    #[schema(example = "1080")]
    port: Option<String>,
    /// How it is spoken to. Needed unless it is removed.
    #[schema(value_type = Option<ProxyProtocolName>)]
    protocol: Option<String>,
    /// Whom to log in as.
    username: Option<String>,
    /// Never given back.
    password: Option<String>,
}

impl ProxyBody {
    fn parse(self, urls: &UrlCheck) -> DomainResult<Option<ProxyConfig>> {
        if !self.enabled.unwrap_or(true) {
            return Ok(None);
        }
        let proxy = ProxyConfig::parse(
            self.protocol.as_deref().unwrap_or_default(),
            self.host.as_deref().unwrap_or_default(),
            self.port.as_deref().unwrap_or_default(),
            self.username,
            self.password,
        )?;
        block::check_proxy(&proxy, urls).map(|()| Some(proxy))
    }
}

/// The way out as it is.
#[derive(Serialize, ToSchema)]
struct ProxyAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Proxy configuration retrieved successfully")]
    message: &'static str,
    proxy: WayOutView,
}

/// Get the proxy
///
/// The instance's own. A proxy of the whole server is never shown.
#[utoipa::path(
    tag = "Instances",
    operation_id = "getProxy",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses((status = OK, description = "Found", body = ProxyAnswer), Refusals),
)]
#[get("/api/instance/getProxy/{instance:[^/]*}")]
pub(super) async fn get(caller: OpenInstance) -> impl Responder {
    let proxy = WayOutView::new(caller.instance.proxy.as_ref());
    let message = "Proxy configuration retrieved successfully";
    Json(ProxyAnswer { success: true, message, proxy })
}

/// Set the proxy
///
/// Writes the whole of it, or removes it. It counts from the next connect or reconnect on.
#[utoipa::path(
    tag = "Instances",
    operation_id = "setProxy",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body = ProxyBody,
    responses(
        (status = OK, description = "Set", body = ProxyAnswer),
        (status = BAD_REQUEST, description = "The body is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/instance/proxy/{instance:[^/]*}")]
pub(super) async fn set(
    caller: OpenInstance,
    urls: Data<UrlCheck>,
    body: Sent,
) -> Result<impl Responder, ApiError> {
    let proxy = body.json::<ProxyBody>()?.parse(&urls).during(Operation::SetProxy)?;
    let view = WayOutView::new(proxy.as_ref());
    let set = caller.services.instances.update_proxy(&caller.instance, proxy).await;
    set.during(Operation::SetProxy)?;
    Ok(Json(ProxyAnswer { success: true, message: "Proxy configuration updated", proxy: view }))
}
