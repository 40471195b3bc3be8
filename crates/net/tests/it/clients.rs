use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::{get, post};
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wharf_net::{Client, Egress, Error, Method, Net, Request, Roots, Timeouts, Tls};

use crate::authority::Authority;
use crate::names::{Names, Silence};
use crate::servers::{closed_port, listener, serve, serve_tls};

pub const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    stall: Duration::from_secs(10),
    total: Some(Duration::from_secs(20)),
};

pub fn net() -> Net {
    Net::new(Tls::new(Roots::web()), Egress::Open)
}

fn client() -> Client {
    net().guarded_client(PATIENT).unwrap()
}

pub fn get_url(url: &str) -> Request {
    Request::new(Method::GET, url.parse().unwrap())
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let app = Router::new().route(
        "/hook",
        post(async |headers: HeaderMap, body: Bytes| {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            format!(
                "{} {} {} {}",
                header("authorization"),
                header("user-agent"),
                header("content-length"),
                std::str::from_utf8(&body).unwrap()
            )
        }),
    );
    let url = format!("http://127.0.0.1:{}/hook", serve(app).await);
    let request = Request::new(Method::POST, url.parse().unwrap())
        .header("Authorization", "anything at all")
        .unwrap()
        .body("hello");

    let answer = client().send(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let expected = format!("anything at all Wharf/{} 5 hello", env!("CARGO_PKG_VERSION"));
    assert_eq!(answer.bytes(1024).await.unwrap(), expected);
}

#[tokio::test]
async fn a_trusted_client_names_no_user_agent() {
    let app = Router::new()
        .route("/", get(async |headers: HeaderMap| headers.contains_key("user-agent").to_string()));
    let url = format!("http://127.0.0.1:{}/", serve(app).await);
    let client = net().trusted_client(PATIENT, None).unwrap();
    let answer = client.send(get_url(&url)).await.unwrap();
    assert_eq!(answer.bytes(1024).await.unwrap(), "false");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let app = Router::new()
        .route("/here", get(async || Redirect::temporary("/there")))
        .route("/there", get(async || "never asked for"));
    let url = format!("http://127.0.0.1:{}/here", serve(app).await);

    let answer = client().send(get_url(&url)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.headers()["location"], "/there");
    assert_eq!(answer.bytes(1024).await.unwrap(), "");
}

#[tokio::test]
async fn an_extra_authority_is_trusted_and_an_unknown_one_is_not() {
    let authority = Authority::new();
    let app = Router::new().route("/", get(async || "secure"));
    let url =
        format!("https://wharf.test:{}/", serve_tls(app, authority.acceptor("wharf.test")).await);
    let names = Names::knowing("wharf.test", &["127.0.0.1"]);

    let knowing = Net::new(authority.trusted(), Egress::Open).with_resolver(names.clone());
    let client = knowing.guarded_client(PATIENT).unwrap();
    let answer = client.send(get_url(&url)).await.unwrap();
    assert_eq!(answer.bytes(1024).await.unwrap(), "secure");

    let client = net().with_resolver(names).guarded_client(PATIENT).unwrap();
    let failure = client.send(get_url(&url)).await.unwrap_err();
    assert!(
        matches!(&failure, Error::Tls(reason) if reason.contains("UnknownIssuer")),
        "{failure}"
    );
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let authority = Authority::new();
    let port = serve_tls(Router::new(), authority.acceptor("other.test")).await;
    let client = Net::new(authority.trusted(), Egress::Open)
        .with_resolver(Names::knowing("wharf.test", &["127.0.0.1"]))
        .guarded_client(PATIENT)
        .unwrap();
    let failure = client.send(get_url(&format!("https://wharf.test:{port}/"))).await.unwrap_err();
    assert!(matches!(failure, Error::Tls(_)), "{failure}");
}

#[tokio::test]
async fn failures_to_connect_are_told_apart() {
    let names = Names::knowing("nobody.test", &["127.0.0.1"]);
    let client = net().with_resolver(names).guarded_client(PATIENT).unwrap();

    let url = format!("http://nobody.test:{}/", closed_port().await);
    let failure = client.send(get_url(&url)).await.unwrap_err();
    assert_eq!(failure, Error::Connect(std::io::ErrorKind::ConnectionRefused));
    assert_eq!(failure.to_string(), "cannot connect: connection refused");

    let failure = client.send(get_url("http://unknown.test/")).await.unwrap_err();
    assert_eq!(failure, Error::Unresolved);
}

#[tokio::test]
async fn a_name_server_that_never_answers_runs_into_the_connect_timeout() {
    let timeouts = Timeouts { connect: Duration::from_millis(50), ..PATIENT };
    let client = net().with_resolver(Arc::new(Silence)).guarded_client(timeouts).unwrap();
    let failure = client.send(get_url("http://slow.test/")).await.unwrap_err();
    assert_eq!(failure, Error::ConnectTimeout);
}

#[tokio::test]
async fn a_server_that_never_answers_runs_into_either_timeout() {
    let silent = listener().await;
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let brief = Duration::from_millis(50);
    for timeouts in
        [Timeouts { total: Some(brief), ..PATIENT }, Timeouts { stall: brief, ..PATIENT }]
    {
        let client = net().guarded_client(timeouts).unwrap();
        assert_eq!(client.send(get_url(&url)).await.unwrap_err(), Error::Timeout);
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_runs_into_the_timeout() {
    let app = Router::new().route(
        "/",
        get(async || {
            let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from("some")) });
            Body::from_stream(futures::StreamExt::chain(first, stream::pending()))
        }),
    );
    let url = format!("http://127.0.0.1:{}/", serve(app).await);
    let timeouts = Timeouts { stall: Duration::from_millis(100), ..PATIENT };
    let client = net().guarded_client(timeouts).unwrap();
    let mut answer = client.send(get_url(&url)).await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "some");
    assert_eq!(answer.chunk().await.unwrap_err(), Error::Timeout);
}

