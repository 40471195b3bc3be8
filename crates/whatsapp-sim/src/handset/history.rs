//! A phone that tells a new companion of the past.

use std::io::{self, Write as _};
use std::sync::Arc;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use wacore::download::MediaType;
use wacore_binary::Server;
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

use super::send::to_companion;
use crate::clock;
use crate::error::{Error, Result};
use crate::hub::{Hub, stanza_id};
use crate::phone::history::{Acquaintance, HistoryOffer, Offered, notification};
use crate::phone::media::{Sealed, seal};
use crate::state::account::Account;

/// Begins to offer a companion what it wants to know of the past.
pub(crate) fn offer_history(hub: &Arc<Hub>, account: &Arc<Account>, device: u16) {
    let chunks = chunks(hub, account, device);
    if chunks.is_empty() {
        return;
    }
    let (hub, account) = (Arc::clone(hub), Arc::clone(account));
    tokio::spawn(async move {
        for chunk in chunks {
            if let Err(error) = offer(&hub, &account, device, chunk).await {
                tracing::warn!(number = %account.number, device, %error, "cannot tell of the past");
                return;
            }
        }
    });
}

fn chunks(hub: &Hub, account: &Account, device: u16) -> Vec<wa::HistorySync> {
    let state = account.lock();
    let partners: Vec<String> =
        state.handset.history.partners().into_iter().map(str::to_owned).collect();
    drop(state);
    let server = account.preferred_server();
    // Looked up before the account is locked again: no two are at once.
    let known: Vec<(String, Acquaintance)> = partners
        .into_iter()
        .map(|number| {
            let known = acquaintance(hub.account(&number).as_deref(), &number, server);
            (number, known)
        })
        .collect();
    let owner = acquaintance(Some(account), &account.number, server);
    let state = account.lock();
    let Some(device) = state.devices.get(&device) else { return Vec::new() };
    let find = |number: &str| {
        let found = known.iter().find(|(known, _)| known == number).map(|(_, known)| known.clone());
        found.unwrap_or_else(|| acquaintance(None, number, server))
    };
    state.handset.history.chunks(device.wants, clock::seconds(), &owner, find)
}

fn acquaintance(account: Option<&Account>, number: &str, server: Server) -> Acquaintance {
    let jid = format!("{number}@s.whatsapp.net");
    let lid = account.map(|account| account.jid(Server::Lid, 0).to_string());
    let name = account.map(|account| account.lock().name.clone());
    let chat = lid.clone().filter(|_| server == Server::Lid).unwrap_or_else(|| jid.clone());
    Acquaintance { chat, jid, lid, name }
}

/// Uploads a piece and tells the companion where it is.
async fn offer(hub: &Hub, account: &Account, device: u16, chunk: wa::HistorySync) -> Result<()> {
    let (chunk, sealed) = tokio::task::spawn_blocking(move || {
        let sealed = pack(&chunk);
        (chunk, sealed)
    })
    .await
    .map_err(|_| Error::Stopping)?;
    let sealed = sealed?;
    let (message_id, file) = (stanza_id(), sealed.name());
    let message = notification(&chunk, &sealed);
    hub.media.store(&file, Bytes::from(sealed.blob)).await?;
    let offer = HistoryOffer {
        device,
        message_id: message_id.clone(),
        kind: format!("{:?}", chunk.sync_type),
        chunk: chunk.chunk_order.unwrap_or_default(),
        progress: chunk.progress,
        messages: chunk.conversations.iter().map(|chat| chat.messages.len()).sum(),
        acknowledged: false,
        downloads: 0,
    };
    {
        let _change = hub.ledger.change();
        let parcel = to_companion(hub, account, device, &message_id, &message)?;
        hub.deliver(vec![parcel]);
        // Only now: an offer that is not in the queue counts as acknowledged.
        account.lock().handset.history.note(Offered { offer, file, message });
    }
    account.stir();
    Ok(())
}

/// Compresses and encrypts a piece.
fn pack(chunk: &wa::HistorySync) -> Result<Sealed> {
    let compressed = || -> io::Result<Vec<u8>> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&chunk.encode_to_vec())?;
        encoder.finish()
    };
    seal(&compressed()?, MediaType::History).map_err(Error::Crypto)
}
