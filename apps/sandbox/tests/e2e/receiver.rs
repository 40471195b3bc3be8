//! A webhook receiver that keeps what it gets.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify};

use crate::DEADLINE;

/// One request that came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// What it was answered with.
    pub(crate) answer: u16,
}

pub(crate) struct Receiver {
    shared: Arc<Shared>,
    url: String,
}

struct Shared {
    received: Mutex<Vec<Received>>,
    came: Notify,
    answer: AtomicU16,
    /// What single messages are answered with, by their text.
    answers: Mutex<HashMap<String, u16>>,
    /// Held by a test that wants requests to stay unanswered.
    gate: tokio::sync::RwLock<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            came: Notify::new(),
            answer: AtomicU16::new(200),
            answers: Mutex::default(),
            gate: tokio::sync::RwLock::default(),
        });
        let app = Router::new().route("/hook", post(receive)).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { shared, url }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// What is answered from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.shared.answer.store(status, Ordering::SeqCst);
    }

    /// What messages of that text are answered with from now on, whatever others are.
    pub(crate) fn answer_text(&self, text: &str, status: u16) {
        self.shared.answers.lock().unwrap().insert(text.to_owned(), status);
    }

    /// Requests are taken and not answered while the guard lives.
    pub(crate) async fn hold_answers(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.shared.gate.write().await
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Waits for a request that is as wanted, among those that came already too.
    pub(crate) async fn wait_for(
        &self,
        what: &str,
        wanted: impl Fn(&Received) -> bool,
    ) -> Received {
        let look = async {
            loop {
                let came = self.shared.came.notified();
                tokio::pin!(came);
                came.as_mut().enable();
                if let Some(found) = self.received().into_iter().find(|r| wanted(r)) {
                    return found;
                }
                came.await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, look).await;
        in_time.unwrap_or_else(|_| panic!("no {what} among {:#?}", self.received()))
    }

    /// Waits for the event of a message of that text, acknowledged with success.
    pub(crate) async fn wait_for_text(&self, text: &str) -> Received {
        let wanted = |r: &Received| r.answer == 200 && content(&r.body) == Some(text);
        self.wait_for(&format!("message `{text}`"), wanted).await
    }

    /// Waits for an `instance.state` event.
    pub(crate) async fn wait_for_state(&self, state: &str) -> Received {
        let wanted = |r: &Received| {
            r.answer == 200
                && r.body["event"] == "instance.state"
                && r.body["data"]["state"] == state
        };
        self.wait_for(&format!("state `{state}`"), wanted).await
    }

    /// How many requests carried a message of that text.
    pub(crate) fn count_of_text(&self, text: &str) -> usize {
        self.received().iter().filter(|r| content(&r.body) == Some(text)).count()
    }

    /// The texts of all messages that came, in their order.
    pub(crate) fn texts(&self) -> Vec<String> {
        let received = self.received();
        received.iter().filter_map(|r| content(&r.body)).map(str::to_owned).collect()
    }
}

fn content(body: &Value) -> Option<&str> {
    (body["event"] == "message.exchange").then(|| body["data"]["message"]["content"].as_str())?
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap();
    let own = content(&body).and_then(|text| shared.answers.lock().unwrap().get(text).copied());
    let answer = own.unwrap_or_else(|| shared.answer.load(Ordering::SeqCst));
    shared.received.lock().unwrap().push(Received { headers, body, answer });
    shared.came.notify_waiters();
    drop(shared.gate.read().await);
    StatusCode::from_u16(answer).unwrap()
}
