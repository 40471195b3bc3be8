use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web::Data};
use futures::future::{FutureExt, LocalBoxFuture};
use wharf_application::Services;
use wharf_domain::{
    instance::{Instance, InstanceName},
    token::Principal,
};

use super::cookie;
use crate::{
    access::{Caller, name_in_path, services, unknown_name},
    error::{ApiError, During, Operation},
};

/// The instance whose page is visited, opened by a token or by the visit that a link began, and the use cases.
pub(super) struct Visitor {
    pub(super) instance: Instance,
    pub(super) services: Data<Services>,
    /// Whether a token opened it, so that there is no visit yet.
    pub(super) by_token: bool,
}

impl FromRequest for Visitor {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let (services, name) = (services(&request)?, name_in_path(&request)?);
            let principal = match request.extensions().get::<Caller>() {
                Some(Caller::Known(principal)) => Some(*principal),
                Some(Caller::Stranger) => return Err(ApiError::InvalidToken),
                Some(Caller::Nobody) | None => None,
            };
            let instance = match principal {
                Some(principal) => by_token(&services, principal, name).await?,
                None => by_visit(&services, &request, name).await?,
            };
            Ok(Self { instance, services, by_token: principal.is_some() })
        }
        .boxed_local()
    }
}

async fn by_token(
    services: &Services,
    principal: Principal,
    name: Option<InstanceName>,
) -> Result<Instance, ApiError> {
    let found = match name {
        Some(name) => services.access.instance(principal, &name).await,
        None => Err(unknown_name(principal)),
    };
    found.during(Operation::FindInstance)
}

/// What no visit opens is refused alike, whether there is such an instance or not.
async fn by_visit(
    services: &Services,
    request: &HttpRequest,
    name: Option<InstanceName>,
) -> Result<Instance, ApiError> {
    let (Some(visit), Some(name)) = (cookie::visit(request), name) else {
        return Err(ApiError::BadLink);
    };
    let found = services.pages.instance(&visit, &name).await;
    found.during(Operation::FindInstance)?.ok_or(ApiError::BadLink)
}
