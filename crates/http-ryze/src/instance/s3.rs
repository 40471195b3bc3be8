use actix_web::{
    Responder, get, post,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_domain::{Result as DomainResult, s3::S3Config};
use wharf_wire::instance::{BucketView, S3View};

use super::block;
use crate::{
    access::OpenInstance,
    body::Sent,
    config::UrlCheck,
    error::{ApiError, During, ErrorBody, Operation, Refusals},
};

/// A bucket.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct S3Body {
    /// Whether media goes to a bucket; `false` forgets the whole of it.
    #[schema(default = true)]
    enabled: Option<bool>,
    /// The region; `us-east-1` when absent or empty.
    region: Option<String>,
    /// The bucket, which must exist. Needed unless it is switched off.
    bucket: Option<String>,
    /// The id of the access key. Needed unless it is switched off.
    access_key: Option<String>,
    /// The secret of the access key. Needed unless it is switched off. Never given back.
    secret_key: Option<String>,
    /// The server's URL; AWS when absent or empty.
    #[schema(example = "https://s3.example.com")]
    endpoint: Option<String>,
    /// What every key begins with.
    path_prefix: Option<String>,
}

impl S3Body {
    fn parse(self, urls: &UrlCheck) -> DomainResult<Option<S3Config>> {
        if !self.enabled.unwrap_or(true) {
            return Ok(None);
        }
        let bucket = S3Config::parse(
            self.region.as_deref().unwrap_or_default(),
            self.bucket.as_deref().unwrap_or_default(),
            self.access_key.as_deref().unwrap_or_default(),
            self.secret_key.as_deref().unwrap_or_default(),
            self.endpoint.as_deref(),
            self.path_prefix.as_deref().unwrap_or_default(),
        )?;
        block::check_bucket(&bucket, urls).map(|()| Some(bucket))
    }
}

/// Where media goes.
#[derive(Serialize, ToSchema)]
struct S3Answer {
    /// Always true.
    success: bool,
    s3: S3View,
}

/// Where media goes now.
#[derive(Serialize, ToSchema)]
struct S3SetAnswer {
    /// Always true.
    success: bool,
    #[schema(example = "S3 configuration updated")]
    message: &'static str,
    s3: BucketView,
}

/// Get the bucket
#[utoipa::path(
    tag = "Instances",
    operation_id = "getS3",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    responses((status = OK, description = "Found", body = S3Answer), Refusals),
)]
#[get("/api/instance/getS3/{instance:[^/]*}")]
pub(super) async fn get(caller: OpenInstance) -> impl Responder {
    Json(S3Answer { success: true, s3: S3View::new(caller.instance.s3.as_ref()) })
}

/// Set the bucket
///
/// Writes the whole of it, or forgets it. It counts for the media that arrives from then on; what lies in a bucket stays there.
#[utoipa::path(
    tag = "Instances",
    operation_id = "setS3",
    security(("token" = []), ("bearer" = [])),
    params(("instance" = String, Path, description = "The instance's name")),
    request_body = S3Body,
    responses(
        (status = OK, description = "Set", body = S3SetAnswer),
        (status = BAD_REQUEST, description = "The body is not right", body = ErrorBody),
        Refusals,
    ),
)]
#[post("/api/instance/s3/{instance:[^/]*}")]
pub(super) async fn set(
    caller: OpenInstance,
    urls: Data<UrlCheck>,
    body: Sent,
) -> Result<impl Responder, ApiError> {
    let bucket = body.json::<S3Body>()?.parse(&urls).during(Operation::SetS3)?;
    let view = BucketView::new(bucket.as_ref());
    let set = caller.services.instances.update_s3(&caller.instance, bucket).await;
    set.during(Operation::SetS3)?;
    Ok(Json(S3SetAnswer { success: true, message: "S3 configuration updated", s3: view }))
}
