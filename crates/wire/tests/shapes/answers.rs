use insta::assert_json_snapshot;
use uuid::Uuid;
use wharf_domain::{
    account::AccountId,
    delivery::{DeliveryId, DeliveryRecord, DeliveryState},
    event::{EventFilter, EventKind},
    instance::{Instance, InstanceId, InstanceName, Profile},
    message::{Content, Direction, Media, MediaKind, Message, MessageId, Quote},
    proxy::ProxyConfig,
    s3::S3Config,
    secret::Secret,
    settings::Settings,
    state::{ConnectionState, Standing},
    token::Token,
    webhook::{
        RetiringSecret, Stopped, Webhook, WebhookId, WebhookLabel, WebhookTarget, WebhookUrl,
    },
    websocket::WebSocketConfig,
};
use wharf_wire::{
    delivery::DeliveryView,
    instance::{BucketView, ChatwootView, InstanceView, ListedInstanceView, WayOutView},
    sent::SentMessageView,
    webhook::WebhookView,
};

use crate::{EVENT, ana, at, chat_with_ana, group_chat, jid, us};

fn fresh() -> Instance {
    Instance {
        id: InstanceId(Uuid::from_u128(1)),
        account: AccountId(Uuid::from_u128(2)),
        name: InstanceName::parse("sales").unwrap(),
        token: Token::parse("instance-token").unwrap(),
        standing: Standing::Unpaired,
        profile: Profile::default(),
        settings: Settings::default(),
        proxy: None,
        proxy_problem: None,
        websocket: None,
        s3: None,
        created_at: at(),
        updated_at: at(),
    }
}

fn configured() -> Instance {
    let mut instance = fresh();
    instance.standing = Standing::Paired;
    instance.profile = Profile {
        jid: Some(jid("5511999990002@s.whatsapp.net")),
        lid: Some(jid("100000000000002@lid")),
        name: Some("Sales desk".to_owned()),
        business_name: Some("Example Ltd".to_owned()),
        picture_url: Some("https://pps.whatsapp.net/v/1".to_owned()),
    };
    instance.settings.keep_online_status = true;
    instance.proxy = Some(
        ProxyConfig::parse(
            "socks5",
            "proxy.example.com",
            "1080",
            Some("user".to_owned()),
            Some("proxy password".to_owned()),
        )
        .unwrap(),
    );
    instance.websocket = Some(WebSocketConfig {
        enabled: true,
        events: EventFilter::parse(["message.exchange"]).unwrap(),
        media_base64: true,
    });
    instance.s3 =
        Some(S3Config::parse("us-east-1", "media", "AKIA", "s3 secret", None, "media/").unwrap());
    instance
}

fn webhook() -> Webhook {
    Webhook {
        id: WebhookId(Uuid::from_u128(3)),
        label: WebhookLabel::default(),
        target: Some(WebhookTarget {
            url: WebhookUrl::parse("https://example.com/hook").unwrap(),
            authorization: Some(Secret::new("Bearer receiver")),
            secret: Some(Secret::new("signing secret")),
            previous_secret: None,
            by_events: true,
            events: EventFilter::parse(["call.update", "message.exchange"]).unwrap(),
            media_base64: false,
        }),
        stopped: None,
    }
}

#[test]
fn a_fresh_instance_shows_every_block_as_disabled() {
    assert_json_snapshot!(InstanceView::new(&fresh(), ConnectionState::Disconnected, None));
}

#[test]
fn a_configured_instance_shows_its_blocks_without_the_passwords() {
    assert_json_snapshot!(ListedInstanceView::new(
        &configured(),
        ConnectionState::Connected,
        true,
        Some(&webhook())
    ));
}

#[test]
fn a_listed_instance_that_was_never_paired_has_connection_and_profile_too() {
    let listed = serde_json::to_value(ListedInstanceView::new(
        &fresh(),
        ConnectionState::Disconnected,
        false,
        None,
    ))
    .unwrap();
    assert_json_snapshot!([&listed["connection"], &listed["profile"]]);
}

#[test]
fn a_disabled_websocket_is_shown_empty() {
    let mut instance = configured();
    instance.websocket.as_mut().unwrap().enabled = false;
    let view = InstanceView::new(&instance, ConnectionState::Connected, None);
    let view = serde_json::to_value(view).unwrap();
    assert_json_snapshot!(view["websocket"]);
}

