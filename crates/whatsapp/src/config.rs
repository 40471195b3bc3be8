use std::time::Duration;

use url::Url;
use wharf_domain::proxy::ProxyConfig;

/// How sessions are held.
#[derive(Clone, Debug)]
pub struct Config {
    /// WhatsApp's WebSocket.
    pub url: Url,
    /// The name the phone lists the device under.
    pub device_name: String,
    /// A push name to announce before the first pairing. Without one the account's own name is learnt from the phone.
    pub push_name: Option<String>,
    /// The version of WhatsApp Web to claim; without one it is looked up once a day.
    pub client_version: Option<(u32, u32, u32)>,
    /// How many one-time prekeys are kept on the server.
    pub prekeys: usize,
    /// The way out of sessions that have none of their own. Whoever operates the gateway chose it, so it may be anywhere.
    pub default_proxy: Option<ProxyConfig>,
    /// How many sessions may dial at the same time.
    pub dials: usize,
    /// How long a dial may take, from the name look-up to the WebSocket. The library gives up after 20 seconds.
    pub dial_limit: Duration,
    /// How long the login of a paired device may take, the mail that waited for it included.
    pub login_limit: Duration,
    /// How long WhatsApp's server may take to acknowledge a message or to answer a question.
    pub answer_limit: Duration,
    /// How often a device that is kept online says that it is.
    pub announce_every: Duration,
    /// How a dead connection is found out.
    pub liveness: Liveness,
}

impl Default for Config {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant that a test parses")]
        let url = Url::parse(wacore::net::WHATSAPP_WEB_WS_URL).expect("a well-formed URL");
        Self {
            url,
            device_name: "Wharf".to_owned(),
            push_name: None,
            client_version: None,
            prekeys: 100,
            default_proxy: None,
            dials: 32,
            dial_limit: Duration::from_secs(15),
            login_limit: Duration::from_mins(3),
            answer_limit: Duration::from_secs(30),
            announce_every: Duration::from_mins(1),
            liveness: Liveness::default(),
        }
    }
}

/// How a dead connection is found out.
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    /// After so much silence the server is asked for a sign of life. It may take a fifth longer until the silence is
    /// noticed.
    pub ask_after: Duration,
    /// After so much more silence the observer is told.
    pub tell_after: Duration,
    /// After so much more silence the connection counts as lost.
    pub lost_after: Duration,
}

impl Default for Liveness {
    /// Somewhat ahead of the library's own rhythm, which asks after 15 to 30 seconds and hangs up 20 seconds later.
    fn default() -> Self {
        Self {
            ask_after: Duration::from_secs(15),
            tell_after: Duration::from_secs(10),
            lost_after: Duration::from_secs(15),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatsapp_itself_is_the_default() {
        assert_eq!(Config::default().url.as_str(), "wss://web.whatsapp.com/ws/chat");
    }
}
