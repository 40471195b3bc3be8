//! What S3 servers answer when something is wrong: a little XML with a code in it.

use wharf_net::Response;

use crate::Failure;

/// How much of an answer is read for its code. AWS's own are below one kilobyte.
const LONGEST: usize = 16 * 1024;

/// Why a bucket did not do what it was asked.
pub(crate) async fn failure(answer: Response) -> Failure {
    let status = answer.status();
    // An answer that cannot be read still has its status.
    let body = answer.bytes(LONGEST).await.unwrap_or_default();
    Failure::of(status, code(&body))
}

/// The text of the first `Code` element. Codes are words; anything else is none of S3's.
fn code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_the_answer_and_nothing_else_is() {
        let answer =
            b"<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>no</Message></Error>";
        assert_eq!(code(answer), Some("NoSuchBucket".to_owned()));
        for other in
            [&b"<html>nginx</html>"[..], b"", b"<Code></Code>", b"<Code>a b</Code>", b"\xff"]
        {
            assert_eq!(code(other), None);
        }
    }
}