#[test]
fn a_chatwoot_integration_that_failed_says_why() {
    assert_json_snapshot!(ChatwootView::failed("why"));
}

#[test]
fn a_webhook_shows_its_authorization_but_not_its_signing_secret() {
    assert_json_snapshot!(WebhookView::from(&webhook()));
}

#[test]
fn a_disabled_webhook_has_lost_its_configuration() {
    assert_json_snapshot!(WebhookView::from(&Webhook { target: None, ..webhook() }));
}

#[test]
fn a_delivery_tells_what_became_of_it() {
    let record = |state, next_attempt_at, last_status, last_error: Option<&str>| {
        DeliveryView::from(&DeliveryRecord {
            id: DeliveryId(Uuid::from_u128(4)),
            event: EVENT,
            kind: EventKind::MessageExchange,
            label: WebhookLabel::default(),
            state,
            attempts: 2,
            next_attempt_at,
            last_status,
            last_error: last_error.map(str::to_owned),
        })
    };
    assert_json_snapshot!([
        record(DeliveryState::Pending, Some(at()), Some(503), Some("the receiver answered 503")),
        record(DeliveryState::Delivered, None, Some(200), None),
        record(DeliveryState::Dead, None, None, Some("connection refused")),
        record(DeliveryState::Held, None, Some(410), Some("the receiver answered 410 Gone")),
    ]);
}

#[test]
fn a_webhook_tells_until_when_its_former_secret_signs() {
    let mut webhook = webhook();
    let former = RetiringSecret { secret: Secret::new("former secret"), until: at() };
    webhook.target.as_mut().unwrap().previous_secret = Some(former);
    assert_json_snapshot!(WebhookView::from(&webhook));
}

#[test]
fn a_webhook_that_the_gateway_disabled_says_why_and_when() {
    let stopped = Stopped { reason: "the receiver answered 410 Gone".to_owned(), at: at() };
    let webhook = Webhook { target: None, stopped: Some(stopped), ..webhook() };
    assert_json_snapshot!(WebhookView::from(&webhook));
}

fn sent() -> Message {
    Message {
        id: MessageId::parse("3EB0000000000000000001").unwrap(),
        direction: Direction::Outgoing,
        timestamp: at(),
        chat: chat_with_ana(),
        sender: us(),
        recipient: Some(ana()),
        content: Content::Text("hello".to_owned()),
        quote: None,
        mentions: Vec::new(),
        is_forwarded: false,
        source: Some("api".to_owned()),
    }
}

#[test]
fn a_sent_text_leaves_out_what_was_not_used() {
    assert_json_snapshot!(SentMessageView::from(&sent()));
}

#[test]
fn a_sent_answer_names_what_it_answers_and_whom_it_mentions() {
    let message = Message {
        chat: group_chat(),
        quote: Some(Quote {
            message_id: MessageId::parse("3EB0000000000000000000").unwrap(),
            author: Some(ana().jid),
            text: "hi".to_owned(),
        }),
        mentions: vec![ana().jid],
        source: Some("crm".to_owned()),
        ..sent()
    };
    assert_json_snapshot!(SentMessageView::from(&message));
}

#[test]
fn a_sent_voice_note_tells_its_media() {
    let content = Content::Media(Media {
        kind: MediaKind::VoiceNote,
        url: Some("https://mmg.whatsapp.net/v/1".to_owned()),
        mime_type: Some("audio/ogg; codecs=opus".to_owned()),
        file_name: None,
        caption: None,
        size: Some(2048),
        duration: Some(3),
    });
    assert_json_snapshot!(SentMessageView::from(&Message { content, ..sent() }));
}

#[test]
fn a_sent_sticker_has_no_words() {
    let content = Content::Media(Media {
        kind: MediaKind::Sticker,
        url: Some("https://mmg.whatsapp.net/v/1".to_owned()),
        mime_type: Some("image/webp".to_owned()),
        file_name: None,
        caption: None,
        size: Some(2048),
        duration: None,
    });
    assert_json_snapshot!(SentMessageView::from(&Message { content, ..sent() }));
}

#[test]
fn proxy_and_bucket_by_themselves_have_no_place_for_secrets() {
    let instance = configured();
    assert_json_snapshot!(WayOutView::new(instance.proxy.as_ref()));
    assert_json_snapshot!(WayOutView::new(None));
    assert_json_snapshot!(BucketView::new(instance.s3.as_ref()));
    assert_json_snapshot!(BucketView::new(None));
}
