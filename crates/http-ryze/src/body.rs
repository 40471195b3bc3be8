//! What callers send.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header,
    web::{Bytes, BytesMut},
};
use futures::{
    StreamExt,
    future::{FutureExt, LocalBoxFuture},
};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The largest body that is read.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// The body as it came. It is parsed by the endpoint, so that who may not call it hears that first.
///
/// The content type does not matter: callers that send JSON under another name are served.
pub(crate) struct Sent(Result<Bytes, ApiError>);

impl FromRequest for Sent {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data().map_or(0, |BodyLimit(limit)| *limit);
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
    let mut body = BytesMut::new();
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
            .map_err(|e| ApiError::Body { detail: Some(e.to_string()) })?;
        json.end().map_err(|e| ApiError::Body { detail: Some(e.to_string()) })?;
        Ok(parsed)
    }
}
