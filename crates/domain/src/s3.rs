//! Where an instance's media goes.

use crate::{Error, Result, secret::Secret};

/// A bucket of the caller's own that received media is put into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Config {
    /// The region, `us-east-1` where the server has none.
    pub region: String,
    /// The bucket, which must exist.
    pub bucket: String,
    /// The id of the access key.
    pub access_key: String,
    /// The secret of the access key; never given back.
    pub secret_key: Secret,
    /// The server's URL; `None` is AWS.
    pub endpoint: Option<String>,
    /// What every key begins with; may be empty.
    pub path_prefix: String,
}

impl S3Config {
    /// Checks what a caller sent. An empty endpoint counts as none.
    pub fn parse(
        region: &str,
        bucket: &str,
        access_key: &str,
        secret_key: &str,
        endpoint: Option<&str>,
        path_prefix: &str,
    ) -> Result<Self> {
        let bounded = |field, text: &str| {
            let text = text.trim();
            if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
                return Err(Error::invalid(field, "must have 1 to 255 characters"));
            }
            Ok(text.to_owned())
        };
        let endpoint = endpoint.map(str::trim).filter(|text| !text.is_empty());
        if let Some(text) = endpoint {
            let url =
                url::Url::parse(text).map_err(|e| Error::invalid("s3Endpoint", e.to_string()))?;
            if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
                return Err(Error::invalid("s3Endpoint", "must be an http or https URL"));
            }
        }
        if path_prefix.len() > 512 || path_prefix.chars().any(char::is_control) {
            return Err(Error::invalid("s3PathPrefix", "must have at most 512 characters"));
        }
        Ok(Self {
            region: bounded(
                "s3Region",
                if region.trim().is_empty() { "us-east-1" } else { region },
            )?,
            bucket: bounded("s3Bucket", bucket)?,
            access_key: bounded("s3AccessKey", access_key)?,
            secret_key: Secret::new(bounded("s3SecretKey", secret_key)?),
            endpoint: endpoint.map(str::to_owned),
            path_prefix: path_prefix.trim().to_owned(),
        })
    }
}
