//! Things with secrets, all of which begin with `needle-`; what may be read begins with `visible-`.

use wharf_domain::{
    account::AccountId,
    instance::Instance,
    message::{Content, Media, MediaKind, MessageStatus},
    ports::{HistoricMessage, InstanceChange, PageTicket},
    proxy::{ProxyConfig, ProxyProtocol},
    s3::S3Config,
    secret::Secret,
    token::Token,
    webhook::{RetiringSecret, Webhook, WebhookTarget},
};
use wharf_testkit::{Stores, build};

pub const ACCOUNT_TOKEN: &str = "needle-account-token";
pub const PAGE_TICKET: &str = "needle-page-ticket";

pub fn instance_with_secrets(account: AccountId) -> Instance {
    let mut instance = build::instance(account, "sales");
    instance.token = Token::parse("needle-instance-token").unwrap();
    instance.proxy = Some(ProxyConfig {
        protocol: ProxyProtocol::Http,
        host: "visible-proxy-host".to_owned(),
        port: 3128,
        username: Some("visible-proxy-user".to_owned()),
        password: Some(Secret::new("needle-proxy-password")),
    });
    instance.s3 = Some(S3Config {
        region: "us-east-1".to_owned(),
        bucket: "visible-bucket".to_owned(),
        access_key: "visible-access-key".to_owned(),
        secret_key: Secret::new("needle-s3-secret"),
        endpoint: None,
        path_prefix: String::new(),
    });
    instance
}

/// As it is after [`write_everything`]: with a secret that took the place of another one.
pub fn webhook_with_secrets() -> Webhook {
    let mut webhook = webhook_before();
    if let Some(target) = &mut webhook.target {
        let secret = target.secret.replace(Secret::new("needle-webhook-secret"));
        let until = build::moment(86_400);
        target.previous_secret = secret.map(|secret| RetiringSecret { secret, until });
    }
    webhook
}

fn webhook_before() -> Webhook {
    let target = WebhookTarget {
        authorization: Some(Secret::new("needle-authorization")),
        secret: Some(Secret::new("needle-previous-webhook-secret")),
        ..build::target("http://127.0.0.1:9/visible-path")
    };
    Webhook { target: Some(target), ..build::webhook("visible-label") }
}

/// Every secret that can be kept, each in its place, and what an instance has besides.
pub async fn write_everything(stores: &Stores) -> Instance {
    let account = build::account("visible-account");
    stores.accounts.insert(&account, &Token::parse(ACCOUNT_TOKEN).unwrap()).await.unwrap();
    let instance = instance_with_secrets(account.id);
    stores.instances.insert(&instance, Some(&webhook_before())).await.unwrap();
    let retire_at = build::moment(86_400);
    stores.webhooks.upsert(instance.id, &webhook_with_secrets(), retire_at).await.unwrap();
    let proxy = InstanceChange::Proxy(instance.proxy.clone());
    stores.instances.update(instance.id, &[proxy], build::moment(1)).await.unwrap();

    let ana = build::phone("5511999990001");
    let mut received = build::incoming(&ana, "needle-received-text");
    received.sender.name = Some("needle-push-name".to_owned());
    let mut event = build::message_event(received);
    event.raw = Some("needle-received-raw".into());
    stores.events.append(instance.id, &[event]).await.unwrap();
    let mut draft = build::draft(build::outgoing(&ana, "needle-sent-text"));
    draft.raw = Some("needle-sent-raw".into());
    draft.idempotency = Some(("key".to_owned(), [7; 32]));
    stores.messages.reserve(instance.id, &draft, build::moment(0)).await.unwrap();
    let mut past = build::incoming(&ana, "needle-historic-text");
    past.timestamp = build::moment(-86_400);
    let status = MessageStatus::Read;
    let past = HistoricMessage { message: past, raw: "needle-historic-raw".into(), status };
    stores.messages.import(instance.id, &[past]).await.unwrap();

    let mut picture = build::incoming(&ana, "");
    picture.content = Content::Media(Media {
        kind: MediaKind::Image,
        url: Some("needle-media-url".to_owned()),
        mime_type: None,
        file_name: Some("needle-file-name".to_owned()),
        caption: Some("needle-caption".to_owned()),
        size: None,
        duration: None,
    });
    let mut event = build::message_event(picture);
    event.raw = Some("needle-media-raw".into());
    event.media_until = Some(build::moment(30));
    stores.events.append(instance.id, &[event]).await.unwrap();
    for single_use in [true, false] {
        let token = Secret::new(format!("{PAGE_TICKET}-{single_use}"));
        let expires_at = build::moment(600);
        let ticket = PageTicket { token, instance: instance.id, expires_at, single_use };
        stores.pages.grant(&ticket, build::moment(0)).await.unwrap();
    }
    instance
}
