use actix_web::{HttpRequest, http::header};
use wharf_application::pages::PageService;
use wharf_domain::{instance::InstanceName, ports::PageTicket, secret::Secret};

use super::{PublicUrl, in_url};

const NAME: &str = "wharf_connect";

/// The cookie that keeps a visit, for the page of one instance alone. Lax: a strict one would not come along when the link is
/// followed from a page of another site, such as a webmail; what begins something by POST is still out of that page's reach.
pub(super) fn set(visit: &PageTicket, name: &InstanceName, server: &PublicUrl) -> String {
    let path = server.path(&in_url(name.as_str()));
    let secure = if server.is_https() { "; Secure" } else { "" };
    let seconds = PageService::VISIT.as_secs();
    format!(
        "{NAME}={}; HttpOnly; SameSite=Lax; Path={path}; Max-Age={seconds}{secure}",
        visit.token.expose()
    )
}

/// The visit a request belongs to.
pub(super) fn visit(request: &HttpRequest) -> Option<Secret> {
    let cookies = request.headers().get_all(header::COOKIE);
    let mut pairs = cookies.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == NAME && !value.is_empty()).then(|| Secret::new(value))
    })
}
