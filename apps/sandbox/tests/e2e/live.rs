//! A reader of the WebSocket, and a gateway that is killed under it.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use crate::{ANA, BIA, DEADLINE, Gateway, Options, World, gateway::TOKEN, until};

const CAI: &str = "5511999990003";
const MESSAGES: usize = 120;

struct Reader(WebSocketStream<TcpStream>);

impl Reader {
    /// One that says which event it had last, where it had one.
    async fn open(gateway: &Gateway, since: Option<&str>) -> Self {
        let address = gateway.url().strip_prefix("http://").unwrap();
        let since = since.map(|since| format!("&since={since}")).unwrap_or_default();
        let uri = format!("ws://{address}/ws/sales?token={TOKEN}{since}");
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = ClientBuilder::new().uri(&uri).unwrap().connect_on(stream).await.unwrap();
        Self(socket)
    }

    /// The next frame that says something.
    async fn frame(&mut self) -> Message {
        loop {
            let frame = timeout(DEADLINE, self.0.next()).await.unwrap().unwrap().unwrap();
            if !frame.is_ping() && !frame.is_pong() {
                return frame;
            }
        }
    }

    async fn event(&mut self) -> Value {
        let frame = self.frame().await;
        serde_json::from_str(frame.as_text().unwrap()).unwrap()
    }
}

fn id(event: &Value) -> &str {
    event["eventId"].as_str().unwrap()
}

/// All messages of the log, page by page.
async fn log(gateway: &Gateway) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), Some(String::new()));
    while let Some(from) = cursor {
        let path = format!("/api/events/log/sales?limit=50&cursor={from}");
        let (_, page) = gateway.get(&path).await;
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        cursor = page["nextCursor"].as_str().map(str::to_owned);
    }
    events.retain(|event| event["event"] == "message.exchange");
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_says_what_it_had_last_misses_nothing_of_a_gateway_that_is_killed() {
    // Envelopes tell where the gateway is, and it listens elsewhere after each start.
    let options = Options::default().set("WHARF_BASE_URL", "https://wharf.example.com");
    let mut world = World::paired_with(options).await;
    world.whatsapp.phone(CAI, "Cai").await;
    let events = json!({ "enabled": true, "events": ["message.exchange"] });
    world.gateway.post("/api/events/websocket/sales", events).await;
    let mut reader = Reader::open(&world.gateway, None).await;
    let senders = [world.whatsapp.sender(BIA), world.whatsapp.sender(CAI)];
    let writing = tokio::spawn(async move {
        for index in 0..MESSAGES {
            senders[index % 2].send(ANA, &format!("{index}")).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });

    let mut heard = Vec::new();
    while heard.len() < MESSAGES {
        heard.push(reader.event().await);
        // In the middle, with frames on their way that nobody reads any more.
        if heard.len() % 30 == 10 {
            world.gateway.kill();
            world.gateway.restart();
            reader = Reader::open(&world.gateway, heard.last().map(id)).await;
        }
    }
    writing.await.unwrap();

    let text = |event: &Value| event["data"]["message"]["content"].as_str().unwrap().to_owned();
    let mut texts: Vec<usize> = heard.iter().map(|event| text(event).parse().unwrap()).collect();
    for chat in 0..2 {
        let of_chat: Vec<_> = texts.iter().copied().filter(|index| index % 2 == chat).collect();
        assert!(of_chat.is_sorted(), "{of_chat:?}");
    }
    texts.sort_unstable();
    assert_eq!(texts, (0..MESSAGES).collect::<Vec<_>>(), "each is heard, and heard once");
    assert_eq!(heard, log(&world.gateway).await, "the same envelopes, in the order of the log");
    for event in &heard {
        let told = world.receiver.wait_for_text(&text(event)).await;
        assert_eq!(&told.body, event, "webhooks are told the same");
    }

    // Whoever reads is told of an end that is in order.
    until("all of it to be delivered", || async {
        let (_, queued) = world.gateway.get("/api/events/deliveries/sales?state=pending").await;
        (queued["deliveries"] == json!([])).then_some(())
    })
    .await;
    world.gateway.ask_to_end();
    let end = reader.frame().await;
    let (code, reason) = end.as_close().expect("the end");
    assert_eq!(u16::from(code), 1001, "{reason}");
    assert!(world.gateway.wait_for_end().await.success());
}
