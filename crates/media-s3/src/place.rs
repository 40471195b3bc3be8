use s3::signing::uri_encode;
use url::Url;
use wharf_domain::{Error, Result};

use crate::Addressing;

/// The address of an object.
///
/// `endpoint` is the server's URL; without one it is AWS in `region`.
pub(crate) fn url(
    endpoint: Option<&str>,
    region: &str,
    bucket: &str,
    key: &str,
    addressing: Addressing,
) -> Result<Url> {
    let (mut url, in_host) = match endpoint {
        Some(endpoint) => (parse(endpoint)?, addressing == Addressing::VirtualHost),
        None => (aws(region)?, true),
    };
    let in_host = in_host && is_label(bucket) && url.domain().is_some();
    if in_host {
        let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
        url.set_host(Some(&host)).map_err(|_| bad_endpoint("has a host that is too long"))?;
    }
    let base = url.path().trim_end_matches('/').to_owned();
    let bucket = if in_host { String::new() } else { format!("/{}", uri_encode(bucket, true)) };
    let path = format!("{base}{bucket}/{}", uri_encode(key, false));
    url.set_path(&path);
    // What a URL makes of segments of dots is another object.
    if url.path() != path || key.is_empty() {
        return Err(Error::invalid("s3PathPrefix", "makes a key that no URL can carry"));
    }
    Ok(url)
}

fn parse(endpoint: &str) -> Result<Url> {
    let mut url = Url::parse(endpoint).map_err(|e| bad_endpoint(e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad_endpoint("must be an http or https URL"));
    }
    url.set_query(None);
    url.set_fragment(None);
    // Credentials go into signatures alone. Neither can fail on a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(url)
}

fn aws(region: &str) -> Result<Url> {
    if !is_label(region) {
        return Err(Error::invalid(
            "s3Region",
            "must be a region of AWS where there is no endpoint",
        ));
    }
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    parse(&format!("https://s3.{region}.amazonaws.com{suffix}/"))
}

/// Whether a name can be one label of a host name, and so covered by a certificate for all buckets of a host.
fn is_label(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(is_plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn bad_endpoint(reason: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid("s3Endpoint", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(endpoint: Option<&str>, bucket: &str, key: &str) -> String {
        url(endpoint, "eu-west-1", bucket, key, Addressing::Path).unwrap().to_string()
    }

    #[test]
    fn on_aws_the_bucket_stands_in_front_of_the_host_if_it_can() {
        assert_eq!(
            at(None, "media", "a/b.jpg"),
            "https://media.s3.eu-west-1.amazonaws.com/a/b.jpg"
        );
        for bucket in ["media.example.com", "Media", "media_1", "-media"] {
            let expected = format!("https://s3.eu-west-1.amazonaws.com/{bucket}/a");
            assert_eq!(at(None, bucket, "a"), expected);
        }
        let china = url(None, "cn-north-1", "media", "a", Addressing::Path).unwrap();
        assert_eq!(china.as_str(), "https://media.s3.cn-north-1.amazonaws.com.cn/a");
    }

    #[test]
    fn an_endpoint_has_the_bucket_in_its_path_unless_told_otherwise() {
        for (endpoint, expected) in [
            ("https://s3.example.com", "https://s3.example.com/media/a"),
            ("http://10.0.0.7:9000/", "http://10.0.0.7:9000/media/a"),
            ("https://example.com/s3/?x=1#y", "https://example.com/s3/media/a"),
            ("https://user:pass@example.com", "https://example.com/media/a"),
        ] {
            assert_eq!(at(Some(endpoint), "media", "a"), expected);
        }
        for (endpoint, expected) in [
            ("https://s3.example.com:8443", "https://media.s3.example.com:8443/a"),
            ("http://10.0.0.7:9000", "http://10.0.0.7:9000/media/a"),
        ] {
            let url = url(Some(endpoint), "x", "media", "a", Addressing::VirtualHost).unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn keys_hold_anything_that_a_url_can_carry() {
        assert_eq!(
            at(Some("https://s3.test"), "b", "Vår +1/ä?b#c%20.jpg"),
            "https://s3.test/b/V%C3%A5r%20%2B1/%C3%A4%3Fb%23c%2520.jpg"
        );
        assert_eq!(
            at(Some("https://s3.test"), "b", "a//b/..c/.d"),
            "https://s3.test/b/a//b/..c/.d"
        );
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for key in ["../other/a", "a/../b", "a/./b", ".", ""] {
            let refusal = url(Some("https://s3.test"), "x", "b", key, Addressing::Path);
            assert!(matches!(refusal, Err(Error::Invalid { .. })), "{key}: {refusal:?}");
        }
        for (endpoint, region) in [
            (Some("ftp://s3.test"), "x"),
            (Some("s3.test"), "x"),
            (None, "evil.example.com/"),
            (None, ""),
        ] {
            let refusal = url(endpoint, region, "b", "a", Addressing::Path);
            assert!(matches!(refusal, Err(Error::Invalid { .. })), "{refusal:?}");
        }
    }
}
