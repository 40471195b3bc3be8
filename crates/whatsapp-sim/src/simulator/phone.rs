//! A phone in its owner's hand.

mod calls;
mod chat;
mod groups;
mod history;
mod labels;
mod media;
mod newsletter;
mod number;
mod picture;
mod receipts;
mod status;

pub use receipts::Telling;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Server};

use crate::error::{Error, Result};
use crate::handset;
use crate::hub::Hub;
use crate::pairing;
use crate::phone::inbox::{Receipt, ShownMessage};
use crate::phone::saying::{Manner, Saying};
use crate::stanza::{chatstate, presence};
use crate::state::account::Account;
use crate::state::device::{Device, Presence};
use crate::topology;

/// How long the `wait_for_…` methods wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// A simulated phone: device 0 of its account, always on and connected.
#[derive(Clone)]
pub struct Phone {
    hub: Arc<Hub>,
    account: Arc<Account>,
}

/// What an owner does in a chat before something is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doing {
    /// Types.
    #[default]
    Composing,
    /// Speaks.
    Recording,
    /// Has stopped.
    Paused,
}

/// A device of an account, as its phone lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceView {
    /// Its number; 0 is the phone.
    pub id: u16,
    /// What it is: `android` for the phone, otherwise what the client says.
    pub platform: String,
    /// What it calls itself.
    pub name: String,
    /// Whether it is connected.
    pub online: bool,
    /// What it last announced; nothing for the phone.
    pub presence: Option<Presence>,
}

impl Phone {
    pub(super) fn new(hub: Arc<Hub>, account: Arc<Account>) -> Self {
        Self { hub, account }
    }

    /// Its phone number.
    #[must_use]
    pub fn number(&self) -> String {
        self.account.number.clone()
    }

