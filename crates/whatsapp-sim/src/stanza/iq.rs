//! Requests. One that the server does not know is answered with an error and counted.

mod account;
pub(crate) mod app_state;
mod devices;
pub(crate) mod groups;
mod keys;
mod media;
mod newsletter;
mod picture;
mod tokens;
mod usync;

use std::time::Duration;

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::fields::Fields as _;
use crate::hub::Hub;
use crate::session::Session;

/// The answer to a request.
pub(crate) enum Answer {
    /// What was asked for.
    Result(Vec<Node>),
    /// Why not.
    Error {
        code: u16,
        text: &'static str,
        /// When to ask again.
        backoff: Option<Duration>,
    },
}

impl Answer {
    pub(crate) const BAD_REQUEST: Self = Self::error(400, "bad-request");
    pub(crate) const NOT_FOUND: Self = Self::error(404, "item-not-found");

    pub(crate) const fn error(code: u16, text: &'static str) -> Self {
        Self::Error { code, text, backoff: None }
    }

    /// The same, with the advice to wait.
    pub(crate) fn with_backoff(self, wait: Duration) -> Self {
        match self {
            Self::Error { code, text, .. } => Self::Error { code, text, backoff: Some(wait) },
            Self::Result(_) => self,
        }
    }

    /// The stanza that answers `request`.
    pub(crate) fn to(self, request: &Node) -> Node {
        let builder = NodeBuilder::new("iq")
            .attr("id", request.text("id").unwrap_or_default().as_ref())
            .attr("from", request.text("to").as_deref().unwrap_or("s.whatsapp.net"));
        match self {
            Self::Result(content) if content.is_empty() => builder.attr("type", "result").build(),
            Self::Result(content) => builder.attr("type", "result").children(content).build(),
            Self::Error { code, text, backoff } => {
                let mut error =
                    NodeBuilder::new("error").attr("code", code.to_string()).attr("text", text);
                if let Some(backoff) = backoff {
                    error = error.attr("backoff", backoff.as_secs().to_string());
                }
                builder.attr("type", "error").children([error.build()]).build()
            }
        }
    }
}

/// Answers a linked device's request; answers to the server's own requests need no answer.
pub(super) fn receive(session: &Session, request: &Node) {
    let kind = request.text("type");
    if matches!(kind.as_deref(), Some("result" | "error")) {
        return;
    }
    let answer = for_anybody(request)
        .or_else(|| for_device(session, request))
        .unwrap_or_else(|| unknown(&session.hub, request));
    session.line.send(answer.to(request));
    after(session, request);
}

/// What every client may ask.
pub(crate) fn for_anybody(request: &Node) -> Option<Answer> {
    match request.text("xmlns").as_deref() {
        Some("w:p" | "urn:xmpp:ping") => Some(Answer::Result(Vec::new())),
        _ => None,
    }
}

/// The answer to what the server does not know: never an empty success, which would hide that.
pub(crate) fn unknown(hub: &Hub, request: &Node) -> Answer {
    let content = request.all().first().map_or("", |child| child.tag.as_ref());
    let namespace = request.text("xmlns").unwrap_or_default();
    let kind = request.text("type").unwrap_or_default();
    hub.stats.count_unknown(format!("iq {namespace} {kind} {content}"));
    Answer::error(501, "feature-not-implemented")
}

fn for_device(session: &Session, request: &Node) -> Option<Answer> {
    let content = request.all().first();
    let tag = content.map_or("", |content| content.tag.as_ref());
    let namespace = request.text("xmlns")?;
    let kind = request.text("type")?;
    match (namespace.as_ref(), kind.as_ref(), tag) {
        ("passive", "set", "passive" | "active") | ("urn:xmpp:whatsapp:dirty", "set", "clean") => {
            Some(Answer::Result(Vec::new()))
        }
        ("encrypt", "get", "count") => Some(keys::count(session)),
        ("encrypt", "get", "digest") => Some(keys::digest(session)),
        ("encrypt", "get", "key") => Some(keys::fetch(session, content?)),
        ("encrypt", "set", "rotate") => Some(keys::rotate(session, content?)),
        ("encrypt", "set", _) => Some(keys::upload(session, request)),
        ("usync", "get", "usync") => Some(usync::answer(&session.hub, content?)),
        ("w:sync:app:state", "set", "sync") => Some(app_state::sync(session, content?)),
        ("md", "set", "remove-companion-device") => Some(devices::remove(session, content?)),
        ("w:m", "set", "media_conn") => Some(media::connection(session)),
        ("w:g2", "get", _) => groups::get(session, request, content?),
        ("w:g2", "set", _) => groups::set(session, request, content?),
        ("newsletter", "set", "live_updates") => Some(newsletter::live_updates(session, request)),
        ("newsletter", "get", "messages") => Some(newsletter::messages(session, request, content?)),
        ("privacy", "set", "tokens") => Some(tokens::hand_on(session, content?)),
        ("privacy", "get", "privacy") => Some(account::privacy()),
        ("abt", "get", "props") => Some(account::props()),
        ("blocklist", "get", _) => Some(account::blocklist()),
        ("w:profile:picture", "get", "picture") => Some(picture::answer(session, request)),
        _ => None,
    }
}

/// What follows from a request, after its answer.
fn after(session: &Session, request: &Node) {
    let tag = request.all().first().map_or("", |content| content.tag.as_ref());
    let namespace = request.text("xmlns").unwrap_or_default();
    match (namespace.as_ref(), tag) {
        ("passive", "active") => {
            if let Some(device) = session.account.lock().devices.get_mut(&session.device) {
                device.start_delivery();
            }
        }
        ("encrypt", "registration") => keys::uploaded(session),
        ("md", "remove-companion-device") => devices::removed(session, request),
        _ => {}
    }
}
