//! A phone on the simulated network: it takes what is sent to it at once, and answers as its
//! owner's WhatsApp would.

mod calls;
mod history;
mod receipts;
mod receive;
mod room;
mod send;

use serde::{Deserialize, Serialize};

pub(crate) use calls::{hang_up, ring};
pub(crate) use history::offer_history;
pub(crate) use receipts::{mark, pass_on as pass_receipt_on};
pub(crate) use receive::receive;
pub(crate) use room::send_to_room;
pub(crate) use send::{Draft, compose, send, share_keys};

use crate::clock;
use crate::error::{Error, Result};
use crate::phone::app_state::AppState;
use crate::phone::calls::Calls;
use crate::phone::history::History;
use crate::phone::inbox::Inbox;
use crate::phone::signal::PhoneSignal;
use crate::state::account::{Account, State};

/// What a phone keeps.
#[derive(Serialize, Deserialize)]
pub(crate) struct Handset {
    pub(crate) signal: PhoneSignal,
    pub(crate) app_state: AppState,
    /// Written message by message, not with the rest.
    #[serde(skip)]
    pub(crate) inbox: Inbox,
    /// Written on its own: it may be long, and the rest changes often.
    #[serde(skip)]
    pub(crate) history: History,
    /// The calls since the start.
    #[serde(skip)]
    pub(crate) calls: Calls,
    /// Whether its owner is looking at it.
    #[serde(skip)]
    pub(crate) is_available: bool,
    /// Who is doing what in which chat right now: by the other's number.
    #[serde(skip)]
    pub(crate) typing: std::collections::BTreeMap<String, String>,
}

impl Handset {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            signal: PhoneSignal::generate()?,
            app_state: AppState::generate(),
            inbox: Inbox::default(),
            history: History::default(),
            calls: Calls::default(),
            is_available: false,
            typing: std::collections::BTreeMap::new(),
        })
    }
}

/// Writes the owner's name into the account's app state, where companions find it.
pub(crate) fn announce_name(state: &mut State) -> Result<()> {
    let name = state.name.clone();
    if name.is_empty() {
        return Ok(());
    }
    let now = clock::signed_milliseconds();
    let patch = state
        .handset()
        .app_state
        .set_push_name(&name, now)
        .map_err(|error| Error::Crypto(error.into()))?;
    let collection = state.collection(patch.collection);
    // The phone has followed every patch before, so it builds on the latest.
    collection.append(patch.version - 1, &patch.bytes).map_err(|refusal| {
        Error::Conflict(format!("the phone's app state is not the server's: {refusal:?}"))
    })
}

/// The address under which the phone knows an account: by number, whatever stanzas say.
fn known_as(account: &Account) -> String {
    account.jid(wacore_binary::Server::Pn, 0).to_string()
}
