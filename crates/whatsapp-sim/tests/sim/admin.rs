//! The simulator as programs in any language drive it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_whatsapp_sim::Simulator;

use crate::client::TestClient;

const ANA: &str = "5511999990001";
const BRUNO: &str = "5511999990002";

/// A program that knows the simulator's address only.
pub(crate) struct Program {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
}

impl Program {
    pub(crate) fn new(sim: &Simulator) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: sim.admin_url() }
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> (StatusCode, Value) {
        let url = format!("{}/admin{path}", self.base);
        let response = self.http.request(method, url).body(body).send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.request(Method::GET, path, String::new()).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.request(Method::POST, path, body.to_string()).await
    }

    pub(crate) async fn phone(&self, number: &str, name: &str) -> Value {
        let (status, answer) =
            self.post("/phones", json!({ "number": number, "name": name })).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer
    }
}

pub(crate) fn refused(answer: &(StatusCode, Value), status: StatusCode) {
    assert_eq!(answer.0, status, "{}", answer.1);
    assert!(answer.1["error"].as_str().is_some_and(|error| !error.is_empty()), "{}", answer.1);
}

#[tokio::test]
async fn phones_are_made_and_listed() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    let ana = program.phone(ANA, "Ana").await;
    assert_eq!(ana["number"], ANA);
    assert_eq!(ana["jid"], format!("{ANA}@s.whatsapp.net"));
    assert!(ana["lid"].as_str().unwrap().ends_with("@lid"));
    let bruno = program.phone(BRUNO, "Bruno").await;
    assert_ne!(ana["lid"], bruno["lid"]);
    assert_eq!(program.get("/phones").await, json!({ "phones": [ana, bruno] }));
}

#[tokio::test]
async fn what_cannot_be_a_phone_or_is_one_already_is_refused() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    let taken = program.post("/phones", json!({ "number": ANA, "name": "Eve" })).await;
    refused(&taken, StatusCode::CONFLICT);
    for body in [json!({}), json!({ "number": "abc", "name": "Eve" }), json!([1])] {
        refused(&program.post("/phones", body).await, StatusCode::BAD_REQUEST);
    }
    let garbage = program.request(Method::POST, "/phones", "{".to_owned()).await;
    refused(&garbage, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_unknown_phone_route_or_method_is_told_in_json() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    for (method, path, status) in [
        (Method::GET, format!("/phones/{BRUNO}/messages"), StatusCode::NOT_FOUND),
        (Method::POST, format!("/phones/{BRUNO}/send"), StatusCode::NOT_FOUND),
        (Method::DELETE, format!("/phones/{ANA}/devices/7"), StatusCode::NOT_FOUND),
        (Method::DELETE, format!("/phones/{ANA}/devices/x"), StatusCode::NOT_FOUND),
        (Method::GET, "/nowhere".to_owned(), StatusCode::NOT_FOUND),
        (Method::GET, "/".to_owned(), StatusCode::NOT_FOUND),
        (Method::GET, String::new(), StatusCode::NOT_FOUND),
        (Method::PUT, "/phones".to_owned(), StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let answer = program.request(method, &path, "{}".to_owned()).await;
        refused(&answer, status);
    }
}

#[tokio::test]
async fn a_chat_can_be_led_by_http_alone() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    program.phone(BRUNO, "Bruno").await;
    let client = TestClient::new(&sim, "Ana").await;
    let qr = client.qr().await;

    let (status, linked) = program.post(&format!("/phones/{ANA}/scan"), json!({ "qr": qr })).await;
    assert_eq!((status, linked), (StatusCode::OK, json!({ "device": { "id": 1 } })));
    client.connected().await;
    let devices = program.get(&format!("/phones/{ANA}/devices")).await;
    assert_eq!(devices["devices"][0]["id"], 0);
    assert_eq!(devices["devices"][1]["id"], 1);
    assert_eq!(devices["devices"][1]["online"], true);
    assert_eq!(program.get("/stats").await["connected"], 1);

    let greeting = json!({ "to": ANA, "text": "hi" });
    let (status, sent) = program.post(&format!("/phones/{BRUNO}/send"), greeting).await;
    assert_eq!(status, StatusCode::OK, "{sent}");
    client.text("hi").await;
    let reply = json!({ "to": BRUNO, "text": "hello", "quotedId": sent["messageId"] });
    let (status, reply) = program.post(&format!("/phones/{ANA}/send"), reply).await;
    assert_eq!(status, StatusCode::OK, "{reply}");
    client.text("hello").await;

    let read = json!({ "messageId": reply["messageId"] });
    let (status, _) = program.post(&format!("/phones/{BRUNO}/read"), read).await;
    assert_eq!(status, StatusCode::OK);

    let seen = program.get(&format!("/phones/{ANA}/messages")).await;
    let [hi, hello] = seen["messages"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!(
        (&hi["id"], &hi["text"], &hi["fromMe"], &hi["quotedId"]),
        (&sent["messageId"], &json!("hi"), &json!(false), &Value::Null)
    );
    assert_eq!(
        (&hello["fromMe"], &hello["quotedId"], &hello["receipt"], &hello["chat"]),
        (
            &json!(true),
            &sent["messageId"],
            &json!("read"),
            &json!(format!("{BRUNO}@s.whatsapp.net"))
        )
    );

    let unlink = format!("/phones/{ANA}/devices/1");
    let (status, _) = program.request(Method::DELETE, &unlink, String::new()).await;
    assert_eq!(status, StatusCode::OK);
    client
        .event(|event| matches!(event, wacore::types::events::Event::LoggedOut(_)).then_some(()))
        .await;
}

#[tokio::test]
async fn what_a_phone_cannot_do_is_told() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    for (path, body, status) in [
        ("scan", json!({ "qr": "hello" }), StatusCode::BAD_REQUEST),
        ("enter-code", json!({ "code": "ABCD" }), StatusCode::BAD_REQUEST),
        ("enter-code", json!({ "code": "ABCD-EFGH" }), StatusCode::NOT_FOUND),
        ("send", json!({ "to": BRUNO, "text": "hi" }), StatusCode::NOT_FOUND),
        ("send", json!({ "to": ANA, "text": "hi", "quotedId": "none" }), StatusCode::NOT_FOUND),
        ("send", json!({ "to": ANA, "text": " " }), StatusCode::BAD_REQUEST),
        ("read", json!({ "messageId": "none" }), StatusCode::NOT_FOUND),
        ("play", json!({ "messageId": "none" }), StatusCode::NOT_FOUND),
        ("type", json!({ "to": ANA, "doing": "dancing" }), StatusCode::BAD_REQUEST),
        ("presence", json!({}), StatusCode::BAD_REQUEST),
    ] {
        let answer = program.post(&format!("/phones/{ANA}/{path}"), body).await;
        refused(&answer, status);
    }
}

