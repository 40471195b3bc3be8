use actix_web::{Responder, get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_application::connections::Link;
use wharf_domain::{Result as DomainResult, address::PhoneNumber};

use crate::{
    access::OpenInstance,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
    qr,
    query::Asked,
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ConnectQuery {
    /// The phone's number in international form: asks for a code to type instead of one to scan.
    #[param(example = "5511999990001")]
    number: Option<String>,
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
        (status = BAD_REQUEST, description = "The number is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[get("/api/instance/connect/{instance:[^/]*}")]
pub(super) async fn connect(
    caller: OpenInstance,
    Asked(query): Asked<ConnectQuery>,
) -> Result<impl Responder, ApiError> {
    let number = query.number.as_deref().filter(|number| !number.trim().is_empty());
    let number = number.map(PhoneNumber::parse).transpose().during(Operation::Connect)?;
    let link = caller.services.connections.connect(&caller.instance, number).await;
    let answer = link.and_then(|link| ConnectAnswer::new(&link)).during(Operation::Connect)?;
    Ok(Json(answer))
}
