//! What callers send.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header,
    web::{Bytes, BytesMut, Query},
};
use futures::{
    StreamExt,
    future::{FutureExt, LocalBoxFuture},
};
use serde::de::DeserializeOwned;

use crate::{error::ApiError, message};

/// The largest bodies that are read.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit {
    usual: usize,
    with_file: usize,
}

impl BodyLimit {
    /// Room for what is around a file in a body.
    const AROUND: u64 = 1 << 20;

    /// `usual` bytes, and where a file of `file` bytes may come along as base64, as many as that takes.
    pub(crate) fn new(usual: usize, file: u64) -> Self {
        let as_base64 = file.div_ceil(3).saturating_mul(4).saturating_add(Self::AROUND);
        Self { usual, with_file: usize::try_from(as_base64).unwrap_or(usize::MAX).max(usual) }
    }

    fn of(self, path: &str) -> usize {
        let has_file = message::WITH_FILES.iter().any(|with| path.starts_with(with));
        if has_file { self.with_file } else { self.usual }
    }
}

/// The body as it came. It is parsed by the endpoint, so that who may not call it hears that first.
///
/// The content type does not matter: callers that send JSON under another name are served.
pub(crate) struct Sent(Result<Bytes, ApiError>);

impl FromRequest for Sent {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data::<BodyLimit>();
        let limit = limit.map_or(0, |limit| limit.of(request.match_info().as_str()));
        let announced = request.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        let payload = payload.take();
        async move { Ok(Self(read(payload, announced.unwrap_or(0), limit).await)) }.boxed_local()
    }
}

async fn read(mut payload: Payload, announced: usize, limit: usize) -> Result<Bytes, ApiError> {
    if announced > limit {
        return Err(ApiError::BodyTooLarge);
    }
    // At once as large as it will be: growing bit by bit would hold the body twice.
    let mut body = BytesMut::with_capacity(announced);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::BodyUnreadable)?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::BodyTooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

impl Sent {
    /// Parses the body. A refusal does not say what is wrong with it.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        self.json_or_why().map_err(|e| match e {
            ApiError::Body { .. } => ApiError::Body { detail: None },
            other => other,
        })
    }

    /// Parses the body. A refusal names the field and the reason.
    pub(crate) fn json_or_why<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let bytes = self.0?;
        // The parser would take the elements of an array for fields.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(ApiError::Body { detail: Some("must be a JSON object".to_owned()) });
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let parsed = serde_path_to_error::deserialize(&mut json)
            .map_err(|e| ApiError::Body { detail: Some(in_words(&e.to_string())) })?;
        json.end().map_err(|e| ApiError::Body { detail: Some(e.to_string()) })?;
        Ok(parsed)
    }

    /// The same, where there need not be a body.
    pub(crate) fn json_if_any<T: DeserializeOwned + Default>(self) -> Result<T, ApiError> {
        match &self.0 {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => Ok(T::default()),
            _ => self.json_or_why(),
        }
    }

    /// Parses the body as browsers send a form.
    pub(crate) fn form<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let bytes = self.0?;
        let text = std::str::from_utf8(&bytes).map_err(|_| ApiError::Body { detail: None })?;
        let form = Query::<T>::from_query(text).map_err(|_| ApiError::Body { detail: None })?;
        Ok(form.into_inner())
    }
}

/// What is wrong with a body, in the words of JSON instead of the parser's.
fn in_words(detail: &str) -> String {
    [
        ("invalid type: map,", "invalid type: object,"),
        ("invalid type: sequence,", "invalid type: array,"),
        ("invalid type: floating point", "invalid type: number"),
        ("expected a sequence", "expected an array"),
        ("expected f64", "expected a number"),
        ("expected i64", "expected an integer"),
    ]
    .iter()
    .fold(detail.to_owned(), |detail, (theirs, ours)| detail.replace(theirs, ours))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is never read whole")]
    struct Body {
        text: Option<String>,
        flag: Option<bool>,
        whole: Option<i64>,
        number: Option<f64>,
        list: Option<Vec<i64>>,
    }

    #[test]
    fn what_is_wrong_with_a_field_is_said_in_the_words_of_json() {
        let said = |body: &'static str| {
            let sent = Sent(Ok(Bytes::from_static(body.as_bytes())));
            sent.json_or_why::<Body>().unwrap_err().to_string()
        };
        for (body, wrong) in [
            (r#"{"text":{}}"#, "text: invalid type: object, expected a string"),
            (r#"{"text":[]}"#, "text: invalid type: array, expected a string"),
            (r#"{"text":1.5}"#, "text: invalid type: number `1.5`, expected a string"),
            (r#"{"flag":"yes"}"#, "flag: invalid type: string \"yes\", expected a boolean"),
            (r#"{"whole":1.5}"#, "whole: invalid type: number `1.5`, expected an integer"),
            (r#"{"number":true}"#, "number: invalid type: boolean `true`, expected a number"),
            (r#"{"list":"1"}"#, "list: invalid type: string \"1\", expected an array"),
            (r#"{"list":["1"]}"#, "list[0]: invalid type: string \"1\", expected an integer"),
            (r#"{"text":null} x"#, "trailing characters"),
            ("[]", "must be a JSON object"),
        ] {
            let wanted = format!("Invalid request body: {wrong}");
            assert!(said(body).starts_with(&wanted), "{body} says {}", said(body));
        }
    }
}