#[tokio::test]
async fn a_qr_code_that_has_been_used_is_gone() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    let client = TestClient::new(&sim, "Ana").await;
    let qr = client.qr().await;
    let scan = format!("/phones/{ANA}/scan");
    let (status, _) = program.post(&scan, json!({ "qr": qr.clone() })).await;
    assert_eq!(status, StatusCode::OK);
    refused(&program.post(&scan, json!({ "qr": qr })).await, StatusCode::GONE);
}

#[tokio::test]
async fn the_mock_phone_pairs_by_push_name() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    let mut accounts = Vec::new();
    for (name, device) in [("One", 1), ("Two", 1), ("One", 2)] {
        let client = TestClient::new(&sim, name).await;
        let qr = client.qr().await;
        let (status, answer) = program.request(Method::POST, "/mock-phone/scan-qr", qr).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["device"]["id"], device);
        client.connected().await;
        accounts.push((answer["number"].clone(), client));
    }
    assert_eq!(accounts[0].0, accounts[2].0);
    assert_ne!(accounts[0].0, accounts[1].0);
}

#[tokio::test]
async fn two_clients_of_one_new_name_that_come_at_once_share_an_account() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    let (first, second) = (TestClient::new(&sim, "Duo").await, TestClient::new(&sim, "Duo").await);
    let scan = async |client: &TestClient| {
        let qr = client.qr().await;
        program.request(Method::POST, "/mock-phone/scan-qr", qr).await
    };
    let (one, two) = tokio::join!(scan(&first), scan(&second));
    assert_eq!((one.0, two.0), (StatusCode::OK, StatusCode::OK));
    assert_eq!(one.1["number"], "5511999980001");
    assert_eq!(one.1["number"], two.1["number"]);
    assert_eq!(sim.stats().accounts, 1);
}

