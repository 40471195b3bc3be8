//! `wharf rotate-key`: another master key and another data key, without a moment in which no key opens the database.
//!
//! One update of one row decides which master key counts. Before it the old one does and nothing has changed; after it
//! the new one does, with a new data key that seals and the old ones that still open. What follows, sealing everything
//! anew and then dropping the old data keys, may be interrupted anywhere: the database can be served with the new key
//! meanwhile, and the same command finishes the work.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use wharf_seal::{Keyring, MasterKey};
use wharf_sql::Database;
use wharf_storage::{Keyrings, Reseal};
use wharf_whatsapp_store::StoreFactory;

use crate::{
    Config,
    database::{self, Locked},
    master_key,
};

/// How many values are sealed anew in one transaction.
const BATCH: u32 = 500;

/// Rotates, and tells by `say` what was done.
pub(crate) async fn run(
    config: &Config,
    old_file: &Path,
    new_file: &Path,
    say: impl Fn(&str),
) -> Result<()> {
    let old = master_key::find(old_file)?;
    let old = old.with_context(|| format!("there is no {}", old_file.display()))?;
    let mut database = database::lock(config).await?;
    let work = rotate(&database.sql, &old, new_file, &say);
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = database.locks.lost() => Err(anyhow::anyhow!(
            "the connection that holds the database was lost; run the same command again"
        )),
    };
    let Locked { sql, .. } = database;
    sql.close().await?;
    outcome
}

async fn rotate(
    sql: &Database,
    old: &MasterKey,
    new_file: &Path,
    say: &impl Fn(&str),
) -> Result<()> {
    let wrapped = Keyrings::find(sql).await?.context("the database has no keys yet")?;
    let (new, mut keyring, wrapped) = match unwrap(old, &wrapped)? {
        Some(keyring) => begin(sql, keyring, &wrapped, old, new_file, say).await?,
        None => take_up(wrapped, new_file, say)?,
    };
    if keyring.data_keys() == 1 {
        // An earlier run may have ended before it came to this.
        sql.compact().await?;
        say("Nothing is left to do.\n");
        return Ok(());
    }
    let keyring_of_stores = Arc::new(unwrap(&new, &wrapped)?.context("the keyring has changed")?);
    let count = reseal(sql, &keyring_of_stores).await?;
    keyring.retire_old_data_keys();
    Keyrings::replace(sql, &wrapped, &keyring.wrap(&new)?).await?;
    // What the old keys open would otherwise stay in unused pages of a file.
    sql.compact().await?;
    say(&format!("{count} values sealed anew. The old data key is gone; rotation complete.\n"));
    Ok(())
}

/// Puts the new master key in force. Up to the one update in here the old one is, and from then on the new one.
async fn begin(
    sql: &Database,
    mut keyring: Keyring,
    wrapped: &[u8],
    old: &MasterKey,
    new_file: &Path,
    say: &impl Fn(&str),
) -> Result<(MasterKey, Keyring, Vec<u8>)> {
    let (new, _) = master_key::find_or_make(new_file)?;
    if *new.to_text() == *old.to_text() {
        bail!("both files hold the same key");
    }
    keyring.add_data_key()?;
    let rewrapped = keyring.wrap(&new)?;
    Keyrings::replace(sql, wrapped, &rewrapped).await?;
    say(&format!(
        "The key in {} is in force; the old one opens nothing but older backups.\n",
        new_file.display()
    ));
    Ok((new, keyring, rewrapped))
}

/// Where an earlier run left off: the new master key is in force already.
fn take_up(
    wrapped: Vec<u8>,
    new_file: &Path,
    say: &impl Fn(&str),
) -> Result<(MasterKey, Keyring, Vec<u8>)> {
    let new = master_key::find(new_file)?;
    let keyring = new.as_ref().map(|new| unwrap(new, &wrapped)).transpose()?.flatten();
    let (Some(new), Some(keyring)) = (new, keyring) else {
        bail!("neither of the two files holds the key that is in force; nothing was changed");
    };
    say(&format!("The key in {} is in force already.\n", new_file.display()));
    Ok((new, keyring, wrapped))
}

/// The keyring, if that is its master key.
fn unwrap(master: &MasterKey, wrapped: &[u8]) -> Result<Option<Keyring>> {
    match Keyring::unwrap(master, wrapped, master_key::random()) {
        Ok(keyring) => Ok(Some(keyring)),
        Err(wharf_seal::Error::WrongMasterKey) => Ok(None),
        Err(e) => Err(e).context("cannot open the keyring"),
    }
}

/// Seals with the newest data key all that an older one sealed, and says how many values that were.
async fn reseal(sql: &Database, keyring: &Arc<Keyring>) -> Result<u64> {
    let core = Reseal::new(sql.clone(), keyring.clone());
    let sessions = StoreFactory::new(sql.clone(), keyring.clone());
    let mut count = 0;
    loop {
        let done = core.batch(BATCH).await?;
        let done = done + sessions.reseal(BATCH).await?;
        if done == 0 {
            return Ok(count);
        }
        count += done;
    }
}
