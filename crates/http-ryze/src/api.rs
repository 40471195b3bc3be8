use std::sync::Arc;

use actix_web::{
    App, Error, Responder,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self, Data},
};
use utoipa_actix_web::AppExt;
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
    unknown::{Served, unknown},
};

/// The API, ready to be served by any number of workers, which share its rate limits.
#[derive(Clone)]
pub struct Api {
    services: Data<Services>,
    limiter: Data<Limiter>,
    served: Data<Served>,
    version: Data<Version>,
    body_limit: BodyLimit,
    public_url: Data<PublicUrl>,
    url_check: Data<UrlCheck>,
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
            served: Data::new(Served::new(&openapi())),
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
        let (app, _) = App::new().into_utoipa_app().configure(endpoints).split_for_parts();
        app.app_data(self.services.clone())
            .app_data(self.limiter.clone())
            .app_data(self.served.clone())
            .app_data(self.version.clone())
            .app_data(self.body_limit)
            .app_data(self.public_url.clone())
            .app_data(self.url_check.clone())
            .route("/docs", web::get().to(to_docs))
            .route(page::SCRIPT, web::get().to(page::script))
            .route(page::STYLE, web::get().to(page::style))
            .service(
                SwaggerUi::new("/docs/{file:.*}")
                    .url("/openapi.json", openapi())
                    // The page would send the address of this server to a validator on the internet.
                    .config(SwaggerConfig::new(["/openapi.json"]).validator_url("none")),
            )
            .default_service(web::to(unknown))
            .wrap(from_fn(gate))
            .wrap(from_fn(cors))
    }
}

async fn to_docs() -> impl Responder {
    web::Redirect::to("/docs/")
}
