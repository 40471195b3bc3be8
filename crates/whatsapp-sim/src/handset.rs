//! A phone on the simulated network: it takes what is sent to it at once, and answers as its
//! owner's WhatsApp would.

mod app_state;
mod calls;
mod history;
mod newsletter;
mod receipts;
mod receive;
mod room;
mod send;
mod telling;

use serde::{Deserialize, Serialize};

pub(crate) use app_state::{announce_name, write_app_state};
pub(crate) use calls::{Called, act, ring};
pub(crate) use history::offer_history;
pub(crate) use receipts::{mark, pass_on as pass_receipt_on};
pub(crate) use receive::receive;
pub(crate) use room::send_to_room;
pub(crate) use send::{devices_of, send, share_keys};
pub use telling::Telling;
pub(crate) use telling::tell;

use crate::error::Result;
use crate::phone::app_state::AppState;
use crate::phone::calls::Calls;
use crate::phone::history::History;
use crate::phone::inbox::Inbox;
use crate::phone::signal::PhoneSignal;
use crate::state::account::Account;

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

/// The address under which the phone knows an account: by number, whatever stanzas say.
fn known_as(account: &Account) -> String {
    account.jid(wacore_binary::Server::Pn, 0).to_string()
}
