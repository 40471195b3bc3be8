//! An instance as a row.

use sea_orm::{QueryResult, Value};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;
use wharf_domain::{
    account::AccountId,
    address::Jid,
    instance::{Instance, InstanceId, InstanceName, Profile},
    ports::InstanceChange,
    proxy::ProxyConfig,
    s3::S3Config,
    state::Standing,
    token::Token,
};
use wharf_seal::Keyring;

use crate::{
    encoding::configuration,
    error::{Error, Result},
    micros,
    sealing::{Column, SealedTable},
};

const TOKEN: Column = Column::new("instance", "token");
const PROXY_PASSWORD: Column = Column::new("instance", "proxy_password");
const S3_SECRET_KEY: Column = Column::new("instance", "s3_secret_key");

pub(crate) const SEALED: SealedTable = SealedTable {
    name: "instance",
    key: &["id"],
    also: &[],
    columns: &[TOKEN, PROXY_PASSWORD, S3_SECRET_KEY],
    sealed_for: |row| Ok(row.try_get::<Uuid>("", "id")?.as_bytes().to_vec()),
};

const PROXY_PROBLEM: &str = "proxy_problem";

/// All that is read of a row.
pub(crate) const SELECT: &str = "SELECT id, account_id, name, token, standing, banned_until, jid, \
    lid, push_name, business_name, picture_url, settings, proxy, proxy_password, proxy_problem, \
    websocket, s3, s3_secret_key, created_at, updated_at FROM instance";

