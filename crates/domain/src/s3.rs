//! Where an instance's media goes.

use crate::{Error, Result, media::StoredObject, secret::Secret};

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
    /// Checks what a caller sent. An empty region is `us-east-1`, an empty endpoint none.
    pub fn parse(
        region: &str,
        bucket: &str,
        access_key: &str,
        secret_key: &str,
        endpoint: Option<&str>,
        path_prefix: &str,
    ) -> Result<Self> {
        let endpoint = endpoint.map(str::trim).filter(|text| !text.is_empty());
        Ok(Self {
            region: match region.trim() {
                "" => "us-east-1".to_owned(),
                region => parse_name("s3Region", region)?,
            },
            bucket: parse_name("s3Bucket", bucket)?,
            access_key: parse_access_key(access_key)?,
            secret_key: parse_secret_key(secret_key)?,
            endpoint: endpoint.map(parse_endpoint).transpose()?,
            path_prefix: parse_prefix(path_prefix)?,
        })
    }

    /// Whether it is in this bucket that an object was put. It may be another by now, and its keys are nobody else's.
    #[must_use]
    pub fn has(&self, object: &StoredObject) -> bool {
        self.bucket == object.bucket
            && server(self.endpoint.as_deref()) == server(object.endpoint.as_deref())
    }
}

/// The same, however its URL ends.
fn server(endpoint: Option<&str>) -> Option<&str> {
    endpoint.map(|endpoint| endpoint.trim_end_matches('/'))
}

/// Reads a name that is a part of addresses, of which none must lead elsewhere.
fn parse_name(field: &'static str, raw: &str) -> Result<String> {
    let name = raw.trim();
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let leads = name == "." || name == "..";
    if name.is_empty() || name.len() > 255 || !plain || leads {
        return Err(Error::invalid(field, "must have 1 to 255 letters, digits, `.`, `-` or `_`"));
    }
    Ok(name.to_owned())
}

/// Reads what is sent in a header.
fn parse_access_key(raw: &str) -> Result<String> {
    let key = raw.trim();
    let sendable = (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    sendable
        .then(|| key.to_owned())
        .ok_or(Error::invalid("s3AccessKey", "must have 1 to 255 visible ASCII characters"))
}

/// Reads what is never sent, only signed with.
fn parse_secret_key(raw: &str) -> Result<Secret> {
    let key = raw.trim();
    let usable = (1..=255).contains(&key.len()) && !key.chars().any(char::is_control);
    usable
        .then(|| Secret::new(key))
        .ok_or(Error::invalid("s3SecretKey", "must have 1 to 255 plain characters"))
}

fn parse_endpoint(raw: &str) -> Result<String> {
    let refused = |reason: &'static str| Error::invalid("s3Endpoint", reason);
    if raw.len() > 2048 || raw.chars().any(char::is_control) {
        return Err(refused("must have at most 2048 plain characters"));
    }
    let url = url::Url::parse(raw).map_err(|e| Error::invalid("s3Endpoint", e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refused("must be an http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("must not contain credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("must not contain `?` or `#`"));
    }
    Ok(raw.to_owned())
}

fn parse_prefix(raw: &str) -> Result<String> {
    let refused = |reason: &'static str| Err(Error::invalid("s3PathPrefix", reason));
    let prefix = raw.trim();
    if prefix.len() > 512 {
        return refused("must have at most 512 characters");
    }
    if prefix.chars().any(char::is_control) {
        return refused("must not contain control characters");
    }
    if prefix.split('/').any(|part| part == "." || part == "..") {
        return refused("must not contain the parts `.` and `..`");
    }
    Ok(prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(region: &str, bucket: &str, endpoint: &str, prefix: &str) -> &'static str {
        match S3Config::parse(region, bucket, "AKIA", "hunter2", Some(endpoint), prefix) {
            Err(Error::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for bucket in ["", "a/b", "..", "B_A/../x", "a b", "a\0b", "ação"] {
            assert_eq!(refused("", bucket, "", ""), "s3Bucket", "{bucket:?}");
        }
        for region in ["a b", "eu/west", ".."] {
            assert_eq!(refused(region, "media", "", ""), "s3Region", "{region}");
        }
        for endpoint in
            ["http://u:p@h/", "http://u@h", "http://h/?a", "http://h/#a", "ftp://h", "h"]
        {
            assert_eq!(refused("", "media", endpoint, ""), "s3Endpoint", "{endpoint}");
        }
        for prefix in ["../..", "a/../b", "./a", "a\0b"] {
            assert_eq!(refused("", "media", "", prefix), "s3PathPrefix", "{prefix:?}");
        }
    }

    #[test]
    fn a_bucket_has_what_was_put_there_and_nothing_else() {
        let at = |bucket: &str, endpoint| {
            S3Config::parse("", bucket, "AKIA", "hunter2", endpoint, "").unwrap()
        };
        let (one, other) = ("https://s3.example.com", "https://s3.example.org");
        let object = |endpoint: Option<&str>| StoredObject {
            endpoint: endpoint.map(str::to_owned),
            bucket: "media".to_owned(),
            key: "a".to_owned(),
        };
        assert!(at("media", Some(one)).has(&object(Some(one))));
        assert!(at("media", Some("https://s3.example.com/")).has(&object(Some(one))));
        assert!(at("media", None).has(&object(None)));
        assert!(!at("media", Some(one)).has(&object(Some(other))));
        assert!(!at("media", Some(one)).has(&object(None)));
        assert!(!at("former", Some(one)).has(&object(Some(one))));
    }

    #[test]
    fn usual_names_are_fine() {
        let parsed = S3Config::parse(
            " ",
            "my.Bucket_1",
            "AKIA/+=",
            "hunter2",
            Some("https://s3.example.com:9000/base/"),
            "/media/sales/",
        );
        assert_eq!(parsed.unwrap().region, "us-east-1");
    }
}
