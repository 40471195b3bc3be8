//! A webhook as a row.

use sea_orm::{QueryResult, Value};
use uuid::Uuid;
use wharf_domain::{
    event::EventFilter,
    instance::InstanceId,
    webhook::{
        RetiringSecret, Stopped, Webhook, WebhookId, WebhookLabel, WebhookTarget, WebhookUrl,
    },
};
use wharf_seal::Keyring;

use crate::{
    error::{Error, Result},
    micros,
    sealing::{Column, SealedTable},
    statement,
};

const AUTHORIZATION: Column = Column::new("webhook", "authorization_value");
const SECRET: Column = Column::new("webhook", "secret");
const PREVIOUS_SECRET: Column = Column::new("webhook", "previous_secret");

pub(crate) const SEALED: SealedTable = SealedTable {
    name: "webhook",
    key: &["id"],
    also: &["instance_id", "label"],
    columns: &[AUTHORIZATION, SECRET, PREVIOUS_SECRET],
    sealed_for: |row| {
        let label: String = row.try_get("", "label")?;
        Ok(sealed_for(row.try_get("", "instance_id")?, &label))
    },
};

pub(crate) const INSERT: &str = "INSERT INTO webhook (id, instance_id, label, url, \
    authorization_value, secret, previous_secret, previous_secret_until, by_events, events, \
    media_base64) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// All that is read of a row.
pub(crate) const SELECT: &str = "SELECT id, instance_id, label, url, authorization_value, secret, \
    previous_secret, previous_secret_until, by_events, events, media_base64, stopped_reason, \
    stopped_at FROM webhook";

/// What a row's secrets are sealed for. Not the id: who replaces a webhook does not know its id yet.
fn sealed_for(instance: Uuid, label: &str) -> Vec<u8> {
    [instance.as_bytes(), label.as_bytes()].concat()
}

/// The values of [`INSERT`]. Whoever gives the webhook knows no secret before this one, so that is given apart.
pub(crate) fn values(
    keyring: &Keyring,
    instance: InstanceId,
    webhook: &Webhook,
    previous: Option<&RetiringSecret>,
) -> Result<Vec<Value>> {
    let target = webhook.target.as_ref();
    let row = sealed_for(instance.0, webhook.label.as_str());
    let authorization = target.and_then(|target| target.authorization.as_ref());
    let secret = target.and_then(|target| target.secret.as_ref());
    Ok(statement::values![
        webhook.id.0,
        instance.0,
        webhook.label.as_str(),
        target.map(|target| target.url.as_str().to_owned()),
        AUTHORIZATION.seal_secret(keyring, &row, authorization)?,
        SECRET.seal_secret(keyring, &row, secret)?,
        PREVIOUS_SECRET.seal_secret(keyring, &row, previous.map(|previous| &previous.secret))?,
        previous.map(|previous| micros::from_time(previous.until)),
        target.is_some_and(|target| target.by_events),
        target.map(|target| write_filter(&target.events)).unwrap_or_default(),
        target.is_some_and(|target| target.media_base64),
    ])
}

/// Reads what [`SELECT`] gives.
pub(crate) fn read(keyring: &Keyring, row: &QueryResult) -> Result<Webhook> {
    let label: String = row.try_get("", "label")?;
    let url: Option<String> = row.try_get("", "url")?;
    let target = url.map(|url| read_target(keyring, row, &label, &url)).transpose()?;
    Ok(Webhook {
        id: WebhookId(row.try_get("", "id")?),
        label: WebhookLabel::parse(Some(&label)).map_err(nonsense("webhook label"))?,
        target,
        stopped: read_stopped(row)?,
    })
}

fn read_stopped(row: &QueryResult) -> Result<Option<Stopped>> {
    let reason: Option<String> = row.try_get("", "stopped_reason")?;
    let at: Option<i64> = row.try_get("", "stopped_at")?;
    let (Some(reason), Some(at)) = (reason, at) else { return Ok(None) };
    Ok(Some(Stopped { reason, at: micros::to_time(at)? }))
}

fn read_previous(
    keyring: &Keyring,
    row: &QueryResult,
    sealed_for: &[u8],
) -> Result<Option<RetiringSecret>> {
    let sealed = row.try_get("", "previous_secret")?;
    let secret = PREVIOUS_SECRET.open_secret(keyring, sealed_for, sealed)?;
    let until: Option<i64> = row.try_get("", "previous_secret_until")?;
    let (Some(secret), Some(until)) = (secret, until) else { return Ok(None) };
    Ok(Some(RetiringSecret { secret, until: micros::to_time(until)? }))
}

fn read_target(
    keyring: &Keyring,
    row: &QueryResult,
    label: &str,
    url: &str,
) -> Result<WebhookTarget> {
    let sealed_for = sealed_for(row.try_get("", "instance_id")?, label);
    let authorization = row.try_get("", "authorization_value")?;
    let secret = row.try_get("", "secret")?;
    Ok(WebhookTarget {
        url: WebhookUrl::parse(url).map_err(nonsense("webhook URL"))?,
        authorization: AUTHORIZATION.open_secret(keyring, &sealed_for, authorization)?,
        secret: SECRET.open_secret(keyring, &sealed_for, secret)?,
        previous_secret: read_previous(keyring, row, &sealed_for)?,
        by_events: row.try_get("", "by_events")?,
        events: read_filter(row)?,
        media_base64: row.try_get("", "media_base64")?,
    })
}

/// Reads the column `events`.
pub(crate) fn read_filter(row: &QueryResult) -> Result<EventFilter> {
    let names: String = row.try_get("", "events")?;
    let names = names.split(',').filter(|name| !name.is_empty());
    EventFilter::parse(names).map_err(nonsense("event filter"))
}

fn write_filter(filter: &EventFilter) -> String {
    let names: Vec<_> = filter.kinds().iter().map(|kind| kind.as_str()).collect();
    names.join(",")
}

fn nonsense(what: &'static str) -> impl Fn(wharf_domain::Error) -> Error {
    move |source| Error::Nonsense { what, source: Some(source) }
}
