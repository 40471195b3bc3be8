//! The binary as an operator uses it: one process serves, others work beside it.

#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

mod operating;
mod server;

use reqwest::StatusCode;
use serde_json::Value;

use server::{Server, printed, refusal, run, token_in, wharf};

#[test]
fn the_first_start_prints_a_token_and_later_ones_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir);
    let token = token_in(&server.output).unwrap();
    assert_eq!(server.list(&token), StatusCode::OK);
    drop(server);
    let server = Server::start(&dir);
    assert_eq!(token_in(&server.output), None);
    assert_eq!(server.list(&token), StatusCode::OK);
}

#[test]
fn accounts_are_kept_beside_a_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir);

    let made = printed(&dir, &["account", "create", "--name", "agency", "--quota", "1"]);
    let token = token_in(&made).unwrap();
    assert_eq!(server.create(&token, "one"), StatusCode::CREATED);
    assert_eq!(server.create(&token, "two"), StatusCode::FORBIDDEN);
    printed(&dir, &["account", "set-quota", "--name", "agency", "--quota", "unlimited"]);
    assert_eq!(server.create(&token, "two"), StatusCode::CREATED);

    let again = run(&dir, &["account", "create", "--name", "agency"]);
    assert!(refusal(&again).contains("already exists"));
    let list = printed(&dir, &["account", "list"]);
    assert!(list.contains("agency\tquota unlimited"), "{list}");
    assert!(list.contains("default"), "{list}");

    assert!(list.lines().all(|line| line.ends_with("\tcors closed")), "{list}");
    let origins = ["https://App.example.com/", "http://localhost:3000"];
    printed(&dir, &["account", "set-cors", "--name", "agency", origins[0], origins[1]]);
    let list = printed(&dir, &["account", "list"]);
    assert!(list.contains("\tcors https://app.example.com http://localhost:3000\n"), "{list}");
    assert_eq!(server.preflight("https://app.example.com"), Some("https://app.example.com".into()));
    assert_eq!(server.preflight("https://other.example.com"), None);
    let no_origin = run(&dir, &["account", "set-cors", "--name", "agency", "app.example.com"]);
    assert!(refusal(&no_origin).contains("no origin"), "{}", refusal(&no_origin));
    printed(&dir, &["account", "set-cors", "--name", "agency"]);
    assert_eq!(server.preflight("https://app.example.com"), None);

    let rotated = printed(&dir, &["account", "rotate-token", "--name", "agency"]);
    let new = token_in(&rotated).unwrap();
    assert_eq!(server.list(&token), StatusCode::UNAUTHORIZED);
    assert_eq!(server.list(&new), StatusCode::OK);

    let in_use = run(&dir, &["account", "delete", "--name", "agency"]);
    assert!(refusal(&in_use).contains("2 instance"), "{}", refusal(&in_use));
    assert_eq!(server.list(&new), StatusCode::OK);
    printed(&dir, &["account", "delete", "--name", "agency", "--force"]);
    assert_eq!(server.list(&new), StatusCode::UNAUTHORIZED);
    let gone = run(&dir, &["account", "delete", "--name", "agency"]);
    assert!(refusal(&gone).contains("not found"));
}

#[test]
fn an_account_can_be_made_before_the_first_start() {
    let dir = tempfile::tempdir().unwrap();
    let token = token_in(&printed(&dir, &["account", "create", "--name", "agency"])).unwrap();
    let server = Server::start(&dir);
    assert_eq!(token_in(&server.output), None, "there is somebody to serve already");
    assert_eq!(server.list(&token), StatusCode::OK);
}

#[test]
fn a_given_token_must_be_one_of_the_accounts() {
    let dir = tempfile::tempdir().unwrap();
    printed(&dir, &["account", "create", "--name", "agency"]);
    let output = wharf(&dir, &["serve", "--listen", "127.0.0.1:0"])
        .env("WHARF_ACCOUNT_TOKEN", "somebody-elses-token")
        .output()
        .unwrap();
    let refusal = refusal(&output);
    assert!(refusal.contains("WHARF_ACCOUNT_TOKEN"), "{refusal}");
    assert!(!refusal.contains("somebody-elses-token"), "{refusal}");
}

#[test]
fn a_second_server_is_told_who_holds_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir);
    let second = run(&dir, &["serve", "--listen", "127.0.0.1:0"]);
    let refusal = refusal(&second);
    assert!(refusal.contains(&server.child.id().to_string()), "{refusal}");
}

#[test]
fn a_lost_master_key_is_not_replaced_by_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    printed(&dir, &["account", "create", "--name", "agency"]);
    let file = dir.path().join("data/master.key");
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let lost = run(&dir, &["account", "list"]);
    assert!(refusal(&lost).contains("master.key"), "{}", refusal(&lost));
    assert!(!file.exists());
    let wrong = wharf(&dir, &["account", "list"])
        .env("WHARF_ENCRYPTION_KEY", "11".repeat(32))
        .output()
        .unwrap();
    assert!(refusal(&wrong).contains("key"), "{}", refusal(&wrong));
    std::fs::write(&file, kept).unwrap();
    assert!(printed(&dir, &["account", "list"]).contains("agency"));
}

#[test]
fn the_effective_configuration_is_printed_with_secrets_masked() {
    let dir = tempfile::tempdir().unwrap();
    let key = "ab".repeat(32);
    let shown = wharf(&dir, &["check-config", "--rate-limit", "7"])
        .env("WHARF_ENCRYPTION_KEY", &key)
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("rate_limit = 7"), "{shown}");
    let proxied = wharf(&dir, &["check-config"])
        .env("WHARF_PROXY_URL", "socks5://wharf:hunter2@proxy.example.com")
        .output()
        .unwrap();
    let proxied = String::from_utf8(proxied.stdout).unwrap();
    assert!(proxied.contains("proxy_url = (set)\n"), "{proxied}");
    assert!(!proxied.contains("hunter2") && !proxied.contains("example.com"), "{proxied}");
    assert!(!shown.contains(&key), "{shown}");
    let misspelt = wharf(&dir, &["check-config"]).env("WHARF_RATELIMIT", "7").output().unwrap();
    let refusal = refusal(&misspelt);
    assert_eq!(refusal, "wharf: WHARF_RATELIMIT in the environment is not a setting\n");
}

#[test]
fn the_description_of_the_api_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let description: Value = serde_json::from_str(&printed(&dir, &["openapi"])).unwrap();
    assert!(description["paths"]["/api/instance/new"].is_object());
}
