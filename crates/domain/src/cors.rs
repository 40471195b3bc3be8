//! Which web pages may call.

use crate::{Error, Result};

/// The origin of a web page as browsers send it: scheme, host and port where it is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// Accepts `http://` or `https://` with a host, and a port where one is needed; nothing after it but a slash.
    pub fn parse(raw: &str) -> Result<Self> {
        let refused = |reason: &'static str| Error::invalid("origin", reason);
        let url =
            url::Url::parse(raw.trim()).map_err(|e| Error::invalid("origin", e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(refused("must begin with http:// or https:// and name a host"));
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(refused("must have nothing after host and port"));
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    /// As browsers send it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_spelled_as_browsers_do() {
        for (raw, origin) in [
            ("https://App.example.com/", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(Origin::parse(raw).unwrap().as_str(), origin);
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for raw in
            ["", "*", "null", "app.example.com", "https://a.b/c", "https://u@a.b", "ftp://a.b"]
        {
            assert!(Origin::parse(raw).is_err(), "{raw}");
        }
    }
}
