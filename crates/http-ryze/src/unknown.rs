//! Requests that no route serves.

use actix_web::{HttpRequest, HttpResponse, dev::ResourceDef, web::Data};
use utoipa::openapi::{OpenApi, PathItem};

use crate::{error::ApiError, page};

/// What is served and is no route of the API.
const PAGES: [&str; 5] = ["/docs", "/docs/{file}*", "/openapi.json", page::SCRIPT, page::STYLE];

/// Whether a GET of this path changes nothing, so that it can be asked for without its body.
pub(crate) fn is_read(path: &str) -> bool {
    const READS: [&str; 11] = [
        "/health",
        "/docs",
        "/openapi.json",
        "/connect/-/",
        "/api/instance/list",
        "/api/instance/get",
        "/api/instance/metrics/",
        "/api/events/getWebhook/",
        "/api/events/getWebsocket/",
        "/api/events/webhook/",
        "/api/chat/base64/",
    ];
    READS.iter().any(|read| path.starts_with(read))
}

/// The paths that are served, and with which methods.
pub(crate) struct Served(Vec<(ResourceDef, Vec<&'static str>)>);

impl Served {
    pub(crate) fn new(api: &OpenApi) -> Self {
        let routes = api.paths.paths.iter().map(|(path, item)| (path.as_str(), methods(item)));
        let pages = PAGES.iter().map(|page| (*page, vec!["GET"]));
        Self(routes.chain(pages).map(|(path, methods)| (ResourceDef::new(path), methods)).collect())
    }

    fn allowed(&self, path: &str) -> Option<String> {
        let methods: Vec<_> = self
            .0
            .iter()
            .filter(|(pattern, _)| pattern.is_match(path))
            .flat_map(|(_, methods)| methods.iter().copied())
            .collect();
        let head = (methods.contains(&"GET") && is_read(path)).then_some("HEAD");
        let methods: Vec<_> = methods.into_iter().chain(head).collect();
        (!methods.is_empty()).then(|| methods.join(", "))
    }
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let all = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    all.into_iter().filter_map(|(name, operation)| operation.as_ref().map(|_| name)).collect()
}

/// Tells an unknown route from a known one that was called with the wrong method.
pub(crate) async fn unknown(
    request: HttpRequest,
    served: Data<Served>,
) -> Result<HttpResponse, ApiError> {
    match served.allowed(request.match_info().as_str()) {
        Some(allowed) => Err(ApiError::WrongMethod { allowed }),
        None => Err(ApiError::UnknownRoute),
    }
}