#[tokio::test]
async fn a_name_whose_pairing_is_forbidden_gets_no_account() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.post("/faults", json!({ "all": true, "fault": "forbid-pairing" })).await;
    let client = TestClient::new(&sim, "Solo").await;
    let qr = client.qr().await;
    let answer = program.request(Method::POST, "/mock-phone/scan-qr", qr).await;
    refused(&answer, StatusCode::CONFLICT);
    assert_eq!(sim.stats().accounts, 0);
}

#[tokio::test]
async fn a_name_goes_on_belonging_to_its_first_account_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = async || Simulator::builder().data_dir(directory.path()).start().await.unwrap();
    let sim = start().await;
    sim.create_phone(BRUNO, "Twin").unwrap();
    sim.create_phone(ANA, "Twin").unwrap();
    sim.stop().await;
    let sim = start().await;
    let client = TestClient::new(&sim, "Twin").await;
    let (phone, _) = sim.scan_by_name(&client.qr().await).await.unwrap();
    assert_eq!(phone.number(), BRUNO);
    sim.stop().await;
}

#[tokio::test]
async fn presence_typing_and_playing_are_asked_for_over_http() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    program.phone(BRUNO, "Bruno").await;
    let post = async |path: &str, body| {
        let (status, answer) = program.post(&format!("/phones/{ANA}/{path}"), body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    };
    post("presence", json!({ "available": true })).await;
    post("type", json!({ "to": BRUNO, "doing": "recording" })).await;
    let bruno = sim.phone(BRUNO).unwrap();
    bruno.wait_for_typing(ANA, "recording").await.unwrap();
    let id = bruno.send_text(ANA, "listen").await.unwrap();
    post("play", json!({ "messageId": id })).await;
    bruno.wait_for_receipt(&id, wharf_whatsapp_sim::Receipt::Played).await.unwrap();
}

#[tokio::test]
async fn an_account_can_be_addressed_by_lid() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    let by_lid = json!({ "number": ANA, "name": "Ana", "addressing": "lid" });
    let (status, ana) = program.post("/phones", by_lid).await;
    assert_eq!(status, StatusCode::CREATED, "{ana}");
    program.phone(BRUNO, "Bruno").await;
    let client = TestClient::linked(&sim, &sim.phone(ANA).unwrap()).await;
    let bruno = sim.phone(BRUNO).unwrap();
    sim.phone(ANA).unwrap().send_text(BRUNO, "hi").await.unwrap();
    assert_eq!(client.text("hi").await.1.source.chat.to_string(), bruno.lid());
    let odd = json!({ "number": "5511999990003", "name": "Eva", "addressing": "pigeon" });
    refused(&program.post("/phones", odd).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn faults_are_asked_for_listed_and_cleared() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    let refuse = json!({ "number": ANA, "fault": "refuse", "code": 463 });
    let (status, added) = program.post("/faults", refuse).await;
    let expected = json!({ "id": 1, "number": ANA, "fault": "refuse", "code": 463, "count": 1 });
    assert_eq!((status, &added), (StatusCode::CREATED, &expected));
    assert_eq!(program.get("/faults").await, json!({ "faults": [expected] }));

    let (status, _) = program.request(Method::DELETE, "/faults", String::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(program.get("/faults").await, json!({ "faults": [] }));

    let unknown = json!({ "number": BRUNO, "fault": "drop" });
    refused(&program.post("/faults", unknown).await, StatusCode::NOT_FOUND);
    let senseless = json!({ "number": ANA, "fault": "explode" });
    refused(&program.post("/faults", senseless).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn tls_and_plain_share_the_port_and_the_root_can_be_fetched() {
    let sim = Simulator::start().await.unwrap();
    let program = Program::new(&sim);
    program.phone(ANA, "Ana").await;
    let url = format!("{}/admin/root-certificate", program.base);
    let pem = program.http.get(url).send().await.unwrap().bytes().await.unwrap();
    let root = reqwest::Certificate::from_pem(&pem).unwrap();
    let http = reqwest::Client::builder().no_proxy().add_root_certificate(root).build().unwrap();
    let secure = Program { http, base: program.base.replacen("http:", "https:", 1) };
    assert_eq!(secure.get("/phones").await, program.get("/phones").await);
}
