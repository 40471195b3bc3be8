use insta::assert_json_snapshot;
use wharf_application::{ApplicationConfig, media::MediaConfig};
use wharf_domain::message::{Content, Media, MediaKind, Message};
use wharf_testkit::{InMemorySession, build};
use wharf_tests::{Answer, TestGateway};

fn picture() -> Message {
    let mut message = build::incoming(&build::phone("5511999990001"), "");
    message.content = Content::Media(Media {
        kind: MediaKind::Image,
        url: Some("https://mmg.whatsapp.net/v/1".to_owned()),
        mime_type: Some("image/jpeg".to_owned()),
        file_name: None,
        caption: Some("my cat".to_owned()),
        size: Some(5),
        duration: None,
    });
    message
}

async fn received(gateway: &TestGateway, session: &InMemorySession) -> Message {
    let message = picture();
    gateway.whatsapp.keep_media(&message.id, &b"bytes"[..]);
    session.receive(message.clone()).await.unwrap();
    message
}

async fn read(gateway: &TestGateway, id: &str) -> Answer {
    gateway.owner().get(&format!("/api/chat/base64/sales?messageId={id}")).await
}

#[tokio::test]
async fn the_media_of_a_message_is_given_as_base64() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let message = received(&gateway, &session).await;
    let answer = read(&gateway, message.id.as_str()).await.expect(200);
    assert_json_snapshot!(answer, { ".message_id" => "[id]" });
    assert_eq!(answer["message_id"], message.id.as_str());
}

#[tokio::test]
async fn a_message_has_to_be_named() {
    let gateway = TestGateway::start().await;
    gateway.instance("sales").await;
    let expected = (400, "messageId query parameter is required".to_owned());
    for query in ["", "?messageId=", "?messageId=%20", "?messageid=3EB0"] {
        let answer = gateway.owner().get(&format!("/api/chat/base64/sales{query}")).await;
        assert_eq!(answer.refusal(), expected, "{query}");
    }
    assert_eq!(gateway.owner().get("/api/chat/base64/sales").await.refusal(), expected);
}

#[tokio::test]
async fn what_is_unknown_or_has_no_media_is_not_found() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let text = build::incoming(&build::phone("5511999990001"), "hello");
    session.receive(text.clone()).await.unwrap();
    let lost = received(&gateway, &session).await;
    gateway.whatsapp.lose_media(&lost.id);
    let expected = (404, "Message not found or no media available".to_owned());
    for id in ["3EB0FFFF", "no%20id", text.id.as_str(), lost.id.as_str()] {
        assert_eq!(read(&gateway, id).await.refusal(), expected, "{id}");
    }
}

#[tokio::test]
async fn what_only_whatsapp_has_needs_a_connection() {
    let gateway = TestGateway::start().await;
    let session = gateway.connected("sales").await;
    let message = received(&gateway, &session).await;
    gateway.delete("/api/instance/logout/sales").await.expect(200);
    let refusal = read(&gateway, message.id.as_str()).await.refusal();
    assert_eq!(refusal, (503, "Instance is not connected to WhatsApp".to_owned()));
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let media = MediaConfig { base64_max: 4, ..MediaConfig::default() };
    let application = ApplicationConfig { media, ..ApplicationConfig::default() };
    let config = wharf_http_ryze::Config { rate_limit: 0, ..wharf_http_ryze::Config::default() };
    let gateway = TestGateway::with_application(config, application).await;
    let session = gateway.connected("sales").await;
    let message = received(&gateway, &session).await;
    let (status, said) = read(&gateway, message.id.as_str()).await.refusal();
    assert_eq!(status, 400);
    assert!(said.starts_with("The media ") && said.contains('4'), "{said}");
}
