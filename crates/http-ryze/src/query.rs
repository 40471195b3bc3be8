//! What callers ask in the query.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Query};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The query of a request. Unknown keys are passed over.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Asked<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let asked = Query::<T>::from_query(request.query_string());
        ready(asked.map(|q| Self(q.into_inner())).map_err(|e| ApiError::Query(in_words(&e))))
    }
}

/// What is wrong, without the words that only say where it was found out.
fn in_words(error: &actix_web::error::QueryPayloadError) -> String {
    let text = error.to_string();
    text.strip_prefix("Query deserialize error: ").unwrap_or(&text).to_owned()
}
