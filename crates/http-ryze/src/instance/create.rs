use actix_web::{
    Responder,
    http::StatusCode,
    post,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_application::instances::CreateInstance;
use wharf_domain::{instance::InstanceName, token::Token};
use wharf_wire::instance::{ChatwootView, InstanceView};

use super::block;
use crate::{
    access::AccountToken,
    body::Sent,
    config::UrlCheck,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// A new instance. Every block may be left out.
#[derive(Deserialize, ToSchema)]
struct NewInstance {
    /// Its name, as it will stand in URLs. Unique within the account.
    #[schema(example = "sales", required = true, nullable = false)]
    name: Option<String>,
    /// Its token, if it shall have a certain one. Unique on the server.
    token: Option<String>,
    #[serde(flatten)]
    proxy: block::ProxyBlock,
    #[serde(flatten)]
    webhook: block::WebhookBlock,
    #[serde(flatten)]
    websocket: block::WebSocketBlock,
    #[serde(flatten)]
    chatwoot: block::ChatwootBlock,
    #[serde(flatten)]
    settings: block::SettingsBlock,
    #[serde(flatten)]
    s3: block::S3Block,
}

impl NewInstance {
    /// What is to be made. A block that is not right is left out rather than the instance: the answer shows it as disabled.
    /// Without the proxy that was asked for the instance must not connect, so that it never shows WhatsApp its own address.
    fn parse(self, urls: &UrlCheck) -> Result<(CreateInstance, ChatwootView), ApiError> {
        let name = self.name.filter(|name| !name.trim().is_empty());
        let name = InstanceName::parse(name.ok_or(ApiError::MissingField("name"))?)
            .during(Operation::CreateInstance)?;
        let token = self.token.filter(|token| !token.is_empty()).map(Token::parse);
        let log = block::Log(&name);
        let (proxy, proxy_problem) = log.proxy(self.proxy.parse(urls));
        let chatwoot = log.chatwoot(self.chatwoot.problem(urls));
        let wanted = CreateInstance {
            token: token.transpose().during(Operation::CreateInstance)?,
            webhook: log.kept("webhook", self.webhook.parse(urls)),
            settings: log.settings(self.settings),
            proxy,
            proxy_problem,
            websocket: log.kept("websocket", self.websocket.parse()),
            s3: log.kept("s3", self.s3.parse(urls)),
            name: name.clone(),
        };
        Ok((wanted, chatwoot))
    }
}

/// The new instance.
#[derive(Serialize, ToSchema)]
struct CreatedAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "Instance created")]
    message: &'static str,
    instance: InstanceView,
}

/// Create an instance
///
/// The instance starts disconnected; connect it to pair a phone with it. A block that is not right does not fail the call: it
/// comes back as disabled. With a proxy that is not right the instance does not connect until its proxy is set or removed.
#[utoipa::path(
    tag = "Instances",
    operation_id = "createInstance",
    security(("token" = []), ("bearer" = [])),
    request_body = NewInstance,
    responses(
        (status = CREATED, description = "Created", body = CreatedAnswer),
        (status = BAD_REQUEST, description = "The body or the name is not right", body = ErrorBody),
        (status = CONFLICT, description = "The name or the token is taken", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/instance/new")]
pub(super) async fn create(
    caller: AccountToken,
    urls: Data<UrlCheck>,
    body: Sent,
) -> Result<impl Responder, ApiError> {
    let (wanted, chatwoot) = body.json::<NewInstance>()?.parse(&urls)?;
    let made = caller.services.instances.create(caller.account, wanted).await;
    let made = made.during(Operation::CreateInstance)?;
    let mut instance = InstanceView::new(&made.instance, made.state, made.webhook.as_ref());
    instance.chatwoot = chatwoot;
    let answer = CreatedAnswer { success: true, message: "Instance created", instance };
    Ok((Json(answer), StatusCode::CREATED))
}
