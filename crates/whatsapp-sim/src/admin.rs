//! The simulator over HTTP: phones to hold, faults to ask for, numbers to look at.

mod answer;
mod calls;
mod groups;
mod history;
mod labels;
mod media;
mod newsletters;
mod phone;
mod picture;
mod say;
mod status;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, body::Bytes};
use serde_json::{Value, json};

use crate::clock;
use crate::faults::{ActiveFault, FaultRequest};
use crate::simulator::Simulator;
use answer::{Body, Problem};

/// Everything below `/admin`.
pub(crate) fn router(simulator: Simulator) -> Router {
    let admin = Router::new()
        .route("/phones", get(phone::list).post(phone::create))
        .route("/phones/{number}/scan", post(phone::scan))
        .route("/phones/{number}/enter-code", post(phone::enter_code))
        .route("/phones/{number}/send", post(phone::send))
        .route("/phones/{number}/read", post(phone::read))
        .route("/phones/{number}/play", post(phone::play))
        .route("/phones/{number}/presence", post(phone::presence))
        .route("/phones/{number}/type", post(phone::type_in))
        .route("/phones/{number}/messages", get(phone::messages))
        .route("/phones/{number}/devices", get(phone::devices))
        .route("/phones/{number}/devices/{id}", delete(phone::unlink))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/mock-phone/scan-qr", post(scan_by_name))
        .route("/peers", get(peers).delete(forget_peers))
        .route("/stats", get(stats))
        .route("/root-certificate", get(root_certificate))
        .merge(calls::routes())
        .merge(groups::routes())
        .merge(status::routes())
        .merge(history::routes())
        .merge(labels::routes())
        .merge(media::routes())
        .merge(newsletters::routes())
        .merge(picture::routes())
        .merge(say::routes())
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_route)
        .with_state(simulator);
    // `/admin/` itself is outside of what is nested.
    Router::new().nest("/admin", admin).fallback(unknown_route)
}

async fn faults(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!({ "faults": simulator.faults() }))
}

async fn add_fault(
    State(simulator): State<Simulator>,
    Body(request): Body<FaultRequest>,
) -> Result<(StatusCode, Json<ActiveFault>), Problem> {
    let fault = request.check(clock::milliseconds()).map_err(Problem::bad_request)?;
    Ok((StatusCode::CREATED, Json(simulator.add_fault(fault)?)))
}

async fn clear_faults(State(simulator): State<Simulator>) -> Json<Value> {
    simulator.clear_faults();
    Json(json!({}))
}

/// Pairs with the account of the push name that the client announces.
async fn scan_by_name(
    State(simulator): State<Simulator>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let qr = std::str::from_utf8(&body).map_err(Problem::bad_request)?;
    let (phone, device) = simulator.scan_by_name(qr.trim()).await?;
    Ok(Json(json!({ "number": phone.number(), "jid": phone.jid(), "device": { "id": device } })))
}

async fn stats(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!(simulator.stats()))
}

async fn peers(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!({ "peers": simulator.peers() }))
}

async fn forget_peers(State(simulator): State<Simulator>) -> Json<Value> {
    simulator.forget_peers();
    Json(json!({}))
}

/// What a client has to trust to use the TLS port, for those that run in another process.
async fn root_certificate(
    State(simulator): State<Simulator>,
) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "application/x-pem-file")], simulator.root_certificate_pem())
}

async fn unknown_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such route")
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "the route has no such method")
}
