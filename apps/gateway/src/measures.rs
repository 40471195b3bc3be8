//! `/metrics`: the measures, for whoever operates the gateway.

use std::{net::TcpListener, sync::Arc};

use actix_web::{
    App, Error, HttpResponse, HttpServer,
    body::{BoxBody, MessageBody},
    dev::{Server, ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::{Next, from_fn},
    web,
};
use wharf_application::figures::FigureService;
use wharf_domain::{ports::Clock, secret::Secret};
use wharf_metrics::{CONTENT_TYPE, PrometheusMeter, Reading};

const PATH: &str = "/metrics";

/// The measures, and who may read them.
#[derive(Clone)]
pub(crate) struct Measures(Arc<Inner>);

struct Inner {
    meter: Arc<PrometheusMeter>,
    figures: FigureService,
    clock: Arc<dyn Clock>,
    token: Option<Secret>,
}

impl Measures {
    pub(crate) fn new(
        meter: Arc<PrometheusMeter>,
        figures: FigureService,
        clock: Arc<dyn Clock>,
        token: Option<Secret>,
    ) -> Self {
        Self(Arc::new(Inner { meter, figures, clock, token }))
    }

    /// Answers for the measures on the address of the API, where they have a token; anything else goes on.
    pub(crate) async fn beside_the_api(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        if request.path() != PATH || self.0.token.is_none() {
            return Ok(next.call(request).await?.map_into_boxed_body());
        }
        let answer = self.answer(&request).await;
        Ok(request.into_response(answer))
    }

    /// Serves them alone at an address of their own.
    pub(crate) fn serve(&self, listener: TcpListener) -> std::io::Result<Server> {
        let this = self.clone();
        let app = move || {
            let this = this.clone();
            App::new()
                .default_service(web::to(HttpResponse::NotFound))
                .wrap(from_fn(move |request, next| this.clone().alone(request, next)))
        };
        let server = HttpServer::new(app).workers(1).shutdown_timeout(1).disable_signals();
        Ok(server.listen(listener)?.run())
    }

    async fn alone(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        if request.path() != PATH {
            return Ok(next.call(request).await?.map_into_boxed_body());
        }
        let answer = self.answer(&request).await;
        Ok(request.into_response(answer))
    }

    async fn answer(&self, request: &ServiceRequest) -> HttpResponse {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return HttpResponse::MethodNotAllowed()
                .insert_header((header::ALLOW, "GET, HEAD"))
                .finish();
        }
        if !self.may_read(request) {
            return HttpResponse::Unauthorized()
                .insert_header((header::WWW_AUTHENTICATE, "Bearer"))
                .finish();
        }
        let figures = self.0.figures.now().await;
        let reading =
            Reading { at: self.0.clock.now(), sessions: figures.sessions, depths: figures.depths };
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, CONTENT_TYPE))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(self.0.meter.text(&reading))
    }

    fn may_read(&self, request: &ServiceRequest) -> bool {
        let Some(token) = &self.0.token else { return true };
        let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let given = given.and_then(|given| given.split_once(' '));
        // Secrets are compared in the same time however much of one is right.
        given.is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case("bearer") && Secret::new(given.trim()) == *token
        })
    }
}
