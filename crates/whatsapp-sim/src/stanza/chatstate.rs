//! Somebody is typing: passed on to those of the other side that are there.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::fields::Fields as _;
use crate::handset;
use crate::hub::Hub;
use crate::session::Session;
use crate::state::account::Account;

pub(super) fn receive(session: &Session, chatstate: &Node) {
    let Some(to) = chatstate.jid("to") else { return };
    let Some(account) = session.hub.account_of(&to) else { return };
    let from = session.account.jid(session.account.shown_server(to.server), 0);
    let builder = NodeBuilder::new("chatstate").attr("from", from);
    pass_on(&session.hub, &account, &builder.children(chatstate.all().to_vec()).build());
}

/// Shows a chat state on every device of an account. It is gone for those that are not there.
pub(crate) fn pass_on(hub: &Hub, account: &Account, chatstate: &Node) {
    for (_, line) in account.lock().lines() {
        line.send(chatstate.clone());
    }
    handset::receive(hub, account, chatstate);
}
