//! The pairing page in a real browser: from the one-time link to the connected profile.

use std::path::PathBuf;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{ANA, World, browser::Browser, until};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn the_page_shows_a_code_that_can_be_scanned_and_turns_into_the_profile() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let link = link(&world).await;
    let browser = Browser::start().await;
    browser.open(&link).await;
    // The ticket is gone from the address, and from what the page can read.
    assert_eq!(browser.url().await, format!("{}/connect/sales", world.gateway.url()));
    assert_eq!(browser.evaluate("document.cookie").await, "");

    let seen = until("a QR code on the page", || async {
        let picture = browser.screenshot().await;
        scanned(&picture).map(|text| (picture, text))
    })
    .await;
    keep("pairing-page-qr.png", &seen.0);
    world.whatsapp.scan(ANA, &seen.1).await;
    world.gateway.wait_for_state("sales", "connected").await;
    until("the profile on the page", || async {
        let text = text(&browser).await;
        (text.contains("Ana") && text.contains(ANA)).then_some(())
    })
    .await;
    let picture = browser.screenshot().await;
    assert_eq!(scanned(&picture), None, "no code is left to see");
    keep("pairing-page-connected.png", &picture);
    browser.quit().await;
    let log = world.gateway.log();
    let ticket = link.split_once("link=").unwrap().1;
    assert!(!log.contains(ticket), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn the_page_gives_a_code_for_a_number_and_follows_a_cancelled_attempt() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let browser = Browser::start().await;
    browser.open(&link(&world).await).await;
    until("a page that can be asked", || async { (shown(&browser, "qr").await).then_some(()) })
        .await;
    let typing = format!("document.getElementById('number').value = '{ANA}'");
    browser.evaluate(&typing).await;
    browser.evaluate("document.getElementById('ask-code').click()").await;
    let code = until("a pairing code on the page", || async {
        let text = text(&browser).await;
        let mut words = text.split_whitespace().map(str::to_owned);
        words.find(|word| word.len() == 9 && word.as_bytes()[4] == b'-')
    })
    .await;
    assert!(shown(&browser, "pairing-code").await);
    keep("pairing-page-code.png", &browser.screenshot().await);
    world.whatsapp.enter_code(ANA, &code).await;
    until("the profile on the page", || async {
        text(&browser).await.contains("Ana").then_some(())
    })
    .await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs three minutes"]
async fn the_picture_on_the_page_refreshes_by_itself() {
    let world = World::new().await;
    world.gateway.create("sales", &world.receiver.url()).await;
    let browser = Browser::start().await;
    browser.open(&link(&world).await).await;
    let code = || async { scanned(&browser.screenshot().await) };
    let first = until("a QR code on the page", code).await;
    // A minute passes before WhatsApp has another one.
    let patience = std::time::Duration::from_mins(2);
    let refreshed = tokio::time::timeout(patience, async {
        loop {
            if let Some(now) = code().await.filter(|now| *now != first) {
                return now;
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    });
    let refreshed = refreshed.await.unwrap();
    world.whatsapp.scan(ANA, &refreshed).await;
    until("the profile on the page", || async {
        text(&browser).await.contains("Ana").then_some(())
    })
    .await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_the_page_of_its_instance_once() {
    let world = World::new().await;
    for name in ["sales", "shop"] {
        world.gateway.create(name, &world.receiver.url()).await;
    }
    let link = link(&world).await;
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let first = http.get(&link).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let cookie = first.headers()["set-cookie"].to_str().unwrap().to_owned();
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/connect/sales"] {
        assert!(cookie.contains(wanted), "{cookie}");
    }
    let again = http.get(&link).send().await.unwrap();
    assert!(again.status().is_client_error(), "{}", again.status());
    let visit = cookie.split(';').next().unwrap();
    let state = |name: &str, cookie: &str| {
        let url = format!("{}/connect/{name}/state", world.gateway.url());
        http.get(url).header("cookie", cookie).send()
    };
    assert_eq!(state("sales", visit).await.unwrap().status(), StatusCode::OK);
    assert!(state("shop", visit).await.unwrap().status().is_client_error());
    assert!(state("sales", "").await.unwrap().status().is_client_error());
}

async fn link(world: &World) -> String {
    let answer = world.gateway.post("/api/instance/connectLink/sales", json!({})).await;
    assert_eq!(answer["success"], Value::Bool(true));
    assert!(answer["expiresAt"].is_string(), "{answer}");
    answer["url"].as_str().unwrap().to_owned()
}

/// Whether an element of the page is there to see.
async fn shown(browser: &Browser, id: &str) -> bool {
    browser.evaluate(&format!("document.getElementById('{id}').offsetParent !== null")).await
        == true
}

async fn text(browser: &Browser) -> String {
    browser.evaluate("document.body.innerText").await.as_str().unwrap_or_default().to_owned()
}

/// What a camera would read off the picture.
fn scanned(picture: &[u8]) -> Option<String> {
    let grey = image::load_from_memory(picture).unwrap().to_luma8();
    let (width, bytes) = (grey.width() as usize, grey.as_raw());
    let height = bytes.len() / width;
    let mut view =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| bytes[y * width + x]);
    view.detect_grids().first().and_then(|grid| grid.decode().ok()).map(|(_, text)| text)
}

/// Keeps a screenshot below the build directory, for people to look at.
fn keep(name: &str, picture: &[u8]) {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(name), picture).unwrap();
}
