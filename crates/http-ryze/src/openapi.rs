//! The OpenAPI document, collected from the routes that are served.

use actix_web::App;
use utoipa::{
    ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, Header, HeaderBuilder, InfoBuilder, LicenseBuilder,
        ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder, Schema,
        path::Operation,
        schema::Type,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};
use utoipa_actix_web::AppExt;
use wharf_wire::{
    CallUpdateEvent, GroupFlowEvent, InstanceStateEvent, LabelUpdateEvent, MessageExchangeEvent,
    MessageStatusEvent, TestEvent, TestView,
    call::CallUpdateView,
    event::{InstanceStateView, MessageStatusView},
    group::GroupFlowView,
    label::LabelUpdateView,
    message::MessageExchangeView,
};

use crate::{
    chat, deliveries, health, instance, live, log, message, page, routes::Routes, webhook,
    websocket,
};

/// Registers every endpoint.
pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config
        .configure(instance::endpoints)
        .configure(message::endpoints)
        .configure(chat::endpoints)
        .configure(webhook::endpoints)
        .configure(websocket::endpoints)
        .configure(live::endpoints)
        .configure(deliveries::endpoints)
        .configure(log::endpoints)
        .configure(page::endpoints)
        .configure(health::endpoints);
}

/// The OpenAPI document of all routes.
#[must_use]
pub fn openapi() -> OpenApi {
    let app = App::new()
        .into_utoipa_app()
        .openapi(frame())
        .configure(|description| endpoints(&mut Routes::Described(description)));
    let mut document = app.split_for_parts().1;
    for (path, item) in &mut document.paths.paths {
        let operations =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            if !health::PATHS.contains(&path.as_str()) {
                complete(operation);
            }
        }
    }
    document
}

/// Adds what is true of every route but those of the health, whatever stands beside its handler.
fn complete(operation: &mut Operation) {
    let refusal = |description| {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
        ResponseBuilder::new().description(description).content("application/json", body).build()
    };
    let responses = &mut operation.responses.responses;
    let mut add = |status: &str, description| {
        responses.entry(status.to_owned()).or_insert_with(|| refusal(description).into());
    };
    add("429", "Too many requests");
    add("400", "The path names no instance, or the query is not right");
    if operation.request_body.is_some() {
        add("413", "The body is larger than the server accepts");
    }
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            for (name, description) in RATE_LIMIT {
                response.headers.insert(name.to_owned(), counted(description).into());
            }
        }
    }
}

const RATE_LIMIT: [(&str, &str); 3] = [
    ("X-RateLimit-Limit", "How many requests a minute may be made; without a limit it is absent"),
    ("X-RateLimit-Remaining", "How many are left"),
    ("X-RateLimit-Reset", "When they are counted anew, in seconds since 1970"),
];

fn counted(description: &str) -> Header {
    let number = ObjectBuilder::new().schema_type(Type::Integer).build();
    HeaderBuilder::new().schema(Some(number)).description(Some(description)).build()
}

/// The schemas of a kind of event `E`, by the name it shall have, of its data `D`, and of all that they name.
fn event<E: ToSchema, D: ToSchema>(name: &str) -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(name.to_owned(), E::schema()), (D::name().into_owned(), D::schema())];
    E::schemas(&mut schemas);
    schemas
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
    let query_token = ApiKey::Query(ApiKeyValue::with_description(
        "token",
        "The same token, for WebSockets of browsers, which cannot send headers.",
    ));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The same token, for clients that can only send it so."))
        .build();
    let visit = ApiKey::Cookie(ApiKeyValue::with_description(
        "wharf_connect",
        "A visit of the pairing page, as a link began it.",
    ));
    let components = ComponentsBuilder::new()
        // What goes out by itself: on webhooks and WebSockets.
        .schemas_from_iter(event::<MessageExchangeEvent, MessageExchangeView>(
            "MessageExchangeEvent",
        ))
        .schemas_from_iter(event::<MessageStatusEvent, MessageStatusView>("MessageStatusEvent"))
        .schemas_from_iter(event::<CallUpdateEvent, CallUpdateView>("CallUpdateEvent"))
        .schemas_from_iter(event::<GroupFlowEvent, GroupFlowView>("GroupFlowEvent"))
        .schemas_from_iter(event::<LabelUpdateEvent, LabelUpdateView>("LabelUpdateEvent"))
        .schemas_from_iter(event::<TestEvent<'static>, TestView>("TestEvent"))
        .schemas_from_iter(event::<InstanceStateEvent, InstanceStateView>("InstanceStateEvent"))
        .security_scheme("visit", SecurityScheme::ApiKey(visit))
        .security_scheme("token", SecurityScheme::ApiKey(token))
        .security_scheme("queryToken", SecurityScheme::ApiKey(query_token))
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .build();
    let tag =
        |name, description| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .tags(Some([
            tag("Instances", "One linked WhatsApp device each."),
            tag("Pairing page", "What people look at while they link a phone."),
            tag("Messages", "Sending, and the media of what was received."),
            tag("Events", "Where what happens is told."),
            tag("Health", "Whether the gateway works. No token, no rate limit."),
        ]))
        .build()
}
