//! Files that people send.

use serde_json::json;

use super::{ANA, BIA, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_media() {
    let scene = Scene::paired().await;
    let file = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAUAmJaQAA3AA/vshgAAA";
    let table = [
        ("image", json!({ "kind": "image", "mimeType": "image/jpeg", "caption": "O pedido" })),
        (
            "video",
            json!({ "kind": "video", "mimeType": "video/mp4", "caption": "Veja", "seconds": 7 }),
        ),
        ("ptv", json!({ "kind": "ptv", "mimeType": "video/mp4", "seconds": 3 })),
        ("audio", json!({ "kind": "audio", "mimeType": "audio/mpeg", "seconds": 61 })),
        ("ptt", json!({ "kind": "voice", "mimeType": "audio/ogg; codecs=opus", "seconds": 5 })),
        (
            "document",
            json!({
                "kind": "document", "mimeType": "application/pdf", "fileName": "nota.pdf",
                "caption": "A nota",
            }),
        ),
        ("sticker", json!({ "kind": "sticker", "mimeType": "image/webp" })),
    ];
    for (name, mut body) in table {
        body["to"] = json!(ANA);
        body["base64"] = json!(file);
        let sent = scene.act(BIA, "send-media", body).await;
        let id = scene.name_id(&sent["messageId"], name);
        scene.message(name, &id).await;
    }

    // The same event with the file in it, for a webhook that asks for that.
    let url = scene.world.receiver.url();
    let wanted = json!({ "enabled": true, "url": url, "mediaBase64": true });
    scene.world.gateway.post("/api/events/webhook/sales", wanted).await;
    let body = json!({
        "to": ANA, "kind": "image", "mimeType": "image/jpeg", "base64": "YSBwaWN0dXJl",
        "forwarded": true,
    });
    let sent = scene.act(BIA, "send-media", body).await;
    let id = scene.name_id(&sent["messageId"], "image");
    scene.message("image_base64", &id).await;
}
