use actix_web::{HttpResponse, http::header};

use super::guarded;

/// The page's script.
pub(crate) async fn script() -> HttpResponse {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/page.js"))
}

/// The page's style.
pub(crate) async fn style() -> HttpResponse {
    asset("text/css; charset=utf-8", include_str!("../../assets/page.css"))
}

fn asset(content_type: &'static str, text: &'static str) -> HttpResponse {
    guarded(HttpResponse::Ok()).insert_header((header::CONTENT_TYPE, content_type)).body(text)
}
