//! A webhook receiver that tells whoever waits for a message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::{arrivals::Arrivals, wait};

pub(crate) struct Receiver {
    /// Incoming messages by their text.
    pub(crate) incoming: Arrivals<()>,
    requests: AtomicUsize,
    outgoing: AtomicUsize,
}

impl Receiver {
    /// Starts one and gives its URL too.
    pub(crate) async fn start() -> Result<(Arc<Self>, String)> {
        let receiver = Arc::new(Self {
            incoming: Arrivals::default(),
            requests: AtomicUsize::new(0),
            outgoing: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let app = Router::new().route("/hook", post(receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok((receiver, url))
    }

    /// How many events of outgoing messages have come.
    pub(crate) fn outgoing(&self) -> usize {
        self.outgoing.load(Ordering::Relaxed)
    }

    /// Returns once nothing has come for a second.
    pub(crate) async fn wait_for_quiet(&self) -> Result<()> {
        let limit = Duration::from_mins(5);
        let seen = AtomicUsize::new(usize::MAX);
        wait::until("the webhook falls silent", limit, Duration::from_secs(1), || async {
            let requests = self.requests.load(Ordering::Relaxed);
            Ok((seen.swap(requests, Ordering::Relaxed) == requests).then_some(()))
        })
        .await
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, Json(event): Json<Value>) -> StatusCode {
    receiver.requests.fetch_add(1, Ordering::Relaxed);
    if event["event"] == "message.exchange" {
        let data = &event["data"];
        if data["direction"] == "outgoing" {
            receiver.outgoing.fetch_add(1, Ordering::Relaxed);
        } else if let Some(text) = data["message"]["content"].as_str() {
            receiver.incoming.arrived(text, ());
        }
    }
    StatusCode::OK
}