/// Columns with what is to be written to them.
pub(crate) type Cells = Vec<(&'static str, Value)>;

/// All cells of a new row.
pub(crate) fn cells(keyring: &Keyring, instance: &Instance) -> Result<Cells> {
    let id = instance.id.0;
    let token = TOKEN.seal(keyring, id.as_bytes(), instance.token.expose().as_bytes())?;
    let mut cells = vec![
        ("id", id.into()),
        ("account_id", instance.account.0.into()),
        ("name", instance.name.as_str().into()),
        ("token", token.into()),
        ("created_at", micros::from_time(instance.created_at).into()),
        ("updated_at", micros::from_time(instance.updated_at).into()),
    ];
    let parts = [
        InstanceChange::Standing(instance.standing.clone()),
        InstanceChange::Profile(instance.profile.clone()),
        InstanceChange::Settings(instance.settings.clone()),
        InstanceChange::Proxy(instance.proxy.clone()),
        InstanceChange::S3(instance.s3.clone()),
    ];
    for part in &parts {
        cells.extend(changed(keyring, instance.id, part)?);
    }
    // In place of none, which is what setting the proxy leaves.
    cells.retain(|(column, _)| *column != PROXY_PROBLEM);
    cells.push((PROXY_PROBLEM, instance.proxy_problem.clone().into()));
    if let Some(websocket) = &instance.websocket {
        let part = InstanceChange::WebSocket(websocket.clone());
        cells.extend(changed(keyring, instance.id, &part)?);
    }
    Ok(cells)
}

/// The cells that a change writes.
pub(crate) fn changed(keyring: &Keyring, id: InstanceId, change: &InstanceChange) -> Result<Cells> {
    Ok(match change {
        InstanceChange::Standing(standing) => {
            let (standing, until) = standing_code(standing);
            vec![("standing", standing.into()), ("banned_until", until.into())]
        }
        InstanceChange::Profile(profile) => {
            let text = |jid: &Option<Jid>| jid.as_ref().map(ToString::to_string);
            vec![
                ("jid", text(&profile.jid).into()),
                ("lid", text(&profile.lid).into()),
                ("push_name", profile.name.clone().into()),
                ("business_name", profile.business_name.clone().into()),
                ("picture_url", profile.picture_url.clone().into()),
            ]
        }
        InstanceChange::Settings(settings) => {
            vec![("settings", write(&configuration::Settings::from(settings))?.into())]
        }
        InstanceChange::Proxy(proxy) => {
            let proxy = proxy.as_ref();
            let shape = proxy.map(|proxy| write(&configuration::Proxy::from(proxy))).transpose()?;
            let password = proxy.and_then(|proxy| proxy.password.as_ref());
            let password = PROXY_PASSWORD.seal_secret(keyring, id.0.as_bytes(), password)?;
            vec![
                ("proxy", shape.into()),
                ("proxy_password", password.into()),
                (PROXY_PROBLEM, None::<String>.into()),
            ]
        }
        InstanceChange::WebSocket(websocket) => {
            vec![("websocket", write(&configuration::WebSocket::from(websocket))?.into())]
        }
        InstanceChange::S3(s3) => {
            let s3 = s3.as_ref();
            let shape = s3.map(|s3| write(&configuration::S3::from(s3))).transpose()?;
            let secret = s3.map(|s3| &s3.secret_key);
            let secret = S3_SECRET_KEY.seal_secret(keyring, id.0.as_bytes(), secret)?;
            vec![("s3", shape.into()), ("s3_secret_key", secret.into())]
        }
    })
}

/// Reads what [`SELECT`] gives.
pub(crate) fn read(keyring: &Keyring, row: &QueryResult) -> Result<Instance> {
    let id: Uuid = row.try_get("", "id")?;
    let name: String = row.try_get("", "name")?;
    let token: Vec<u8> = row.try_get("", "token")?;
    let token = TOKEN.open_secret(keyring, id.as_bytes(), Some(token))?;
    let token = token.ok_or(Error::nonsense("token"))?;
    let settings: String = row.try_get("", "settings")?;
    let websocket: Option<configuration::WebSocket> = json(row, "websocket")?;
    Ok(Instance {
        id: InstanceId(id),
        account: AccountId(row.try_get("", "account_id")?),
        name: InstanceName::parse(name).map_err(nonsense("instance name"))?,
        token: Token::parse(token.expose()).map_err(nonsense("token"))?,
        standing: read_standing(row)?,
        profile: Profile {
            jid: jid(row, "jid")?,
            lid: jid(row, "lid")?,
            name: row.try_get("", "push_name")?,
            business_name: row.try_get("", "business_name")?,
            picture_url: row.try_get("", "picture_url")?,
        },
        settings: serde_json::from_str::<configuration::Settings>(&settings)?.into(),
        proxy: read_proxy(keyring, id, row)?,
        proxy_problem: row.try_get("", PROXY_PROBLEM)?,
        websocket: websocket
            .map(|shape| shape.try_into().map_err(nonsense("WebSocket configuration")))
            .transpose()?,
        s3: read_s3(keyring, id, row)?,
        created_at: micros::to_time(row.try_get("", "created_at")?)?,
        updated_at: micros::to_time(row.try_get("", "updated_at")?)?,
    })
}

/// Reads the columns `standing` and `banned_until`.
pub(crate) fn read_standing(row: &QueryResult) -> Result<Standing> {
    let until: Option<i64> = row.try_get("", "banned_until")?;
    match row.try_get::<i16>("", "standing")? {
        0 => Ok(Standing::Unpaired),
        1 => Ok(Standing::Paired),
        2 => Ok(Standing::LoggedOut),
        3 => Ok(Standing::Banned { until: until.map(micros::to_time).transpose()? }),
        _ => Err(Error::nonsense("standing")),
    }
}

fn standing_code(standing: &Standing) -> (i16, Option<i64>) {
    match standing {
        Standing::Unpaired => (0, None),
        Standing::Paired => (1, None),
        Standing::LoggedOut => (2, None),
        Standing::Banned { until } => (3, until.map(micros::from_time)),
    }
}

fn read_proxy(keyring: &Keyring, id: Uuid, row: &QueryResult) -> Result<Option<ProxyConfig>> {
    let Some(shape) = json::<configuration::Proxy>(row, "proxy")? else { return Ok(None) };
    let sealed = row.try_get("", "proxy_password")?;
    let password = PROXY_PASSWORD.open_secret(keyring, id.as_bytes(), sealed)?;
    shape.with(password).map(Some).map_err(nonsense("proxy"))
}

fn read_s3(keyring: &Keyring, id: Uuid, row: &QueryResult) -> Result<Option<S3Config>> {
    let Some(shape) = json::<configuration::S3>(row, "s3")? else { return Ok(None) };
    let sealed = row.try_get("", "s3_secret_key")?;
    let secret = S3_SECRET_KEY.open_secret(keyring, id.as_bytes(), sealed)?;
    Ok(Some(shape.with(secret.ok_or(Error::nonsense("S3 configuration"))?)))
}

fn jid(row: &QueryResult, column: &str) -> Result<Option<Jid>> {
    let raw: Option<String> = row.try_get("", column)?;
    raw.map(|raw| Jid::parse(&raw)).transpose().map_err(nonsense("address"))
}

fn write(shape: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(shape)?)
}

fn json<T: DeserializeOwned>(row: &QueryResult, column: &str) -> Result<Option<T>> {
    let raw: Option<String> = row.try_get("", column)?;
    Ok(raw.map(|raw| serde_json::from_str(&raw)).transpose()?)
}

fn nonsense(what: &'static str) -> impl Fn(wharf_domain::Error) -> Error {
    move |source| Error::Nonsense { what, source: Some(source) }
}
