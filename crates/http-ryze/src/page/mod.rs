//! The page people look at while they pair a phone.

mod asset;
mod code;
mod cookie;
mod link;
mod state;
mod view;
mod visitor;

use actix_web::{HttpResponse, HttpResponseBuilder, http::header};

use crate::routes::Routes;

/// What the paths of the page begin with.
pub(crate) const PREFIX: &str = "/connect/";
/// Where the page's script is. No name of an instance has a slash, so that this is none's page.
pub(crate) const SCRIPT: &str = "/connect/-/page.js";
/// Where the page's style is.
pub(crate) const STYLE: &str = "/connect/-/page.css";

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config.service(link::link).service(view::view).service(state::get).service(code::ask);
}

pub(crate) use asset::{script, style};

/// Where the server is reached, for links.
#[derive(Clone, Debug)]
pub(crate) struct PublicUrl(pub(crate) String);

impl PublicUrl {
    /// The page of an instance, by the name in its URL.
    fn page(&self, name: &str) -> String {
        format!("{}{PREFIX}{name}", self.0.trim_end_matches('/'))
    }

    fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The path of an instance's page, as browsers see it.
    fn path(&self, name: &str) -> String {
        let page = self.page(name);
        let after_host =
            page.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        after_host.map_or_else(|| format!("{PREFIX}{name}"), str::to_owned)
    }
}

/// An answer that nobody keeps, frames or learns the address of, and that runs nothing but our script.
fn guarded(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src data: https://*.whatsapp.net; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response
}

/// A whole page.
fn html(status: actix_web::http::StatusCode, page: String) -> HttpResponse {
    guarded(HttpResponse::build(status))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(page)
}

fn hex(digit: u8) -> &'static str {
    const DIGITS: &str = "0123456789ABCDEF";
    let at = usize::from(digit);
    &DIGITS[at..=at]
}

/// A name as it stands in a URL.
fn in_url(name: &str) -> String {
    name.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(byte.into());
        } else {
            url.extend(["%", hex(byte >> 4), hex(byte & 15)]);
        }
        url
    })
}

/// A text as it stands in HTML.
fn in_html(text: &str) -> String {
    text.chars().fold(String::new(), |mut html, letter| {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            letter => html.push(letter),
        }
        html
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_so_that_every_part_of_a_url_can_hold_it() {
        assert_eq!(in_url("são joão;a:b"), "s%C3%A3o%20jo%C3%A3o%3Ba%3Ab");
        assert_eq!(in_html("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn the_page_is_found_behind_a_prefix_too() {
        let url = PublicUrl("https://example.com/wharf/".to_owned());
        assert_eq!(url.page("sales"), "https://example.com/wharf/connect/sales");
        assert_eq!(url.path("sales"), "/wharf/connect/sales");
        assert!(url.is_https());
        let url = PublicUrl("http://localhost:8080".to_owned());
        assert_eq!(url.path("sales"), "/connect/sales");
        assert!(!url.is_https());
    }
}
