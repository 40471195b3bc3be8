use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use bytes::Bytes;
use futures::stream;
use tokio::net::TcpListener;
use wharf_domain::media::FetchedMedia;
use wharf_domain::ports::MediaFetcher;
use wharf_domain::{Error, Result};
use wharf_media::HttpMediaFetcher;
use wharf_net::{Egress, Net, Roots, Timeouts, Tls};

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    origin
}

fn net(egress: Egress) -> Net {
    Net::new(Tls::new(Roots::web()), egress)
}

async fn fetch(url: &str, limit: u64) -> Result<FetchedMedia> {
    let fetcher = HttpMediaFetcher::new(&net(Egress::Open)).unwrap();
    fetcher.fetch(&url.parse().unwrap(), limit).await
}

/// Why a URL is no media, once it is certain that the reason does not repeat the URL.
fn reason(outcome: Result<FetchedMedia>) -> String {
    match outcome.unwrap_err() {
        Error::Invalid { field: "mediaUrl", reason } => {
            assert!(!reason.contains("hunter2") && !reason.contains("127.0.0.1"), "{reason}");
            reason.into_owned()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_comes_with_its_type_and_name() {
    let app = Router::new()
        .route("/a/pic%20ture.png", get(async || ([("content-type", "image/png")], "png")))
        .route(
            "/download",
            get(async || {
                let disposition = "attachment; filename=\"../offer.pdf\"";
                let headers = [
                    ("content-type", "application/pdf; charset=binary"),
                    ("content-disposition", disposition),
                ];
                (headers, "pdf")
            }),
        )
        .route("/", get(async || Body::from("bare").into_response()));
    let origin = serve(app).await;

    let picture = fetch(&format!("{origin}/a/pic%20ture.png?key=hunter2"), 3).await.unwrap();
    assert_eq!(picture.bytes, "png");
    assert_eq!(picture.mime_type.as_deref(), Some("image/png"));
    assert_eq!(picture.file_name.as_deref(), Some("pic ture.png"));

    let document = fetch(&format!("{origin}/download"), 3).await.unwrap();
    assert_eq!(document.mime_type.as_deref(), Some("application/pdf; charset=binary"));
    assert_eq!(document.file_name.as_deref(), Some("offer.pdf"));

    let bare = fetch(&origin, 4).await.unwrap();
    assert_eq!((bare.mime_type, bare.file_name), (None, None));
}

#[tokio::test]
async fn more_than_the_limit_is_refused_announced_or_not() {
    let app = Router::new().route("/announced", get(async || "x".repeat(2000))).route(
        "/endless",
        get(async || {
            let piece = || Ok::<_, std::io::Error>(Bytes::from("x".repeat(1000)));
            Body::from_stream(stream::repeat_with(piece))
        }),
    );
    let origin = serve(app).await;
    for path in ["announced", "endless"] {
        let refusal = reason(fetch(&format!("{origin}/{path}?key=hunter2"), 1999).await);
        assert_eq!(refusal, "is larger than 1999 bytes");
    }
    assert_eq!(fetch(&format!("{origin}/announced"), 2000).await.unwrap().bytes.len(), 2000);
}

#[tokio::test]
async fn redirects_are_followed_up_to_five() {
    let app = Router::new().route(
        "/{left}",
        get(async |Path(left): Path<u32>, headers: HeaderMap| match left {
            0 => headers.contains_key("authorization").to_string().into_response(),
            left => Redirect::temporary(&format!("{}?key=hunter2#part", left - 1)).into_response(),
        }),
    );
    let origin = serve(app).await;
    let file = fetch(&format!("{origin}/5"), 100).await.unwrap();
    assert_eq!((&file.bytes[..], file.file_name.as_deref()), (&b"false"[..], Some("0")));
    let refusal = reason(fetch(&format!("{origin}/6"), 100).await);
    assert_eq!(refusal, "the server redirects more often than five times");
}

#[tokio::test]
async fn each_hop_is_judged_by_the_guard() {
    let app = Router::new()
        .route("/metadata", get(async || Redirect::to("http://169.254.169.254/latest")))
        .route("/file", get(async || Redirect::to("file:///etc/passwd")))
        .route(
            "/nowhere",
            get(async || (StatusCode::FOUND, [("location", "http://")]).into_response()),
        );
    let origin = serve(app).await;
    for (path, expected) in [
        (
            "metadata",
            "cannot be fetched: refused: the host has a link-local address, which this server does not call",
        ),
        ("file", "cannot be fetched: refused: only http and https URLs are allowed"),
        ("nowhere", "the server redirects to no address"),
    ] {
        assert_eq!(reason(fetch(&format!("{origin}/{path}"), 100).await), expected);
    }
    let strict = HttpMediaFetcher::new(&net(Egress::PublicOnly)).unwrap();
    let refusal = reason(strict.fetch(&origin.parse().unwrap(), 100).await);
    assert!(refusal.contains("loopback"), "{refusal}");
}

#[tokio::test]
async fn anything_but_success_is_named() {
    let app = Router::new().route("/gone", get(async || StatusCode::GONE));
    let origin = serve(app).await;
    let refusal = reason(fetch(&format!("{origin}/gone?key=hunter2"), 100).await);
    assert_eq!(refusal, "the server answered with status 410");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refusal = reason(fetch(&format!("http://{closed}/"), 100).await);
    assert_eq!(refusal, "cannot be fetched: cannot connect: connection refused");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap()).parse().unwrap();
    let brief = Timeouts {
        connect: Duration::from_secs(10),
        stall: Duration::from_millis(100),
        total: None,
    };
    let fetcher = HttpMediaFetcher::with_timeouts(&net(Egress::Open), brief).unwrap();
    let refusal = reason(fetcher.fetch(&url, 100).await);
    assert_eq!(refusal, "cannot be fetched: no complete answer in time");
}
