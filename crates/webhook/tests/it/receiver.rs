use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// What a receiver was sent.
#[derive(Clone, Debug)]
pub struct Received {
    pub peer: SocketAddr,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A webhook receiver on loopback that remembers what it was sent.
pub struct Receiver {
    pub origin: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// One that answers every request with what `answer` makes.
    pub async fn answering<A: IntoResponse + 'static>(answer: fn() -> A) -> Self {
        Self::when(|| std::future::ready(()), answer).await
    }

    /// One that takes requests and never answers.
    pub async fn mute() -> Self {
        Self::when(std::future::pending, || StatusCode::OK).await
    }

    async fn when<A: IntoResponse + 'static, W>(ready: fn() -> W, answer: fn() -> A) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let log = Arc::clone(&received);
        let app = Router::new().fallback(
            async move |State(log): State<Arc<Mutex<Vec<Received>>>>,
                        ConnectInfo(peer): ConnectInfo<SocketAddr>,
                        method: Method,
                        uri: Uri,
                        headers: HeaderMap,
                        body: Bytes|
                        -> Response {
                log.lock().unwrap().push(Received { peer, method, uri, headers, body });
                ready().await;
                answer().into_response()
            },
        );
        let app = app.with_state(log).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { origin, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}
