//! The log, the measures and the end of a server.

use reqwest::StatusCode;
use serde_json::Value;

use crate::server::{Server, token_in};

const TOKEN: &str = "whoever-counts-reads-this";

/// Where it says that the measures are.
fn measures_url(server: &Server) -> &str {
    server.output.lines().find_map(|line| line.strip_prefix("Measures at ")).unwrap()
}

#[test]
fn measures_are_not_served_unless_that_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir);
    let url = format!("{}/metrics", server.url);
    assert_eq!(server.get(&url, &[]).status(), StatusCode::NOT_FOUND);
    assert!(!server.output.contains("Measures"), "{}", server.output);
}

#[test]
fn measures_have_an_address_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(&dir, &[("WHARF_METRICS_LISTEN", "127.0.0.1:0")]);
    let url = measures_url(&server);
    assert!(!url.starts_with(&server.url), "{url}");
    assert_eq!(server.create(&token_in(&server.output).unwrap(), "sales"), StatusCode::CREATED);
    let answer = server.get(url, &[]);
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let text = answer.text().unwrap();
    for line in [
        "wharf_sessions{state=\"disconnected\"} 1\n",
        "wharf_store_up 1\n",
        "wharf_deliveries{state=\"pending\"} 0\n",
        "process_resident_memory_bytes ",
        "# EOF\n",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    // Nothing else is there, and the main address does not have them without a token.
    let elsewhere = url.replace("/metrics", "/api/instance/list");
    assert_eq!(server.get(&elsewhere, &[]).status(), StatusCode::NOT_FOUND);
    let beside = format!("{}/metrics", server.url);
    assert_eq!(server.get(&beside, &[]).status(), StatusCode::NOT_FOUND);
    assert!(server.end().success());
}

#[test]
fn a_token_of_their_own_opens_the_measures_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("WHARF_METRICS_LISTEN", "127.0.0.1:0"), ("WHARF_METRICS_TOKEN", TOKEN)];
    let server = Server::start_with(&dir, &settings);
    let account = token_in(&server.output).unwrap();
    for url in [measures_url(&server).to_owned(), format!("{}/metrics", server.url)] {
        let status = |headers: &[(&str, &str)]| server.get(&url, headers).status();
        assert_eq!(status(&[]), StatusCode::UNAUTHORIZED);
        for wrong in [
            format!("Bearer {account}"),
            format!("Bearer {TOKEN}x"),
            format!("Bearer {}", &TOKEN[1..]),
            format!("Basic {TOKEN}"),
            TOKEN.to_owned(),
        ] {
            assert_eq!(status(&[("authorization", &wrong)]), StatusCode::UNAUTHORIZED, "{wrong}");
        }
        assert_eq!(status(&[("token", TOKEN)]), StatusCode::UNAUTHORIZED);
        assert_eq!(status(&[("authorization", &format!("Bearer {TOKEN}"))]), StatusCode::OK);
        assert_eq!(status(&[("authorization", &format!("bearer  {TOKEN}"))]), StatusCode::OK);
    }
    // And nothing else.
    assert_eq!(server.list(TOKEN), StatusCode::UNAUTHORIZED);
}

#[test]
fn every_line_of_a_json_log_can_be_parsed_from_the_start_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("WHARF_LOG_FORMAT", "json"), ("WHARF_LOG", "trace")];
    let server = Server::start_with(&dir, &settings);
    let token = token_in(&server.output).unwrap();
    assert_eq!(server.create(&token, "sales"), StatusCode::CREATED);
    assert!(server.end().success());
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    for line in &lines {
        for needed in ["timestamp", "level", "target"] {
            assert!(line[needed].is_string(), "no {needed}: {line}");
        }
    }
    let said = |text: &str| lines.iter().any(|line| line["message"] == text);
    assert!(said("ending") && said("ended"), "{log}");
    assert!(!log.contains(&token));
}

#[test]
fn a_server_that_was_asked_to_end_can_be_started_again_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir);
    let token = token_in(&server.output).unwrap();
    assert_eq!(server.create(&token, "sales"), StatusCode::CREATED);
    assert!(server.end().success());
    let server = Server::start(&dir);
    assert_eq!(server.create(&token, "sales"), StatusCode::CONFLICT, "it is still there");
}
