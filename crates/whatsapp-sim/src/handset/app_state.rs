//! What a phone writes into the app state that all devices of its account share.

use wacore_binary::builder::NodeBuilder;

use crate::clock;
use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::phone::app_state::{AppState, Patch, PatchError};
use crate::stanza::iq::app_state::announce;
use crate::state::account::{Account, State};

/// Writes the owner's name into the account's app state, where companions find it.
pub(crate) fn announce_name(state: &mut State) -> Result<()> {
    let name = state.name.clone();
    if name.is_empty() {
        return Ok(());
    }
    let now = clock::signed_milliseconds();
    put(state, |app_state| app_state.set_push_name(&name, now)).map(|_| ())
}

/// Writes something into the app state and tells the companions. Under a change, without the
/// account's lock.
pub(crate) fn write_app_state(
    hub: &Hub,
    account: &Account,
    write: impl FnOnce(&mut AppState) -> Result<Patch, PatchError>,
) -> Result<()> {
    let patch = put(&mut account.lock(), write)?;
    let collection = NodeBuilder::new("collection")
        .attr("name", patch.collection)
        .attr("version", patch.version.to_string())
        .build();
    announce(hub, account, 0, vec![collection]);
    Ok(())
}

fn put(
    state: &mut State,
    write: impl FnOnce(&mut AppState) -> Result<Patch, PatchError>,
) -> Result<Patch> {
    let patch =
        write(&mut state.handset().app_state).map_err(|error| Error::Crypto(error.into()))?;
    let collection = state.collection(patch.collection);
    // The phone has followed every patch before, so it builds on the latest.
    collection.append(patch.version - 1, &patch.bytes).map_err(|refusal| {
        Error::Conflict(format!("the phone's app state is not the server's: {refusal:?}"))
    })?;
    Ok(patch)
}
