use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use wharf_application::connections::Progress;
use wharf_domain::{Result as DomainResult, instance::Instance, state::ConnectionState};
use wharf_wire::instance::StateName;

use super::{guarded, visitor::Visitor};
use crate::{
    error::{ApiError, During, ErrorBody, Operation},
    qr, wording,
};

/// What the page shows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StateAnswer {
    /// Always true.
    success: bool,
    state: StateName,
    /// The code to scan now, as a picture: a `data:` URL of a PNG.
    qr: Option<String>,
    /// The code to type now.
    #[schema(example = "ABCD-EFGH")]
    pairing_code: Option<String>,
    /// The number that code is for.
    #[schema(example = "5511999990001")]
    pairing_number: Option<String>,
    /// What went wrong last, in words.
    problem: Option<String>,
    /// Who is linked, once somebody is.
    profile: Option<LinkedProfile>,
}

/// Who is linked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LinkedProfile {
    /// The push name.
    name: Option<String>,
    /// The phone's number.
    #[schema(example = "5511999990001")]
    number: Option<String>,
    /// Where the picture is.
    picture_url: Option<String>,
}

impl StateAnswer {
    fn new(progress: Progress, instance: &Instance) -> DomainResult<Self> {
        let profile = &instance.profile;
        let is_connected = progress.state == ConnectionState::Connected;
        let refusal =
            progress.refused.as_ref().map(|r| wording::no_pairing_code(r.code, &r.reason));
        let (number, code) = progress.code.unzip();
        let profile = is_connected.then(|| LinkedProfile {
            name: profile.name.clone(),
            number: profile.jid.as_ref().map(|jid| jid.user().to_owned()),
            picture_url: profile.picture_url.clone(),
        });
        Ok(Self {
            success: true,
            state: progress.state.into(),
            qr: progress.qr.as_ref().map(qr::data_url).transpose()?,
            pairing_code: code.map(|code| code.display()),
            pairing_number: number.map(|number| number.to_string()),
            problem: refusal.or(progress.problem).filter(|_| !is_connected),
            profile,
        })
    }
}

/// Get what the pairing page shows
///
/// How far the pairing is. Asking for it begins nothing.
#[utoipa::path(
    tag = "Pairing page",
    operation_id = "getConnectState",
    security(("token" = []), ("bearer" = []), ("visit" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses(
        (status = OK, description = "As it is now", body = StateAnswer),
        (status = UNAUTHORIZED, description = "Nobody has the token", body = ErrorBody),
        (status = FORBIDDEN, description = "The visit is over, or there was none", body = ErrorBody),
        (status = NOT_FOUND, description = "There is no such instance", body = ErrorBody),
        (status = INTERNAL_SERVER_ERROR, description = "Something failed that is not the caller's fault", body = ErrorBody),
    ),
)]
#[get("/connect/{instance:[^/]*}/state")]
pub(super) async fn get(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let progress = visitor.services.connections.progress(&visitor.instance);
    let answer = StateAnswer::new(progress, &visitor.instance).during(Operation::Connect)?;
    Ok(guarded(HttpResponse::Ok()).json(answer))
}
