//! A webhook receiver that fails a third of the time: it answers 500, answers nothing, or hangs up.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify};

/// Longer than any delivery of a chaos run may take.
const HANG: Duration = Duration::from_secs(30);

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    /// Answered with 200.
    Taken,
    /// Answered with 500.
    Refused,
    /// Never answered.
    Hung,
    /// The connection was closed instead of an answer.
    Dropped,
}

/// One request that carried a message.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) webhook_id: String,
    pub(super) text: String,
    pub(super) fate: Fate,
}

pub(super) struct RoughReceiver {
    shared: Arc<Shared>,
    url: String,
}

struct Shared {
    requests: Mutex<Vec<Request>>,
    chance: Mutex<fastrand::Rng>,
}

/// Ends the connection a request came on.
#[derive(Clone)]
struct HangUp(Arc<Notify>);

impl RoughReceiver {
    pub(super) async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            chance: Mutex::new(fastrand::Rng::with_seed(seed)),
        });
        let app = Router::new().route("/hook", post(receive)).with_state(shared.clone());
        tokio::spawn(accept(listener, app));
        Self { shared, url }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// All requests so far, in the order in which they came.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Looks at all requests so far without copying them.
    pub(super) fn with_requests<T>(&self, look: impl FnOnce(&[Request]) -> T) -> T {
        look(&self.shared.requests.lock().unwrap())
    }
}

async fn accept(listener: TcpListener, app: Router) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let hang_up = Arc::new(Notify::new());
        let service =
            TowerToHyperService::new(app.clone().layer(Extension(HangUp(hang_up.clone()))));
        tokio::spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            let connection = server.serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                _ = connection => {}
                () = hang_up.notified() => {}
            }
        });
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    Extension(hang_up): Extension<HangUp>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let body: Value = serde_json::from_slice(&body).unwrap();
    // Changes of the link come through always: they are not what is counted.
    if body["event"] != "message.exchange" {
        return StatusCode::OK;
    }
    let fate = fate(&mut shared.chance.lock().unwrap());
    shared.requests.lock().unwrap().push(Request {
        webhook_id: headers["webhook-id"].to_str().unwrap().to_owned(),
        text: body["data"]["message"]["content"].as_str().unwrap().to_owned(),
        fate,
    });
    match fate {
        Fate::Taken => StatusCode::OK,
        Fate::Refused => StatusCode::INTERNAL_SERVER_ERROR,
        Fate::Hung => {
            tokio::time::sleep(HANG).await;
            StatusCode::GATEWAY_TIMEOUT
        }
        Fate::Dropped => {
            hang_up.0.notify_one();
            std::future::pending().await
        }
    }
}

fn fate(chance: &mut fastrand::Rng) -> Fate {
    match chance.u8(0..9) {
        0 => Fate::Refused,
        1 => Fate::Hung,
        2 => Fate::Dropped,
        _ => Fate::Taken,
    }
}
