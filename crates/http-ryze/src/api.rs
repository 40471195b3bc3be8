use std::sync::{Arc, OnceLock};

use actix_web::{
    App, Error, HttpResponse, Responder,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::header::ContentType,
    middleware::from_fn,
    web::{self, Bytes, Data},
};
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};
use wharf_application::Services;
use wharf_domain::ports::Clock;

use crate::{
    Network,
    body::BodyLimit,
    config::{Config, UrlCheck},
    cors::cors,
    gate::gate,
    health::Version,
    openapi::{endpoints, openapi},
    page::{self, PublicUrl},
    rate_limit::RateLimits,
    routes::Routes,
    unknown::{Served, unknown},
};

/// Where the API's description is.
const DOCUMENT: &str = "/openapi.json";

/// The API, ready to be served by any number of workers, which share its rate limits.
#[derive(Clone)]
pub struct Api {
    services: Data<Services>,
    limiter: Data<Limiter>,
    served: Data<Served>,
    document: Data<Document>,
    version: Data<Version>,
    body_limit: BodyLimit,
    public_url: Data<PublicUrl>,
    url_check: Data<UrlCheck>,
}

/// The API's description as it is served: written when it is first asked for, and kept as text, since as a structure it
/// takes megabytes.
#[derive(Default)]
struct Document(OnceLock<Bytes>);

impl Document {
    fn text(&self) -> Bytes {
        // What the generator makes can always be written.
        self.0.get_or_init(|| openapi().to_json().unwrap_or_default().into()).clone()
    }
}

/// What the gate counts with.
pub(crate) struct Limiter {
    pub(crate) limits: RateLimits,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Api {
    /// Puts the API together over the use cases.
    #[must_use]
    pub fn new(services: Services, clock: Arc<dyn Clock>, config: Config) -> Self {
        let limits = RateLimits::new(&config);
        let body_limit = BodyLimit::new(config.max_body, services.media_config().send_max);
        Self {
            services: Data::new(services),
            limiter: Data::new(Limiter { limits, trusted_proxies: config.trusted_proxies, clock }),
            served: Data::new(Served::new()),
            document: Data::default(),
            version: Data::new(Version(config.version)),
            body_limit,
            public_url: Data::new(PublicUrl(config.public_url)),
            url_check: Data::new(config.url_check),
        }
    }

    /// The application of one worker.
    pub fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        App::new()
            .configure(|server| endpoints(&mut Routes::Served(server)))
            .app_data(self.services.clone())
            .app_data(self.limiter.clone())
            .app_data(self.served.clone())
            .app_data(self.document.clone())
            .app_data(self.version.clone())
            .app_data(self.body_limit)
            .app_data(self.public_url.clone())
            .app_data(self.url_check.clone())
            .route("/docs", web::get().to(to_docs))
            .route(DOCUMENT, web::get().to(description))
            .route(page::SCRIPT, web::get().to(page::script))
            .route(page::STYLE, web::get().to(page::style))
            .service(
                // The page would send the address of this server to a validator on the internet.
                SwaggerUi::new("/docs/{file:.*}")
                    .config(SwaggerConfig::new([DOCUMENT]).validator_url("none")),
            )
            .default_service(web::to(unknown))
            .wrap(from_fn(gate))
            .wrap(from_fn(cors))
    }
}

async fn description(document: Data<Document>) -> impl Responder {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.text())
}

async fn to_docs() -> impl Responder {
    web::Redirect::to("/docs/")
}
