//! The way in: who is let in while the gateway ends, and what is waited for until then.

use std::sync::Arc;

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{ConnectionType, header},
    middleware::Next,
};
use async_trait::async_trait;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::{Result, ports::HealthCheck};

/// The door of a gateway; clones are the same door.
#[derive(Clone, Debug, Default)]
pub(crate) struct Door {
    closed: CancellationToken,
    inside: TaskTracker,
}

impl Door {
    /// Lets nobody in any more.
    pub(crate) fn close(&self) {
        self.closed.cancel();
        self.inside.close();
    }

    /// Waits, once the door is closed, until everybody has gone whose request can come to an end by itself.
    pub(crate) async fn empty(&self) {
        self.inside.wait().await;
    }

    /// Answers a request, or turns it away.
    pub(crate) async fn pass(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        if is_always_open(request.path()) {
            return Ok(next.call(request).await?.map_into_boxed_body());
        }
        // First in, then a look at the door: whoever comes in while it closes is waited for.
        let _inside = (!is_a_wait(request.path())).then(|| self.inside.token());
        if self.closed.is_cancelled() {
            return Ok(request.into_response(turned_away()));
        }
        Ok(next.call(request).await?.map_into_boxed_body())
    }
}

/// Whoever asks how the gateway is has to hear that it ends.
fn is_always_open(path: &str) -> bool {
    path == "/health" || path.starts_with("/health/")
}

/// What waits for a person, or goes on for ever, and has done nothing when it is broken off.
fn is_a_wait(path: &str) -> bool {
    ["/api/instance/connect/", "/connect/", "/ws/"].iter().any(|wait| path.starts_with(wait))
}

fn turned_away() -> HttpResponse {
    let mut answer = HttpResponse::ServiceUnavailable()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::RETRY_AFTER, "5"))
        .body(r#"{"success":false,"error":{"message":"The gateway is shutting down"}}"#);
    answer.head_mut().set_connection_type(ConnectionType::Close);
    answer
}

/// Fails once the door is closed, so that no more requests are sent here.
pub(crate) struct IsOpen(pub(crate) Door);

#[async_trait]
impl HealthCheck for IsOpen {
    fn name(&self) -> &'static str {
        "server"
    }

    async fn check(&self) -> Result<()> {
        if self.0.closed.is_cancelled() {
            let ending = std::io::Error::other("shutting down");
            return Err(wharf_domain::Error::unavailable("accepting requests", ending));
        }
        Ok(())
    }
}

impl IsOpen {
    pub(crate) fn shared(door: &Door) -> Arc<dyn HealthCheck> {
        Arc::new(Self(door.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::{
        App,
        http::StatusCode,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
        web,
    };
    use futures::FutureExt;
    use tokio::sync::Notify;

    use super::*;

    async fn status(door: &Door, path: &str) -> (StatusCode, Option<String>) {
        let door = door.clone();
        let app = App::new()
            .default_service(web::to(|| async { "served" }))
            .wrap(from_fn(move |request, next| door.clone().pass(request, next)));
        let app = init_service(app).await;
        let answer = call_service(&app, TestRequest::with_uri(path).to_request()).await;
        let retry = answer.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
        (answer.status(), retry)
    }

    #[actix_web::test]
    async fn a_closed_door_turns_away_all_but_those_who_ask_for_the_health() {
        let door = Door::default();
        assert_eq!(status(&door, "/api/instance/list").await, (StatusCode::OK, None));
        assert!(IsOpen(door.clone()).check().await.is_ok());
        door.close();
        let refusal = (StatusCode::SERVICE_UNAVAILABLE, Some("5".to_owned()));
        assert_eq!(status(&door, "/api/instance/list").await, refusal);
        assert_eq!(status(&door, "/api/instance/connect/a").await, refusal);
        assert_eq!(status(&door, "/health/ready").await, (StatusCode::OK, None));
        assert!(IsOpen(door.clone()).check().await.is_err());
    }

    #[actix_web::test]
    async fn who_is_inside_is_waited_for_but_not_who_waits_for_a_person() {
        let door = Door::default();
        let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (came, go) = (came.clone(), go.clone());
            move || {
                let (came, go) = (came.clone(), go.clone());
                async move {
                    came.notify_one();
                    go.notified().await;
                    "done"
                }
            }
        };
        let passing = door.clone();
        let app = App::new()
            .default_service(web::to(handler))
            .wrap(from_fn(move |request, next| passing.clone().pass(request, next)));
        let app = std::rc::Rc::new(init_service(app).await);
        let call = |path: &'static str| {
            let app = app.clone();
            actix_web::rt::spawn(async move {
                call_service(&*app, TestRequest::with_uri(path).to_request()).await.status()
            })
        };
        let pairing = call("/api/instance/connect/sales");
        came.notified().await;
        let sending = call("/api/message/text/sales");
        came.notified().await;
        door.close();
        assert!(door.empty().now_or_never().is_none(), "a send is under way");
        go.notify_waiters();
        assert_eq!(sending.await.unwrap(), StatusCode::OK);
        tokio::time::timeout(Duration::from_secs(10), door.empty()).await.unwrap();
        assert_eq!(pairing.await.unwrap(), StatusCode::OK);
    }
}