#[tokio::test]
async fn a_body_cut_short_is_a_broken_answer() {
    let server = listener().await;
    let url = format!("http://{}/", server.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        let mut request = [0; 1024];
        assert_ne!(stream.read(&mut request).await.unwrap(), 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort").await.unwrap();
    });
    let answer = client().send(get_url(&url)).await.unwrap();
    assert_eq!(answer.bytes(1024).await.unwrap_err(), Error::Broken);
    answering.await.unwrap();
}

#[tokio::test]
async fn a_body_longer_than_the_limit_is_refused_announced_or_not() {
    let app = Router::new().route("/announced", get(async || "x".repeat(2000))).route(
        "/streamed",
        get(async || {
            let piece = || Ok::<_, std::io::Error>(Bytes::from("x".repeat(1000)));
            Body::from_stream(stream::iter([piece(), piece()]))
        }),
    );
    let port = serve(app).await;
    for path in ["announced", "streamed"] {
        let url = format!("http://127.0.0.1:{port}/{path}");
        let answer = client().send(get_url(&url)).await.unwrap();
        assert_eq!(answer.bytes(1999).await.unwrap_err(), Error::TooLong { limit: 1999 });
        let answer = client().send(get_url(&url)).await.unwrap();
        assert_eq!(answer.bytes(2000).await.unwrap().len(), 2000);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_discarded_up_to_the_limit() {
    let app = Router::new().route(
        "/",
        get(async || {
            let piece = || Ok::<_, std::io::Error>(Bytes::from("x".repeat(1000)));
            Body::from_stream(stream::repeat_with(piece))
        }),
    );
    let url = format!("http://127.0.0.1:{}/", serve(app).await);
    client().send(get_url(&url)).await.unwrap().discard(10_000).await;
}

#[tokio::test]
async fn what_failed_is_told_without_credentials_and_query() {
    let port = closed_port().await;
    let url = format!("http://user:hunter2@127.0.0.1:{port}/hook?key=opensesame#frag");
    let request = || get_url(&url).header("Authorization", "Bearer topsecret").unwrap();
    let failure = client().send(request()).await.unwrap_err();

    let told = format!("{failure} {failure:?} {:?} {:?}", request(), client());
    for secret in ["user", "hunter2", "opensesame", "topsecret", "frag"] {
        assert!(!told.contains(secret), "{told}");
    }
    let refusal = get_url(&url).header("Authorization", "top\nsecret").unwrap_err();
    assert_eq!(refusal, Error::Request("the value of a header is malformed"));
}
