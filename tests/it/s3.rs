use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wharf_http_ryze::{Config, UrlCheck};
use wharf_tests::{Answer, TestGateway};

async fn with_instance() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    gateway
}

async fn set(gateway: &TestGateway, body: Value) -> Answer {
    gateway.owner().post("/api/instance/s3/sales", body).await
}

async fn get(gateway: &TestGateway) -> Answer {
    gateway.owner().get("/api/instance/getS3/sales").await
}

fn full() -> Value {
    json!({
        "enabled": true, "region": "eu-west-1", "bucket": "media", "accessKey": "AKIA",
        "secretKey": "hidden", "endpoint": "https://s3.example.com", "pathPrefix": "media/sales",
    })
}

#[tokio::test]
async fn without_a_bucket_everything_is_null() {
    assert_json_snapshot!(get(&with_instance().await).await.expect(200));
}

#[tokio::test]
async fn what_was_set_is_read_back_without_the_secret() {
    let gateway = with_instance().await;
    let answer = set(&gateway, full()).await;
    assert!(!answer.text.contains("hidden"), "{}", answer.text);
    assert_json_snapshot!(answer.expect(200));
    let read = get(&gateway).await;
    assert!(!read.text.contains("hidden"), "{}", read.text);
    assert_json_snapshot!(read.expect(200));
}

#[tokio::test]
async fn region_endpoint_and_prefix_may_be_left_out() {
    let gateway = with_instance().await;
    let body =
        json!({ "bucket": "media", "accessKey": "AKIA", "secretKey": "hidden", "endpoint": "" });
    assert_json_snapshot!(set(&gateway, body).await.expect(200)["s3"]);
}

#[tokio::test]
async fn switched_off_all_of_it_is_forgotten() {
    let gateway = with_instance().await;
    set(&gateway, full()).await.expect(200);
    let mut off = full();
    off["enabled"] = json!(false);
    assert_json_snapshot!(set(&gateway, off).await.expect(200));
    assert_eq!(get(&gateway).await.expect(200)["s3"]["bucket"], Value::Null);
}

#[tokio::test]
async fn what_is_not_right_is_named_and_nothing_is_stored() {
    let gateway = with_instance().await;
    set(&gateway, full()).await.expect(200);
    let with = |key: &str, value: Value| {
        let mut body = full();
        body[key] = value;
        body
    };
    let of = |field: &str, reason: &str| format!("Invalid S3 configuration: {field} {reason}");
    let bounded = "must have 1 to 255 letters, digits, `.`, `-` or `_`";
    let visible = "must have 1 to 255 visible ASCII characters";
    let url = "must be an http or https URL";
    for (body, message) in [
        (json!({}), of("bucket", bounded)),
        (with("bucket", json!(" ")), of("bucket", bounded)),
        (with("bucket", json!("x".repeat(256))), of("bucket", bounded)),
        (with("bucket", json!("..")), of("bucket", bounded)),
        (with("bucket", json!("a/b")), of("bucket", bounded)),
        (with("region", json!("a b")), of("region", bounded)),
        (
            with("endpoint", json!("http://u:p@s3.example.com")),
            of("endpoint", "must not contain credentials"),
        ),
        (
            with("endpoint", json!("http://s3.example.com/?x")),
            of("endpoint", "must not contain `?` or `#`"),
        ),
        (
            with("pathPrefix", json!("a\0b")),
            of("pathPrefix", "must not contain control characters"),
        ),
        (
            with("pathPrefix", json!("../..")),
            of("pathPrefix", "must not contain the parts `.` and `..`"),
        ),
        (with("accessKey", Value::Null), of("accessKey", visible)),
        (with("accessKey", json!("a\nb")), of("accessKey", visible)),
        (with("secretKey", json!("")), of("secretKey", "must have 1 to 255 plain characters")),
        (with("secretKey", Value::Null), of("secretKey", "must have 1 to 255 plain characters")),
        (with("region", json!("x".repeat(256))), of("region", bounded)),
        (with("endpoint", json!("s3.example.com")), of("endpoint", "relative URL without a base")),
        (with("endpoint", json!("ftp://s3.example.com")), of("endpoint", url)),
        (with("endpoint", json!("file:///etc/passwd")), of("endpoint", url)),
        (
            with("pathPrefix", json!("x".repeat(513))),
            of("pathPrefix", "must have at most 512 characters"),
        ),
        (with("bucket", json!(5)), "Invalid request body".to_owned()),
        (with("enabled", json!(1)), "Invalid request body".to_owned()),
        (json!("s3"), "Invalid request body".to_owned()),
    ] {
        let refusal = set(&gateway, body.clone()).await.refusal();
        assert_eq!(refusal, (400, message), "{body}");
    }
    assert_eq!(get(&gateway).await.expect(200)["s3"]["bucket"], "media");
}

#[tokio::test]
async fn an_endpoint_in_a_network_that_is_off_limits_is_refused() {
    let refuses = |url: &str| match url {
        "http://169.254.169.254" => Err("it is link-local".to_owned()),
        _ => Ok(()),
    };
    let config = Config { url_check: UrlCheck::new(refuses), ..Config::default() };
    let gateway = TestGateway::with(config).await;
    gateway.instance("sales").await;
    let mut body = full();
    body["endpoint"] = json!("http://169.254.169.254");
    let expected = "Invalid S3 configuration: endpoint is off limits: it is link-local";
    assert_eq!(set(&gateway, body).await.refusal(), (400, expected.to_owned()));
}
