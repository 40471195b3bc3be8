//! Everything an endpoint can fail with, and the one place where that becomes an answer.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};
use wharf_domain::Error;

use crate::wording;

/// What was being done when something failed. The contract words a failure by what it was that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Identify,
    CreateInstance,
    ListInstances,
    FindInstance,
    Connect,
    CancelConnect,
    LinkPage,
    Reconnect,
    LogOut,
    DeleteInstance,
    GetSettings,
    SetSettings,
    GetProxy,
    SetProxy,
    GetS3,
    SetS3,
    GetMetrics,
    SendMessage,
    GetMedia,
    SetWebhook,
    GetWebhook,
    DeleteWebhook,
    SetWebSocket,
    GetWebSocket,
    ListDeliveries,
    DropDeliveries,
    ReplayEvents,
    TestWebhook,
    ReadLog,
}

/// Why a request is refused or failed.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// No token came along.
    MissingToken,
    /// No token came along, neither with the headers nor in the query.
    MissingTokenAnywhere,
    /// Nobody has the token that came along, or it is of the wrong kind.
    InvalidToken,
    /// The path names no instance.
    MissingInstance,
    /// A field that has to be there is absent or blank.
    MissingField(&'static str),
    /// A key of the query that has to be there is absent or blank.
    MissingQuery(&'static str),
    /// The instance's WebSocket was never set up.
    NoWebSocket,
    /// The instance's WebSocket is switched off.
    WebSocketOff { instance: String },
    /// What is a WebSocket and nothing else was called without a handshake.
    NoHandshake,
    /// The handshake is not of the version that is served.
    WebSocketVersion,
    /// The instance is connected, so there is no attempt to give up.
    AlreadyConnected,
    /// The link to a pairing page was used, has expired, or never was one.
    BadLink,
    /// Web pages of that origin may not call.
    ForeignOrigin,
    /// The body is not what the route takes. The detail is given on the routes that show one.
    Body { detail: Option<String> },
    /// The body is larger than the server accepts.
    BodyTooLarge,
    /// The connection broke while the body was read.
    BodyUnreadable,
    /// The query is not what the route takes.
    Query(String),
    /// There is no such route.
    UnknownRoute,
    /// The route is there, but not for this method.
    WrongMethod { allowed: String },
    /// Too many requests.
    RateLimited,
    /// A use case failed.
    Failed(Operation, Error),
}

/// Names what was being done when a use case fails.
pub(crate) trait During<T> {
    fn during(self, operation: Operation) -> Result<T, ApiError>;
}

impl<T> During<T> for Result<T, Error> {
    fn during(self, operation: Operation) -> Result<T, ApiError> {
        self.map_err(|e| ApiError::Failed(operation, e))
    }
}

/// The body of every failure.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// Always false.
    success: bool,
    error: ErrorMessage,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorMessage {
    /// What went wrong, in words.
    #[schema(value_type = String, example = "Instance not found")]
    message: Cow<'static, str>,
}

/// The refusals every route with a token knows.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the OpenAPI generator alone")]
pub(crate) enum Refusals {
    /// The token is missing, unknown, or of the wrong kind
    #[response(status = UNAUTHORIZED)]
    Unauthorized(ErrorBody),
    /// The token does not open this instance, or the account's quota is exceeded
    #[response(status = FORBIDDEN)]
    Forbidden(ErrorBody),
    /// There is no such thing
    #[response(status = NOT_FOUND)]
    NotFound(ErrorBody),
    /// Too many requests, of the caller here or of the gateway at WhatsApp
    #[response(status = TOO_MANY_REQUESTS)]
    TooManyRequests(ErrorBody),
    /// Something failed that is not the caller's fault
    #[response(status = INTERNAL_SERVER_ERROR)]
    Failed(ErrorBody),
}

impl ApiError {
    /// The sentence callers read.
    pub(crate) fn sentence(&self) -> Cow<'static, str> {
        self.answer().1
    }

    fn answer(&self) -> (StatusCode, Cow<'static, str>) {
        match self {
            Self::MissingToken => (StatusCode::UNAUTHORIZED, "Missing token in header".into()),
            Self::MissingTokenAnywhere => (
                StatusCode::UNAUTHORIZED,
                "Missing token in header, Authorization header, or query parameter".into(),
            ),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, "Invalid token".into()),
            Self::MissingInstance => (StatusCode::BAD_REQUEST, "Instance name is required".into()),
            Self::MissingField(field) => (StatusCode::BAD_REQUEST, wording::missing(field)),
            Self::MissingQuery(key) => {
                (StatusCode::BAD_REQUEST, format!("{key} query parameter is required").into())
            }
            Self::NoWebSocket => {
                (StatusCode::NOT_FOUND, "WebSocket not configured for this instance".into())
            }
            Self::WebSocketOff { instance } => (
                StatusCode::BAD_REQUEST,
                format!(
                    "WebSocket is not enabled for this instance. Configure it first using POST \
                     /api/events/websocket/{instance}"
                )
                .into(),
            ),
            Self::NoHandshake => (
                StatusCode::BAD_REQUEST,
                "This is a WebSocket: the request has to be a WebSocket handshake".into(),
            ),
            Self::WebSocketVersion => {
                (StatusCode::UPGRADE_REQUIRED, "Only version 13 of WebSockets is served".into())
            }
            Self::AlreadyConnected => {
                (StatusCode::BAD_REQUEST, "Instance is already connected".into())
            }
            Self::BadLink => (
                StatusCode::FORBIDDEN,
                "This link was already used or has expired. Ask for a new one.".into(),
            ),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "Origin is not allowed".into()),
            Self::Body { detail: None } => (StatusCode::BAD_REQUEST, "Invalid request body".into()),
            Self::Body { detail: Some(detail) } => {
                (StatusCode::BAD_REQUEST, format!("Invalid request body: {detail}").into())
            }
            Self::BodyTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large".into())
            }
            Self::BodyUnreadable => {
                (StatusCode::BAD_REQUEST, "Request body could not be read".into())
            }
            Self::Query(detail) => {
                (StatusCode::BAD_REQUEST, format!("Invalid query: {detail}").into())
            }
            Self::UnknownRoute => (StatusCode::NOT_FOUND, "Route not found".into()),
            Self::WrongMethod { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed".into())
            }
            Self::RateLimited => {
                (StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded. Try again later.".into())
            }
            Self::Failed(operation, error) => wording::failure(*operation, error),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(operation, error) => write!(f, "{operation:?}: {error}"),
            other => f.write_str(&other.sentence()),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.answer().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, message) = self.answer();
        // What failed on our side is logged here and nowhere else.
        if let (true, Self::Failed(operation, error)) = (status.is_server_error(), self) {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, ?operation, %status, "a request failed");
        }
        let mut response = HttpResponse::build(status);
        if let Self::WrongMethod { allowed } = self {
            response.insert_header((header::ALLOW, allowed.as_str()));
        }
        if let Self::WebSocketVersion = self {
            response.insert_header((header::UPGRADE, "websocket"));
            response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
        }
        response.json(ErrorBody { success: false, error: ErrorMessage { message } })
    }
}
