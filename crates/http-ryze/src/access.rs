//! Extractors that yield what they guard.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header,
    web::{Data, Path, Query},
};
use futures::future::{FutureExt, LocalBoxFuture};
use wharf_application::Services;
use wharf_domain::{
    Error, Resource,
    account::AccountId,
    instance::{Instance, InstanceName},
    token::{Principal, Token},
};

use crate::{
    error::{ApiError, During, Operation},
    live,
};

/// Who is calling, as the gate found out.
#[derive(Debug)]
pub(crate) enum Caller {
    /// No token came along.
    Nobody,
    /// Nobody has the token that came along.
    Stranger,
    /// The owner of a token.
    Known(Principal),
}

impl Caller {
    /// Finds out who is calling.
    pub(crate) async fn identify(
        services: &Services,
        headers: &header::HeaderMap,
        path: &str,
        query: &str,
    ) -> Result<Self, ApiError> {
        let in_query = || path.starts_with(live::PREFIX).then(|| token_in(query)).flatten();
        let given = token(headers).map(str::to_owned).or_else(in_query);
        let Some(raw) = given else { return Ok(Self::Nobody) };
        let Ok(token) = Token::parse(raw) else { return Ok(Self::Stranger) };
        let principal = services.access.identify(&token).await;
        let principal = principal.during(part(path).unwrap_or(Operation::Identify))?;
        Ok(principal.map_or(Self::Stranger, Self::Known))
    }

    pub(crate) fn principal(&self) -> Option<Principal> {
        match self {
            Self::Known(principal) => Some(*principal),
            Self::Nobody | Self::Stranger => None,
        }
    }
}

/// The `token` header; where there is none, the one of `Authorization: Bearer`.
fn token(headers: &header::HeaderMap) -> Option<&str> {
    // A token that is no text is somebody's, and wrong: it must not count as missing.
    if let Some(value) = headers.get("token").filter(|value| !value.is_empty()) {
        return Some(value.to_str().unwrap_or("\u{fffd}"));
    }
    let Ok(authorization) = headers.get(header::AUTHORIZATION)?.to_str() else {
        return Some("\u{fffd}");
    };
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The `token` of a query.
fn token_in(query: &str) -> Option<String> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query).ok()?.into_inner();
    let mut tokens = pairs.into_iter().filter(|(key, value)| key == "token" && !value.is_empty());
    tokens.next().map(|(_, token)| token)
}

pub(crate) fn principal(request: &HttpRequest) -> Result<Principal, ApiError> {
    match request.extensions().get::<Caller>() {
        Some(Caller::Known(principal)) => Ok(*principal),
        Some(Caller::Stranger) => Err(ApiError::InvalidToken),
        Some(Caller::Nobody) | None if request.match_info().as_str().starts_with(live::PREFIX) => {
            Err(ApiError::MissingTokenAnywhere)
        }
        Some(Caller::Nobody) | None => Err(ApiError::MissingToken),
    }
}

pub(crate) fn services(request: &HttpRequest) -> Result<Data<Services>, ApiError> {
    let missing = || Error::unavailable("routing", "the use cases are not in the app's data");
    request.app_data().cloned().ok_or_else(missing).during(Operation::Identify)
}

/// A caller with any token, and the use cases.
pub(crate) struct AnyToken {
    pub(crate) principal: Principal,
    pub(crate) services: Data<Services>,
}

impl FromRequest for AnyToken {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = principal(request)
            .and_then(|principal| Ok(Self { principal, services: services(request)? }));
        ready(found)
    }
}

/// The owner of an account, and the use cases. The token of an instance does not open what it guards.
pub(crate) struct AccountToken {
    pub(crate) account: AccountId,
    pub(crate) services: Data<Services>,
}

impl FromRequest for AccountToken {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = principal(request).and_then(|principal| match principal {
            Principal::Account(account) => Ok(Self { account, services: services(request)? }),
            Principal::Instance { .. } => Err(ApiError::InvalidToken),
        });
        ready(found)
    }
}

/// The instance that the path names, opened by its own token or its account's, and the use cases.
pub(crate) struct OpenInstance {
    pub(crate) instance: Instance,
    pub(crate) services: Data<Services>,
}

impl FromRequest for OpenInstance {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let asked = principal(request)
            .and_then(|principal| Ok((principal, services(request)?, name_in_path(request)?)));
        let operation = part(request.match_info().as_str()).unwrap_or(Operation::FindInstance);
        async move {
            let (principal, services, name) = asked?;
            let found = match name {
                Some(name) => services.access.instance(principal, &name).await,
                None => Err(unknown_name(principal)),
            };
            let instance = found.during(operation)?;
            Ok(Self { instance, services })
        }
        .boxed_local()
    }
}

/// What fails, when all that a route is about is a part of its instance and the instance cannot be looked up: the getting or
/// setting of that part.
fn part(path: &str) -> Option<Operation> {
    let (rest, _) = path.strip_prefix("/api/")?.rsplit_once('/')?;
    match rest {
        "instance/getSettings" => Some(Operation::GetSettings),
        "instance/settings" => Some(Operation::SetSettings),
        "instance/getProxy" => Some(Operation::GetProxy),
        "instance/proxy" => Some(Operation::SetProxy),
        "instance/getS3" => Some(Operation::GetS3),
        "instance/s3" => Some(Operation::SetS3),
        "instance/metrics" => Some(Operation::GetMetrics),
        "events/getWebsocket" => Some(Operation::GetWebSocket),
        _ => None,
    }
}

/// The name in the path, of an instance that need not exist.
pub(crate) struct NamedInstance(pub(crate) InstanceName);

impl FromRequest for NamedInstance {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let named = name_in_path(request).and_then(|name| {
            let name = name.ok_or(Error::NotFound(Resource::Instance));
            name.map(Self).during(Operation::FindInstance)
        });
        ready(named)
    }
}

/// The decoded name in the path; `None` when no instance can have it.
pub(crate) fn name_in_path(request: &HttpRequest) -> Result<Option<InstanceName>, ApiError> {
    let Ok(raw) = Path::<String>::extract(request).into_inner() else { return Ok(None) };
    if raw.trim().is_empty() {
        return Err(ApiError::MissingInstance);
    }
    Ok(InstanceName::parse(raw.into_inner()).ok())
}

/// What a caller is told about a name no instance can have: the same as about one that none happens to have.
pub(crate) fn unknown_name(principal: Principal) -> Error {
    match principal {
        Principal::Account(_) => Error::NotFound(Resource::Instance),
        Principal::Instance { .. } => Error::WrongInstance,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn found(headers: &[(&'static str, &'static str)]) -> Option<String> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn a_token_in_a_query_is_decoded_and_a_blank_one_is_none() {
        assert_eq!(token_in("since=1&token=a%2Bb&token=c").unwrap(), "a+b");
        assert_eq!(token_in("token=&tokens=b"), None);
        assert_eq!(token_in(""), None);
    }

    #[test]
    fn the_token_header_goes_before_the_bearer() {
        assert_eq!(found(&[("token", "a"), ("authorization", "Bearer b")]).unwrap(), "a");
        assert_eq!(found(&[("token", ""), ("authorization", "bearer  b")]).unwrap(), "b");
        assert_eq!(found(&[("authorization", "Basic b")]), None);
        assert_eq!(found(&[("authorization", "Bearer ")]), None);
        assert_eq!(found(&[]), None);
    }
}
