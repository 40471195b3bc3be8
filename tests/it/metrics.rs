use insta::assert_json_snapshot;
use serde_json::Value;
use wharf_domain::message::{Content, Media, MediaKind};
use wharf_testkit::build;
use wharf_tests::TestGateway;

async fn with_messages() -> TestGateway {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let ana = build::phone("5511999990001");
    session.receive(build::incoming(&ana, "hello")).await.unwrap();
    let mut picture = build::incoming(&ana, "");
    picture.content = Content::Media(Media {
        kind: MediaKind::Image,
        url: None,
        mime_type: None,
        file_name: None,
        caption: None,
        size: None,
        duration: None,
    });
    session.receive(picture).await.unwrap();
    let body = serde_json::json!({ "number": "5511999990002", "message": "hello" });
    gateway.post("/api/message/text/sales", body).await.expect(200);
    gateway.instance("support").await;
    gateway
}

async fn metrics(gateway: &TestGateway, names: &str) -> Value {
    gateway.get(&format!("/api/instance/metrics/{names}")).await.expect(200)["metrics"].take()
}

#[tokio::test]
async fn the_figures_are_those_of_the_stored_messages() {
    let gateway = with_messages().await;
    let answer = gateway.owner().get("/api/instance/metrics/sales").await.expect(200);
    assert_json_snapshot!(answer, {
        ".metrics.firstMessageAt" => "[time]", ".metrics.lastMessageAt" => "[time]",
    });
}

#[tokio::test]
async fn an_instance_without_messages_has_every_figure() {
    let gateway = with_messages().await;
    assert_json_snapshot!(metrics(&gateway, "support").await);
}

#[tokio::test]
async fn several_instances_are_added_up_and_the_list_is_echoed() {
    let gateway = with_messages().await;
    let of_one = metrics(&gateway, "sales").await;
    let mut of_both = metrics(&gateway, "sales%20,%20support,").await;
    assert_eq!(of_both["instance"].take(), "sales , support,");
    for (figure, value) in of_one.as_object().unwrap().iter().filter(|(key, _)| *key != "instance")
    {
        assert_eq!(of_both[figure], *value, "{figure}");
    }
    let twice = metrics(&gateway, "sales,sales").await;
    assert_eq!(twice["totalMessages"], of_one["totalMessages"]);
}

#[tokio::test]
async fn no_name_at_all_is_refused() {
    let gateway = TestGateway::start().await;
    for list in ["", ",", "%20,%20,", "%20"] {
        let refusal = gateway.get(&format!("/api/instance/metrics/{list}")).await.refusal();
        assert_eq!(refusal, (400, "Instance name is required".to_owned()), "{list}");
    }
}

#[tokio::test]
async fn one_unknown_name_is_one_too_many() {
    let gateway = with_messages().await;
    for list in ["nothing", "sales,nothing", "sales,a%5Cb"] {
        let refusal = gateway.get(&format!("/api/instance/metrics/{list}")).await.refusal();
        assert_eq!(refusal, (404, "Instance not found".to_owned()), "{list}");
    }
    let names = vec!["sales"; 101].join(",");
    let refusal = gateway.get(&format!("/api/instance/metrics/{names}")).await.refusal();
    assert_eq!(refusal, (400, "Invalid instance: must have at most 100 names".to_owned()));
}

#[tokio::test]
async fn an_instances_token_adds_up_its_own_alone() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let (_, token) = gateway.instance("support").await;
    let holder = gateway.holder(&token);
    holder.get("/api/instance/metrics/support").await.expect(200);
    let refusal = holder.get("/api/instance/metrics/support,sales").await.refusal();
    let expected = "Instance token does not match the requested instance";
    assert_eq!(refusal, (403, expected.to_owned()));
}
