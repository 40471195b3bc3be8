use serde::Deserialize;
use utoipa::ToSchema;
use wharf_domain::{Result, s3::S3Config};

use crate::config::UrlCheck;

/// Where its media goes.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct S3Block {
    /// Whether it has its own bucket.
    s3_enabled: Option<bool>,
    /// The region; `us-east-1` when absent.
    s3_region: Option<String>,
    /// The bucket, which must exist.
    s3_bucket: Option<String>,
    /// The id of the access key.
    s3_access_key: Option<String>,
    /// The secret of the access key. Never given back.
    s3_secret_key: Option<String>,
    /// The server's URL; AWS when absent or empty.
    s3_endpoint: Option<String>,
    /// What every key begins with.
    s3_path_prefix: Option<String>,
}

impl S3Block {
    /// The bucket, when there shall be one.
    pub(crate) fn parse(self, urls: &UrlCheck) -> Option<Result<S3Config>> {
        self.s3_enabled.unwrap_or(false).then(|| {
            let bucket = S3Config::parse(
                self.s3_region.as_deref().unwrap_or_default(),
                self.s3_bucket.as_deref().unwrap_or_default(),
                self.s3_access_key.as_deref().unwrap_or_default(),
                self.s3_secret_key.as_deref().unwrap_or_default(),
                self.s3_endpoint.as_deref(),
                self.s3_path_prefix.as_deref().unwrap_or_default(),
            )?;
            check(&bucket, urls).map(|()| bucket)
        })
    }
}

/// Refuses a bucket on a server that may not be talked to.
pub(crate) fn check(bucket: &S3Config, urls: &UrlCheck) -> Result<()> {
    bucket.endpoint.as_deref().map_or(Ok(()), |endpoint| urls.check("s3Endpoint", endpoint))
}
