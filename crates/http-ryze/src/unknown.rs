//! Requests that no route serves.

use actix_web::{HttpRequest, HttpResponse, dev::ResourceDef, web::Data};
use utoipa::openapi::{OpenApi, PathItem};

use crate::error::ApiError;

/// The paths that are served, and with which methods.
pub(crate) struct Served(Vec<(ResourceDef, Vec<&'static str>)>);

impl Served {
    pub(crate) fn new(api: &OpenApi) -> Self {
        let paths = api.paths.paths.iter();
        Self(paths.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    fn allowed(&self, path: &str) -> Option<String> {
        let methods: Vec<_> = self
            .0
            .iter()
            .filter(|(pattern, _)| pattern.is_match(path))
            .flat_map(|(_, methods)| methods.iter().copied())
            .collect();
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
