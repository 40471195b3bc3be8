//! App state: patches in, patches out, and the other devices are told.

use wacore_binary::Node;
use wacore_binary::Server;
use wacore_binary::builder::NodeBuilder;

use super::Answer;
use crate::hub::{Hub, Parcel, stanza_id, timestamp};
use crate::session::Session;
use crate::stanza::fields::Fields as _;
use crate::state::account::Account;
use crate::state::collection::{Collection, Refusal};

pub(super) fn sync(session: &Session, sync: &Node) -> Answer {
    let mut advanced = Vec::new();
    let collections = sync
        .get_children_by_tag("collection")
        .filter_map(|request| collection(session, request, &mut advanced))
        .collect::<Vec<_>>();
    announce(&session.hub, &session.account, session.device, advanced);
    Answer::Result(vec![NodeBuilder::new("sync").children(collections).build()])
}

fn collection(session: &Session, request: &Node, advanced: &mut Vec<Node>) -> Option<Node> {
    let Some(name) = request.text("name").filter(|name| is_name(name)) else {
        session.hub.stats.count_unknown("app state of an unusable name".to_owned());
        return None;
    };
    let name = name.into_owned();
    // A client that has nothing yet says no version.
    let base = request.text("version").and_then(|version| version.parse().ok()).unwrap_or(0);
    let answer = || NodeBuilder::new("collection").attr("name", name.as_str());
    let mut state = session.account.lock();
    if let Some(patch) = request.content_of("patch") {
        let appended = state.collection(&name).append(base, patch);
        let version = state.collections.get(&name).map_or(0, Collection::version).to_string();
        return Some(match appended {
            Ok(()) => {
                let served = state.collections.get(&name).and_then(|known| known.since(base));
                let served = served.into_iter().flatten().next().map(<[u8]>::to_vec);
                if let Some(patch) = served
                    && let Err(error) = state.handset().app_state.follow(&name, &patch)
                {
                    tracing::info!(%name, %error, "the phone cannot follow a companion's patch");
                }
                advanced.push(answer().attr("version", version.as_str()).build());
                answer().attr("version", version).build()
            }
            Err(refusal) => {
                let (code, text) = match refusal {
                    Refusal::Conflict => ("409", "conflict"),
                    Refusal::Malformed => ("400", "bad-request"),
                };
                let error = NodeBuilder::new("error").attr("code", code).attr("text", text).build();
                answer().attr("type", "error").attr("version", version).children([error]).build()
            }
        });
    }
    let known = state.collections.get(&name);
    let version = known.map_or(0, Collection::version);
    let patches: Option<Vec<Node>> = match known {
        Some(known) => known.since(base).map(|patches| {
            patches.map(|patch| NodeBuilder::new("patch").bytes(patch.to_vec()).build()).collect()
        }),
        None => Some(Vec::new()),
    };
    let answer = answer().attr("version", version.to_string());
    Some(match patches {
        Some(patches) if patches.is_empty() => answer.build(),
        Some(patches) => {
            answer.children([NodeBuilder::new("patches").children(patches).build()]).build()
        }
        None => {
            let error = NodeBuilder::new("error").attr("code", "400").attr("text", "bad-request");
            answer.attr("type", "error").children([error.build()]).build()
        }
    })
}

/// Names become keys of records.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Tells the account's devices but `author` which collections have a new version. Without the
/// account's lock.
pub(crate) fn announce(hub: &Hub, account: &Account, author: u16, advanced: Vec<Node>) {
    if advanced.is_empty() {
        return;
    }
    let notification = NodeBuilder::new("notification")
        .attr("from", account.jid(Server::Pn, 0))
        .attr("type", "server_sync")
        .attr("id", stanza_id())
        .attr("t", timestamp())
        .children(advanced)
        .build();
    let state = account.lock();
    let others = state.devices.keys().filter(|device| **device != author);
    let parcels = others
        .map(|device| Parcel { to: account.device(*device), stanza: notification.clone() })
        .collect();
    drop(state);
    hub.deliver(parcels);
}
