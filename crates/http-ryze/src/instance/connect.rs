use actix_web::{Responder, get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_application::connections::Link;
use wharf_domain::{
    Error, Result as DomainResult,
    address::{Jid, PhoneNumber},
};

use crate::{
    access::OpenInstance,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
    qr,
    query::Asked,
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ConnectQuery {
    /// The phone's number in international form, or its WhatsApp address: asks for a code to type instead of one to scan.
    #[param(example = "5511999990001")]
    number: Option<String>,
    /// How many days of history to take in with a first pairing, 1 to 3650, whatever the settings say.
    #[param(example = "30", value_type = Option<u32>)]
    history: Option<String>,
}

impl ConnectQuery {
    fn number(&self) -> DomainResult<Option<PhoneNumber>> {
        let number = self.number.as_deref().filter(|number| !number.trim().is_empty());
        number.map(phone_number).transpose()
    }

    fn history(&self) -> DomainResult<Option<u32>> {
        let refusal = || Error::invalid("history", "must be 1 to 3650 days");
        let days = self.history.as_deref().map(str::trim).filter(|days| !days.is_empty());
        let days = days.map(|days| days.parse().map_err(|_| refusal())).transpose()?;
        if days.is_some_and(|days| !(1..=3650).contains(&days)) { Err(refusal()) } else { Ok(days) }
    }
}

/// Reads a number, or takes it from a phone's WhatsApp address.
pub(crate) fn phone_number(raw: &str) -> DomainResult<PhoneNumber> {
    if !raw.contains('@') {
        return PhoneNumber::parse(raw);
    }
    let jid = Jid::parse(raw).ok().and_then(|jid| jid.number());
    let number = jid.ok_or(Error::invalid("number", "is not a phone's WhatsApp address"))?;
    PhoneNumber::parse(number.as_str())
}

/// A code that links a phone, or the news that none is needed.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConnectAnswer {
    /// Always true.
    success: bool,
    /// `QR code generated`, `Pairing code generated` or `Instance is already connected`.
    message: &'static str,
    /// The text of the code to scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    qr_code: Option<String>,
    /// The code to scan as a picture: a `data:` URL of a PNG.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    qr_code_base64: Option<String>,
    /// The code to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "ABCD-EFGH")]
    pairing_code: Option<String>,
    /// `qr`, `pairing` or `connected`.
    #[schema(example = "qr")]
    status: &'static str,
}

impl ConnectAnswer {
    fn new(link: &Link) -> DomainResult<Self> {
        let success = Self { success: true, ..Self::default() };
        Ok(match link {
            Link::Qr(code) => Self {
                message: "QR code generated",
                qr_code: Some(code.as_str().to_owned()),
                qr_code_base64: Some(qr::data_url(code)?),
                status: "qr",
                ..success
            },
            Link::PairingCode(code) => Self {
                message: "Pairing code generated",
                pairing_code: Some(code.display()),
                status: "pairing",
                ..success
            },
            Link::Connected => {
                Self { message: "Instance is already connected", status: "connected", ..success }
            }
        })
    }
}

/// Connect an instance
///
/// Waits up to a minute for a code that links a phone. The code to scan changes every 20 seconds or so: ask again for the
/// current one. A call that comes while another one waits joins it, and a connected instance is left alone.
#[utoipa::path(
    tag = "Instances",
    operation_id = "connectInstance",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name"), ConnectQuery),
    responses(
        (status = OK, description = "A code, or already connected", body = ConnectAnswer),
        (status = BAD_REQUEST, description = "The number or the history is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[get("/api/instance/connect/{instance:[^/]*}")]
pub(super) async fn connect(
    caller: OpenInstance,
    Asked(query): Asked<ConnectQuery>,
) -> Result<impl Responder, ApiError> {
    let number = query.number().during(Operation::Connect)?;
    let history = query.history().during(Operation::Connect)?;
    let link = caller.services.connections.connect(&caller.instance, number, history).await;
    let answer = link.and_then(|link| ConnectAnswer::new(&link)).during(Operation::Connect)?;
    Ok(Json(answer))
}
