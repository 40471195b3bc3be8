use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::hmac;
use wharf_domain::Timestamp;
use wharf_domain::secret::Secret;
use wharf_domain::webhook::WebhookTarget;

/// Base64 as people paste it: with or without its padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The `webhook-signature` of a delivery by version 1 of the Standard Webhooks scheme.
///
/// The key is what follows `whsec_` in base64; a secret of any other form is the key itself.
#[must_use]
pub fn sign(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut tag = hmac::Context::with_key(&key(secret));
    tag.update(format!("{id}.{timestamp}.").as_bytes());
    tag.update(body);
    format!("v1,{}", LENIENT.encode(tag.sign()))
}

/// The signatures that a target's deliveries carry now, separated by a space; none without a secret. A secret that was
/// replaced signs too until its time is over.
pub(crate) fn of(
    target: &WebhookTarget,
    now: Timestamp,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Option<String> {
    let signature = sign(target.secret.as_ref()?, id, timestamp, body);
    let previous = target.previous_secret.as_ref().filter(|previous| now < previous.until);
    Some(match previous {
        Some(previous) => {
            format!("{signature} {}", sign(&previous.secret, id, timestamp, body))
        }
        None => signature,
    })
}

fn key(secret: &Secret) -> hmac::Key {
    let text = secret.expose();
    let decoded = text.strip_prefix("whsec_").and_then(|encoded| LENIENT.decode(encoded).ok());
    hmac::Key::new(hmac::HMAC_SHA256, decoded.as_deref().unwrap_or(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn signature(secret: &str) -> String {
        sign(&Secret::new(secret), ID, TIMESTAMP, BODY)
    }

    #[test]
    fn the_example_of_the_scheme_comes_out() {
        // From the test vectors that the scheme's reference libraries share.
        assert_eq!(
            signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn padding_does_not_matter() {
        assert_eq!(signature("whsec_c2VjcmV0IQ=="), signature("whsec_c2VjcmV0IQ"));
        assert_eq!(signature("whsec_c2VjcmV0IQ"), signature("secret!"));
    }

    #[test]
    fn a_secret_of_another_form_is_the_key_itself() {
        assert_ne!(signature("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), {
            signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        });
        // Not base64 after the prefix, so the prefix is part of the key.
        assert_ne!(signature("whsec_not base64"), signature("not base64"));
    }

    #[test]
    fn everything_signed_counts() {
        let secret = Secret::new("s");
        let original = sign(&secret, ID, TIMESTAMP, BODY);
        assert_ne!(sign(&secret, "other", TIMESTAMP, BODY), original);
        assert_ne!(sign(&secret, ID, TIMESTAMP + 1, BODY), original);
        assert_ne!(sign(&secret, ID, TIMESTAMP, b"{}"), original);
        assert_ne!(sign(&Secret::new("t"), ID, TIMESTAMP, BODY), original);
    }
}
