use reqwest::{Response, header::HeaderMap};
use serde_json::Value;

/// What the gateway answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body can be read");
        Self { status, headers, text }
    }

    /// The body, which must be JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    /// The body of an answer that must have this status.
    #[expect(clippy::must_use_candidate, reason = "often the status is all that matters")]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The status and the sentence of a refusal, which must have the contract's envelope and nothing else.
    #[must_use]
    pub fn refusal(&self) -> (u16, String) {
        let mut body = self.json();
        let message = body["error"]["message"].take();
        let Value::String(message) = message else { panic!("no error message in {self:?}") };
        assert_eq!(body, serde_json::json!({ "success": false, "error": { "message": null } }));
        assert_eq!(self.header("content-type"), Some("application/json"));
        (self.status, message)
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header as a number, which must be there.
    #[must_use]
    pub fn number(&self, name: &str) -> i64 {
        let number = self.header(name).and_then(|text| text.parse().ok());
        number.unwrap_or_else(|| panic!("no number in `{name}` of {self:?}"))
    }
}
