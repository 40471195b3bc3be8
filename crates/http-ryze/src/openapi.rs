//! The OpenAPI document, collected from the routes that are served.

use actix_web::App;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use crate::{health, instance, message, webhook};

/// Registers every endpoint.
pub(crate) fn endpoints(config: &mut ServiceConfig<'_>) {
    config
        .configure(instance::endpoints)
        .configure(message::endpoints)
        .configure(webhook::endpoints)
        .configure(health::endpoints);
}

/// The OpenAPI document of all routes.
#[must_use]
pub fn openapi() -> OpenApi {
    App::new().into_utoipa_app().openapi(frame()).configure(endpoints).split_for_parts().1
}

fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Wharf")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("WhatsApp numbers as a REST API with webhooks, by the RyzeAPI contract."))
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()))
        .build();
    let token = ApiKey::Header(ApiKeyValue::with_description(
        "token",
        "The token of an account or of an instance.",
    ));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The same token, for clients that can only send it so."))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme("token", SecurityScheme::ApiKey(token))
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .build();
    let tag =
        |name, description| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .tags(Some([
            tag("Instances", "One linked WhatsApp device each."),
            tag("Messages", "Sending."),
            tag("Events", "Where what happens is told."),
            tag("Health", "Whether the gateway works. No token, no rate limit."),
        ]))
        .build()
}
