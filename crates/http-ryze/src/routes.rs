//! Where endpoints are registered, and what for.

use actix_web::{dev::HttpServiceFactory, web};
use utoipa::{Path, openapi::HttpMethod};
use utoipa_actix_web::{OpenApiFactory, service_config::ServiceConfig};

/// Takes endpoints in. Describing them costs megabytes for a moment, which an allocator keeps for long, so that is done
/// only where somebody wants the description.
pub(crate) enum Routes<'a, 'b> {
    /// They are served.
    Served(&'a mut web::ServiceConfig),
    /// Their paths are noted, each with a method it is served for.
    Listed(&'a mut Vec<(String, &'static str)>),
    /// They are described.
    Described(&'a mut ServiceConfig<'b>),
}

impl Routes<'_, '_> {
    /// Takes an endpoint in.
    pub(crate) fn service<E>(&mut self, endpoint: E) -> &mut Self
    where
        E: HttpServiceFactory + OpenApiFactory + Path + 'static,
    {
        match self {
            Self::Served(server) => drop(server.service(endpoint)),
            Self::Listed(list) => {
                list.extend(E::methods().into_iter().map(|method| (E::path(), name(&method))));
            }
            Self::Described(description) => drop(description.service(endpoint)),
        }
        self
    }

    /// Takes the endpoints of a part in.
    pub(crate) fn configure(&mut self, part: impl FnOnce(&mut Self)) -> &mut Self {
        part(self);
        self
    }
}

fn name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Trace => "TRACE",
    }
}
