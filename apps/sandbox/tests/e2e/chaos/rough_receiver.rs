//! A webhook receiver that may fail a third of the time: it answers 500, answers nothing, or hangs up.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
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
/// How long it works on what it takes.
const WORK: Duration = Duration::from_millis(2);

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
    /// What fails by chance; none is a receiver without fail.
    chance: Mutex<Option<fastrand::Rng>>,
    /// Whether everything is refused, and nothing of it kept.
    away: AtomicBool,
    taken: AtomicUsize,
    /// Requests that wait for their answer now, and the most there were.
    waiting: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// Ends the connection a request came on.
#[derive(Clone)]
struct HangUp(Arc<Notify>);

impl RoughReceiver {
    /// One that fails by the chance of that seed.
    pub(super) async fn start(seed: u64) -> Self {
        Self::listen(Some(fastrand::Rng::with_seed(seed)), false).await
    }

    /// One that never fails.
    pub(super) async fn start_gentle() -> Self {
        Self::listen(None, false).await
    }

    /// One that never fails once it has come back, and takes nothing before.
    pub(super) async fn start_away() -> Self {
        Self::listen(None, true).await
    }

    async fn listen(chance: Option<fastrand::Rng>, away: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            chance: Mutex::new(chance),
            away: AtomicBool::new(away),
            taken: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        });
        let app = Router::new().route("/hook", post(receive)).with_state(shared.clone());
        tokio::spawn(accept(listener, app));
        Self { shared, url }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn come_back(&self) {
        self.shared.away.store(false, Ordering::SeqCst);
    }

    /// How many requests were answered with 200.
    pub(super) fn taken(&self) -> usize {
        self.shared.taken.load(Ordering::SeqCst)
    }

    /// How many requests waited for their answer at the same time, at most.
    pub(super) fn most_at_once(&self) -> usize {
        self.shared.most_at_once.load(Ordering::SeqCst)
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
    if shared.away.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let waiting = shared.waiting.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most_at_once.fetch_max(waiting, Ordering::SeqCst);
    let fate = fate(shared.chance.lock().unwrap().as_mut());
    shared.requests.lock().unwrap().push(Request {
        webhook_id: headers["webhook-id"].to_str().unwrap().to_owned(),
        text: body["data"]["message"]["content"].as_str().unwrap().to_owned(),
        fate,
    });
    match fate {
        Fate::Taken => {
            shared.taken.fetch_add(1, Ordering::SeqCst);
            // As long as a receiver takes that writes something down.
            tokio::time::sleep(WORK).await;
            shared.waiting.fetch_sub(1, Ordering::SeqCst);
            StatusCode::OK
        }
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

fn fate(chance: Option<&mut fastrand::Rng>) -> Fate {
    let Some(chance) = chance else { return Fate::Taken };
    match chance.u8(0..9) {
        0 => Fate::Refused,
        1 => Fate::Hung,
        2 => Fate::Dropped,
        _ => Fate::Taken,
    }
}
