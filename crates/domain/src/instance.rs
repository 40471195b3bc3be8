//! Instances: one linked WhatsApp device each.

use uuid::Uuid;

use crate::{
    Error, Result, Timestamp, account::AccountId, address::Jid, proxy::ProxyConfig, s3::S3Config,
    settings::Settings, state::Standing, token::Token, websocket::WebSocketConfig,
};

/// Identifies an instance for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub Uuid);

/// The name callers put in URLs. Unique within its account and fixed for life.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceName(String);

impl InstanceName {
    /// Accepts 1 to 100 characters that survive a URL segment and a comma list: no control characters, no `/`,
    /// `\` or `,`, no space at either end, and neither `.` nor `..`.
    pub fn parse(raw: impl Into<String>) -> Result<Self> {
        let raw = raw.into();
        let reason = if raw.trim().is_empty() {
            "must not be empty"
        } else if raw.trim() != raw {
            "must not begin or end with a space"
        } else if raw.chars().count() > 100 {
            "must have at most 100 characters"
        } else if raw.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ',')) {
            "must not contain control characters, `/`, `\\` or `,`"
        } else if raw == "." || raw == ".." {
            "must not be `.` or `..`"
        } else {
            return Ok(Self(raw));
        };
        Err(Error::invalid("name", reason))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for InstanceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who is behind a linked device, as far as WhatsApp has told us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The phone JID; `None` until the first pairing. Kept after a logout, as the last known one.
    pub jid: Option<Jid>,
    /// The LID of the same user.
    pub lid: Option<Jid>,
    /// The push name.
    pub name: Option<String>,
    /// The verified business name, when it is a business.
    pub business_name: Option<String>,
    /// Where the profile picture is, as of the last connect; WhatsApp lets such URLs expire.
    pub picture_url: Option<String>,
}

/// One linked WhatsApp device, and how it is set up.
///
/// Its webhooks are kept apart, since there may be several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Identifies it for life.
    pub id: InstanceId,
    /// The owner.
    pub account: AccountId,
    /// Unique within the account.
    pub name: InstanceName,
    /// The token that acts for this instance alone.
    pub token: Token,
    /// What a restart has to know of its link with WhatsApp.
    pub standing: Standing,
    /// Who is behind it.
    pub profile: Profile,
    /// How it behaves.
    pub settings: Settings,
    /// Its way out, when it has its own.
    pub proxy: Option<ProxyConfig>,
    /// Why the way out it was created with cannot be used. While this is set it does not connect: going out directly
    /// is not what its owner asked for. Setting or removing the proxy clears it.
    pub proxy_problem: Option<String>,
    /// Its WebSocket, when it was ever configured.
    pub websocket: Option<WebSocketConfig>,
    /// Where its media goes, when it has its own place.
    pub s3: Option<S3Config>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When something of it was last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_names_are_fine_as_long_as_a_url_can_carry_them() {
        for name in ["sales", "inst 1", "loja-são-joão", "a.b", "日本"] {
            assert_eq!(InstanceName::parse(name).unwrap().as_str(), name);
        }
        for name in
            ["", "  ", " a", "a ", "a/b", "a\\b", "a,b", "a\nb", ".", "..", &"x".repeat(101)]
        {
            assert!(InstanceName::parse(name).is_err(), "{name:?}");
        }
    }
}
