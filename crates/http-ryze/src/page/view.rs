use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    get,
    http::{StatusCode, header},
    web::Data,
};
use serde::Deserialize;
use wharf_domain::{instance::Instance, secret::Secret};

use super::{PublicUrl, cookie, guarded, html, in_html, in_url, visitor::Visitor};
use crate::{
    access::{name_in_path, services},
    error::{ApiError, During, Operation},
    query::Asked,
};

const PAGE: &str = include_str!("../../assets/page.html");
const REFUSAL: &str = include_str!("../../assets/refusal.html");

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ViewQuery {
    /// What a link carries: it is used up, and leads to the page without it.
    link: Option<String>,
}

/// Open the pairing page
///
/// For people: shows the code to scan, renews it, and turns into the profile that was linked. Opening it begins the pairing. It is
/// opened by a link, by the visit a link began, or by a token in its header.
#[utoipa::path(
    tag = "Pairing page",
    operation_id = "openConnectPage",
    security(("token" = []), ("bearer" = []), ("visit" = [])),
    params(("instance" = String, Path, description = "The instance's name"), ViewQuery),
    responses(
        (status = OK, description = "The page", content_type = "text/html"),
        (status = SEE_OTHER, description = "The link was good: the page is there"),
        (status = UNAUTHORIZED, description = "Nobody has the token", content_type = "text/html"),
        (status = FORBIDDEN, description = "The link or the visit does not count, or not any more", content_type = "text/html"),
        (status = NOT_FOUND, description = "There is no such instance", content_type = "text/html"),
        (
            status = INTERNAL_SERVER_ERROR,
            description = "Something failed that is not the caller's fault",
            content_type = "text/html",
        ),
    ),
)]
#[get("/connect/{instance:[^/]*}")]
pub(super) async fn view(
    request: HttpRequest,
    query: Result<Asked<ViewQuery>, ApiError>,
    server: Data<PublicUrl>,
) -> HttpResponse {
    let link = query.ok().and_then(|Asked(query)| query.link);
    let answer = match link {
        Some(link) => enter(&request, &Secret::new(link), &server).await,
        None => show(&request, &server).await,
    };
    answer.unwrap_or_else(|refusal| refused(&refusal))
}

/// Uses a link up and leads to the page, so that what is left in the history of the browser opens nothing.
async fn enter(
    request: &HttpRequest,
    link: &Secret,
    server: &PublicUrl,
) -> Result<HttpResponse, ApiError> {
    let name = name_in_path(request)?.ok_or(ApiError::BadLink)?;
    let visit = services(request)?.pages.enter(link, &name).await;
    let visit = visit.during(Operation::FindInstance)?.ok_or(ApiError::BadLink)?;
    Ok(guarded(HttpResponse::SeeOther())
        .insert_header((header::LOCATION, format!("./{}", in_url(name.as_str()))))
        .insert_header((header::SET_COOKIE, cookie::set(&visit, &name, server)))
        .finish())
}

async fn show(request: &HttpRequest, server: &PublicUrl) -> Result<HttpResponse, ApiError> {
    let visitor = Visitor::from_request(request, &mut Payload::None).await?;
    let (services, instance) = (&visitor.services, &visitor.instance);
    services.connections.begin(instance, None).during(Operation::Connect)?;
    let mut page = html(StatusCode::OK, page_of(instance));
    if visitor.by_token {
        let visit = services.pages.visit(instance).await.during(Operation::LinkPage)?;
        let cookie = header::HeaderValue::from_str(&cookie::set(&visit, &instance.name, server));
        if let Ok(cookie) = cookie {
            page.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
    Ok(page)
}

fn page_of(instance: &Instance) -> String {
    PAGE.replace("{{instance}}", &in_html(instance.name.as_str()))
}

fn refused(refusal: &ApiError) -> HttpResponse {
    let status = refusal.status_code();
    // Logs what is our own failure.
    drop(refusal.error_response());
    html(status, REFUSAL.replace("{{problem}}", &in_html(&refusal.sentence())))
}
