//! Requests that no route serves.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, dev::ResourceDef, web::Data};

use crate::{error::ApiError, openapi::endpoints, page, routes::Routes};

/// In which order methods are told.
const ORDER: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

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
    pub(crate) fn new() -> Self {
        let mut routes = Vec::new();
        endpoints(&mut Routes::Listed(&mut routes));
        routes.extend(PAGES.iter().map(|page| ((*page).to_owned(), "GET")));
        let mut by_path = BTreeMap::<_, Vec<_>>::new();
        for (path, method) in routes {
            by_path.entry(path).or_default().push(method);
        }
        for methods in by_path.values_mut() {
            methods.sort_by_key(|method| ORDER.iter().position(|known| known == method));
        }
        let each = by_path.into_iter();
        Self(each.map(|(path, methods)| (ResourceDef::new(path), methods)).collect())
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