    /// Its owner's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.account.lock().name.clone()
    }

    /// Its account's address by number.
    #[must_use]
    pub fn jid(&self) -> String {
        self.account.jid(Server::Pn, 0).to_string()
    }

    /// Its account's address by LID.
    #[must_use]
    pub fn lid(&self) -> String {
        self.account.jid(Server::Lid, 0).to_string()
    }

    /// Scans a client's QR code. Gives the new device's id once the client has agreed.
    pub async fn scan(&self, qr: &str) -> Result<u16> {
        let device = pairing::scan(&self.hub, &self.account, qr).await?;
        self.hub.settled().await;
        Ok(device)
    }

    /// Types in a client's pairing code. Gives the new device's id once the client has agreed.
    pub async fn enter_code(&self, code: &str) -> Result<u16> {
        let device = pairing::enter_code(&self.hub, &self.account, code).await?;
        self.hub.settled().await;
        Ok(device)
    }

    /// Sends a text. `to` is a phone number or an address, also a group's. Gives the message's id.
    pub async fn send_text(&self, to: &str, text: &str) -> Result<String> {
        self.say(to, &Saying::Text { text: text.to_owned() }, &Manner::default()).await
    }

    /// Answers a message that is on the phone.
    pub async fn reply_text(&self, to: &str, text: &str, quoted: &str) -> Result<String> {
        let manner = Manner { quoted: Some(quoted.to_owned()), ..Manner::default() };
        self.say(to, &Saying::Text { text: text.to_owned() }, &manner).await
    }

    /// Reads a message of somebody else's, who gets a receipt.
    pub async fn read(&self, message: &str) -> Result<()> {
        self.mark(message, false).await
    }

    /// Listens to a message of somebody else's, who gets a receipt.
    pub async fn play(&self, message: &str) -> Result<()> {
        self.mark(message, true).await
    }

    async fn mark(&self, message: &str, played: bool) -> Result<()> {
        {
            let _change = self.hub.ledger.change();
            let parcels = handset::mark(&self.hub, &self.account, message, played)?;
            self.hub.deliver(parcels);
        }
        self.hub.settled().await;
        Ok(())
    }

    /// The owner looks at the phone, or puts it away: who asked for that is told.
    pub async fn set_available(&self, available: bool) {
        {
            let _change = self.hub.ledger.change();
            let mut state = self.account.lock();
            let before = presence::is_available(&state);
            state.handset.is_available = available;
            drop(state);
            presence::changed(&self.hub, &self.account, before);
        }
        self.hub.settled().await;
    }

    /// Types in the chat with somebody.
    pub async fn type_in(&self, to: &str) -> Result<()> {
        self.show(to, Doing::Composing).await
    }

    /// Does something in the chat with somebody that is shown there.
    pub async fn show(&self, to: &str, doing: Doing) -> Result<()> {
        let recipient = self.recipient(to)?;
        let shown = match doing {
            Doing::Composing => NodeBuilder::new("composing"),
            Doing::Recording => NodeBuilder::new("composing").attr("media", "audio"),
            Doing::Paused => NodeBuilder::new("paused"),
        };
        let from = self.account.jid(self.account.preferred_server(), 0);
        let chatstate = NodeBuilder::new("chatstate").attr("from", from).children([shown.build()]);
        {
            let _change = self.hub.ledger.change();
            chatstate::pass_on(&self.hub, &recipient, &chatstate.build());
        }
        self.hub.settled().await;
        Ok(())
    }

    /// What somebody was last seen doing in the chat: `composing`, `recording` or `paused`.
    #[must_use]
    pub fn typing(&self, number: &str) -> Option<String> {
        self.account.lock().handset.typing.get(number).cloned()
    }

    /// Loses the sessions with everybody, as a phone does that is restored from a backup: what comes
    /// next in one of them cannot be decrypted, and is asked for again.
    pub fn forget_sessions(&self) {
        let _change = self.hub.ledger.change();
        self.account.lock().sessions().forget_chains();
        let acquaintances = self.account.lock().acquaintances.clone();
        for other in acquaintances.iter().filter_map(|number| self.hub.account(number)) {
            let devices: Vec<u16> =
                std::iter::once(0).chain(other.lock().devices.keys().copied()).collect();
            let mut state = self.account.lock();
            for device in devices {
                state.handset().signal.forget(&other.device(device));
            }
        }
    }

    /// What the owner sees, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<ShownMessage> {
        self.account.lock().handset.inbox.messages().cloned().collect()
    }

    /// The phone and the devices linked to it.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceView> {
        let state = self.account.lock();
        let phone = DeviceView {
            id: 0,
            platform: "android".to_owned(),
            name: "Phone".to_owned(),
            online: true,
            presence: None,
        };
        let linked = state.devices.values().map(|device| DeviceView {
            id: device.id,
            platform: device.platform.clone(),
            name: device.name.clone(),
            online: device.is_online(),
            presence: device.presence,
        });
        std::iter::once(phone).chain(linked).collect()
    }

    /// Unlinks a device; it is told if it is connected.
    pub async fn unlink(&self, device: u16) -> Result<()> {
        if device == 0 {
            return Err(Error::Conflict("a phone cannot unlink itself".to_owned()));
        }
        {
            let _change = self.hub.ledger.change();
            if !topology::unlink(&self.hub, &self.account, device) {
                return Err(Error::NotFound("device"));
            }
        }
        self.hub.settled().await;
        Ok(())
    }

    /// Waits until a message is on the phone that is as wanted.
    pub async fn wait_for_message(
        &self,
        wanted: impl Fn(&ShownMessage) -> bool,
    ) -> Result<ShownMessage> {
        let find = || {
            let state = self.account.lock();
            state.handset.inbox.messages().find(|message| wanted(message)).cloned()
        };
        self.wait_for("a message", find).await
    }

    /// Waits until a message has got at least as far as that.
    pub async fn wait_for_receipt(&self, message: &str, receipt: Receipt) -> Result<()> {
        let got = || {
            let state = self.account.lock();
            let shown = state.handset.inbox.message(message);
            shown.filter(|shown| shown.receipt >= receipt).map(|_| ())
        };
        self.wait_for("a receipt", got).await
    }

    /// Waits until a linked device is connected, or is not.
    pub async fn wait_for_device(&self, device: u16, online: bool) -> Result<()> {
        let is = || {
            let state = self.account.lock();
            let is_online = state.devices.get(&device).is_some_and(Device::is_online);
            (is_online == online).then_some(())
        };
        self.wait_for("a device", is).await
    }

    /// Waits until this is what a linked device last announced.
    pub async fn wait_for_presence(&self, device: u16, presence: Presence) -> Result<()> {
        let is = || {
            let state = self.account.lock();
            let announced = state.devices.get(&device).and_then(|device| device.presence);
            (announced == Some(presence)).then_some(())
        };
        self.wait_for("a presence", is).await
    }

    /// Waits until somebody does something in the chat: see [`typing`](Self::typing).
    pub async fn wait_for_typing(&self, number: &str, doing: &str) -> Result<()> {
        let is = || (self.typing(number).as_deref() == Some(doing)).then_some(());
        self.wait_for("somebody to type", is).await
    }

    async fn wait_for<T>(&self, what: &'static str, look: impl Fn() -> Option<T>) -> Result<T> {
        let mut activity = self.account.watch();
        let wait = async {
            loop {
                activity.mark_unchanged();
                if let Some(found) = look() {
                    return Ok(found);
                }
                activity.changed().await.map_err(|_| Error::Stopping)?;
            }
        };
        timeout(PATIENCE, wait).await.map_err(|_| Error::TimedOut(what))?
    }

    fn recipient(&self, to: &str) -> Result<Arc<Account>> {
        let account = if to.contains('@') {
            let jid: Jid = to.parse().map_err(|_| {
                Error::Invalid(format!("`{to}` is neither a number nor an address"))
            })?;
            self.hub.account_of(&jid)
        } else {
            self.hub.account(to.trim_start_matches('+'))
        };
        account.ok_or(Error::NotFound("recipient"))
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phone").field("number", &self.account.number).finish_non_exhaustive()
    }
}
