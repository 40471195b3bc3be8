//! Secrets at rest: after a full run no file, no column and no line of the log has one of them in clear.

use std::path::Path;

use reqwest::{Method, StatusCode};
use sea_orm::{ConnectionTrait as _, Database, Statement};
use serde_json::json;

use crate::{
    ANA, BIA, Options, World,
    bucket::{Bucket, SECRET_KEY},
    files,
    gateway::TOKEN,
    proxy_servers::free_port,
};

const INSTANCE_TOKEN: &str = "a-token-of-the-instances-own-choosing";
const AUTHORIZATION: &str = "Bearer what-the-webhook-wants-to-see";
const WEBHOOK_SECRET: &str = "what-the-webhook-verifies-with";
const PROXY_PASSWORD: &str = "what-the-proxy-wants-to-hear";
const MASTER_KEY: &str = "c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7";
const WORDS_IN: &str = "nobody else may read what came in";
const WORDS_OUT: &str = "nobody else may read what went out";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_clear_in_the_database_a_file_or_the_log() {
    let (world, secrets) = full_run(Options::default()).await;
    look_into_files(world.gateway.dir(), &secrets);
    let database = world.gateway.dir().join("data/wharf.db");
    for (column, values) in columns(&database).await {
        for (name, value) in &secrets {
            let hex = hex(value.as_bytes());
            let seen = values.iter().any(|held| held.contains(&hex));
            assert!(!seen, "{name} is in clear in {column}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL"]
async fn no_secret_is_in_clear_in_postgresql_a_file_or_the_log() {
    let options = Options::postgres();
    let (world, secrets) = full_run(options.clone()).await;
    look_into_files(world.gateway.dir(), &secrets);
    let tables =
        options.query("SELECT table_name FROM information_schema.tables WHERE table_schema = '{}'");
    assert!(tables.lines().count() > 20, "{tables}");
    for table in tables.lines() {
        // Bytes are shown as hex, text as it is.
        let rows = options.query(&format!("SELECT t::text FROM {{}}.{table} t"));
        for (name, value) in &secrets {
            let seen = rows.contains(value.as_str()) || rows.contains(&hex(value.as_bytes()));
            assert!(!seen, "{name} is in clear in {table}");
        }
    }
}

/// An instance with everything that has a secret, connected, with traffic both ways; stopped afterwards. Gives the
/// secrets with their names.
async fn full_run(options: Options) -> (World, Vec<(&'static str, String)>) {
    let options = options.set("WHARF_LOG", "debug").set("WHARF_ENCRYPTION_KEY", MASTER_KEY);
    let mut world = World::with(options).await;
    let bucket = Bucket::start().await;
    let s3 = bucket.settings();
    let body = json!({
        "name": "sales", "token": INSTANCE_TOKEN,
        "webhookEnabled": true, "webhookURL": world.receiver.url(),
        "webhookAuthorization": AUTHORIZATION, "webhookMediaBase64": true,
        "s3Enabled": true, "s3Region": "us-east-1", "s3Bucket": "media",
        "s3AccessKey": s3["accessKey"], "s3SecretKey": SECRET_KEY, "s3Endpoint": s3["endpoint"],
        "proxyEnabled": true, "proxyHost": "127.0.0.1", "proxyPort": free_port().to_string(),
        "proxyProtocol": "http", "proxyUsername": "wharf", "proxyPassword": PROXY_PASSWORD,
    });
    let (status, answer) = world.gateway.call(Method::POST, "/api/instance/new", body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let webhook = json!({
        "enabled": true, "url": world.receiver.url(), "authorization": AUTHORIZATION,
        "secret": WEBHOOK_SECRET, "mediaBase64": true
    });
    world.gateway.post("/api/events/webhook/sales", webhook).await;
    // The proxy is dead, which is logged; it stays configured for another instance.
    let (status, _) = world.gateway.get("/api/instance/connect/sales").await;
    assert!(!status.is_success());
    let proxy = json!({
        "name": "shop", "proxyEnabled": true, "proxyHost": "127.0.0.1", "proxyPort": "9",
        "proxyProtocol": "socks5", "proxyUsername": "wharf", "proxyPassword": PROXY_PASSWORD
    });
    world.gateway.post("/api/instance/new", proxy).await;
    world.gateway.post("/api/instance/proxy/sales", json!({ "enabled": false })).await;
    let link = world.gateway.post("/api/instance/connectLink/sales", json!({})).await;
    let link = link["url"].as_str().unwrap().to_owned();
    let visit = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let visit = visit.build().unwrap().get(&link).send().await.unwrap();
    let cookie = visit.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (_, shown) = world.gateway.get("/api/instance/connect/sales").await;
    let qr = shown["qrCode"].as_str().unwrap().to_owned();
    world.whatsapp.scan(ANA, &qr).await;
    world.gateway.wait_for_state("sales", "connected").await;

    world.whatsapp.send(BIA, ANA, WORDS_IN).await;
    world.receiver.wait_for_text(WORDS_IN).await;
    world.gateway.send("sales", BIA, WORDS_OUT).await;
    world.receiver.wait_for_text(WORDS_OUT).await;
    let photo = json!({ "kind": "image", "base64": files::base64(&files::picture(40, 30)) });
    let id = world.whatsapp.send_media(BIA, ANA, &photo).await;
    let told = world.receiver.wait_for("the photo", |r| r.body["data"]["id"] == id).await;
    assert_eq!(told.headers["authorization"], AUTHORIZATION);
    assert!(told.body["data"]["message"]["media"]["s3Url"].is_string(), "{}", told.body);
    let (_, list) = world.gateway.get("/api/instance/list").await;
    let shops = list["instances"].as_array().unwrap().iter().find(|one| one["name"] == "shop");
    let shops = shops.unwrap()["token"].as_str().unwrap().to_owned();
    world.gateway.kill();

    let ticket = |text: &str, before: &str| {
        let rest = text.split_once(before).unwrap().1;
        rest.split(['&', ';']).next().unwrap().to_owned()
    };
    let qr_secret = qr.split(',').nth(3).unwrap().to_owned();
    let mut secrets: Vec<(&'static str, String)> = [
        ("the account's token", TOKEN),
        ("the instance's token", INSTANCE_TOKEN),
        ("the token of another instance", &shops),
        ("the webhook's authorization", AUTHORIZATION),
        ("the webhook's secret", WEBHOOK_SECRET),
        ("the proxy's password", PROXY_PASSWORD),
        ("the bucket's secret", SECRET_KEY),
        ("the master key", MASTER_KEY),
        ("what came in", WORDS_IN),
        ("what went out", WORDS_OUT),
        ("the page's link", &ticket(&link, "link=")),
        ("the page's cookie", &ticket(&cookie, "wharf_connect=")),
        ("the QR code", &qr),
        ("the QR code's secret", &qr_secret),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    assert!(secrets.iter().all(|(_, value)| value.len() > 15), "{secrets:?}");
    let encoded = secrets.iter().map(|(name, value)| (*name, files::base64(value.as_bytes())));
    let encoded: Vec<_> =
        encoded.map(|(name, text)| (name, text.trim_end_matches('=').to_owned())).collect();
    secrets.extend(encoded);
    (world, secrets)
}

/// Every file below a directory, but the certificates the test itself put there.
fn look_into_files(dir: &Path, secrets: &[(&'static str, String)]) {
    let mut places = vec![dir.to_owned()];
    let mut looked = Vec::new();
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for (name, value) in secrets {
                let seen = contains(&bytes, value.as_bytes());
                assert!(!seen, "{name} is in clear in {}{}", path.display(), around(&bytes, value));
            }
            looked.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    assert!(looked.iter().any(|name| name == "log"), "{looked:?}");
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// The line that has it, for whoever has to find out why.
fn around(bytes: &[u8], value: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().find(|line| line.contains(value)).unwrap_or_default();
    format!(": {}", line.chars().take(400).collect::<String>())
}

/// Every value of every column of every table, as hex, by column.
async fn columns(database: &Path) -> Vec<(String, Vec<String>)> {
    let db = Database::connect(format!("sqlite://{}", database.display())).await.unwrap();
    let query = async |sql: String| -> Vec<String> {
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let rows = db.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get::<String>("", "value").unwrap()).collect()
    };
    let tables = "SELECT name AS value FROM sqlite_master WHERE type = 'table'";
    let mut found = Vec::new();
    for table in query(tables.to_owned()).await {
        let names = format!("SELECT name AS value FROM pragma_table_info('{table}')");
        for column in query(names).await {
            let values = format!("SELECT lower(hex(\"{column}\")) AS value FROM \"{table}\"");
            found.push((format!("{table}.{column}"), query(values).await));
        }
    }
    assert!(found.len() > 100, "{} columns", found.len());
    assert!(found.iter().any(|(_, values)| !values.is_empty()));
    found
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
