//! New ids and tokens, from the clock and the randomness that are passed in.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::{Builder, Uuid};
use wharf_domain::{Timestamp, message::MessageId, ports::Random, secret::Secret, token::Token};

/// A UUIDv7: sorts by time, guessed by nobody.
pub(crate) fn uuid(now: Timestamp, random: &dyn Random) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// A token of 256 random bits.
pub(crate) fn token(random: &dyn Random) -> wharf_domain::Result<Token> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    Token::parse(hex(&bytes))
}

/// A ticket of 256 random bits behind a mark, spelled as a URL carries it.
pub(crate) fn ticket(mark: char, random: &dyn Random) -> Secret {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    Secret::new(format!("{mark}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// A message id as WhatsApp Web makes them: `3EB0` and 18 hex digits.
pub(crate) fn message_id(random: &dyn Random) -> wharf_domain::Result<MessageId> {
    let mut bytes = [0; 9];
    random.fill(&mut bytes);
    MessageId::parse(format!("3EB0{}", hex(&bytes).to_ascii_uppercase()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
