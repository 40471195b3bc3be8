//! Signature Version 4, at a time that is given.

use ring::hmac;
use s3::Region;
use s3::error::S3Error;
use s3::signing;
use time::OffsetDateTime;
use url::{Position, Url};
use wharf_domain::secret::Secret;
use wharf_domain::{Error, Result, Timestamp};
use wharf_net::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use wharf_net::{Method, Request};

/// What stands for the hash of a body that the signature leaves out.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// How long a presigned URL is good for: the most there is.
const SEVEN_DAYS: u32 = 604_800;

/// Whoever signs, and when.
pub(crate) struct Signer<'a> {
    access_key: &'a str,
    secret_key: &'a Secret,
    region: Region,
    at: OffsetDateTime,
}

impl<'a> Signer<'a> {
    pub(crate) fn new(
        access_key: &'a str,
        secret_key: &'a Secret,
        region: &str,
        now: Timestamp,
    ) -> Result<Self> {
        let at = OffsetDateTime::from_unix_timestamp(now.timestamp()).map_err(unsignable)?;
        // The endpoint is of no use here: the URL is made elsewhere.
        let region = Region::Custom { region: region.to_owned(), endpoint: String::new() };
        Ok(Self { access_key, secret_key, region, at })
    }

    /// A request that proves who sends it.
    pub(crate) fn request(
        &self,
        method: Method,
        url: Url,
        content_type: Option<&str>,
    ) -> Result<Request> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, value(&url[Position::BeforeHost..Position::AfterPort])?);
        headers.insert("x-amz-content-sha256", HeaderValue::from_static(UNSIGNED));
        headers.insert("x-amz-date", value(&self.long_date())?);
        if let Some(content_type) = content_type {
            headers.insert("content-type", value(content_type)?);
        }
        let signature = self.signature(method.as_str(), &url, &headers)?;
        let signed = signing::signed_header_string(&headers);
        let authorization = signing::authorization_header(
            self.access_key,
            &self.at,
            &self.region,
            &signed,
            &signature,
        );
        headers.insert("authorization", value(&authorization.map_err(unsignable)?)?);
        let add = |request: Request, (name, value): (&HeaderName, &HeaderValue)| {
            request.header(name.as_str(), value)
        };
        headers.iter().try_fold(Request::new(method, url), add).map_err(unsignable)
    }

    /// A URL that proves that its maker lets whoever has it read the object, for seven days from now.
    pub(crate) fn presigned(&self, url: &Url) -> Result<String> {
        let query = signing::authorization_query_params_no_sig(
            self.access_key,
            &self.at,
            &self.region,
            SEVEN_DAYS,
            None,
            None,
        );
        let unsigned = format!("{url}{}", query.map_err(unsignable)?);
        let signed_url = Url::parse(&unsigned).map_err(unsignable)?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, value(&url[Position::BeforeHost..Position::AfterPort])?);
        let signature = self.signature("GET", &signed_url, &headers)?;
        Ok(format!("{unsigned}&X-Amz-Signature={signature}"))
    }

    fn signature(&self, method: &str, url: &Url, headers: &HeaderMap) -> Result<String> {
        let sign = || -> Result<String, S3Error> {
            let canonical = signing::canonical_request(method, url, headers, UNSIGNED)?;
            let text = signing::string_to_sign(&self.at, &self.region, &canonical)?;
            let secret = self.secret_key.expose();
            let key = signing::signing_key(&self.at, secret, &self.region, "s3")?;
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            Ok(hex::encode(hmac::sign(&key, text.as_bytes())))
        };
        sign().map_err(unsignable)
    }

    fn long_date(&self) -> String {
        let at = self.at;
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (hour, minute, second) = at.to_hms();
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(unsignable)
}

/// The causes hold pieces of what was to be signed, so their words stay here.
fn unsignable<E>(_: E) -> Error {
    Error::invalid("s3", "holds characters that cannot be signed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Secret, Timestamp) {
        let at = Timestamp::from_timestamp(1_369_353_600, 0).unwrap();
        (Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), at)
    }

    /// The example of the documentation of AWS ("Authenticating Requests: Using Query Parameters"), whose URL is good
    /// for a day; its canonical request is put together here for that reason.
    #[test]
    fn the_example_of_aws_comes_out() {
        let (secret, at) = example();
        let signer = Signer::new("AKIAIOSFODNN7EXAMPLE", &secret, "us-east-1", at).unwrap();
        let url = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
            &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host";
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("examplebucket.s3.amazonaws.com"));
        assert_eq!(
            signer.signature("GET", &Url::parse(url).unwrap(), &headers).unwrap(),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
        assert_eq!(signer.long_date(), "20130524T000000Z");
    }

    #[test]
    fn a_presigned_url_is_good_for_seven_days_from_the_given_time() {
        let (secret, at) = example();
        let signer = Signer::new("AKIAIOSFODNN7EXAMPLE", &secret, "eu-west-1", at).unwrap();
        let url = Url::parse("https://media.s3.eu-west-1.amazonaws.com/a%20b.jpg").unwrap();
        let presigned = signer.presigned(&url).unwrap();
        assert!(presigned.starts_with("https://media.s3.eu-west-1.amazonaws.com/a%20b.jpg?X-Amz-"));
        for part in ["X-Amz-Date=20130524T000000Z", "X-Amz-Expires=604800", "&X-Amz-Signature="] {
            assert!(presigned.contains(part), "{presigned}");
        }
        assert!(!presigned.contains("wJalr"));
    }

    #[test]
    fn what_cannot_be_signed_is_refused_without_being_told() {
        let (secret, at) = example();
        let signer = Signer::new("new\nline", &secret, "us-east-1", at).unwrap();
        let url = Url::parse("https://s3.test/b/a").unwrap();
        let refusal = signer.request(Method::GET, url, None).unwrap_err();
        assert!(!format!("{refusal:?}").contains("line"), "{refusal:?}");
    }
}
