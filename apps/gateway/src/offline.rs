//! What the command line does without serving. It works on the database alone, beside a running server too.

use std::sync::Arc;

use anyhow::Result;
use wharf_application::accounts::AccountService;
use wharf_domain::{
    account::{Account, AccountName},
    cors::Origin,
    ports::NoMeter,
    token::Token,
};

use crate::{
    Config,
    database::{self, Access},
    system::{SystemClock, SystemRandom},
};

/// What can be done to accounts.
#[derive(Debug)]
pub enum AccountCommand {
    /// Make one, with a quota of its own.
    Create(AccountName, Option<u32>),
    /// List them.
    List,
    /// Give one a new token.
    RotateToken(AccountName),
    /// Change how many instances one may own.
    SetQuota(AccountName, Option<u32>),
    /// Change which web pages may call with its token.
    SetCors(AccountName, Vec<Origin>),
    /// Remove one; with its instances, when the flag is set.
    Delete(AccountName, bool),
}

/// Does something to accounts and gives what is to be printed.
pub async fn account(config: &Config, command: AccountCommand) -> Result<String> {
    let database = database::open(config, Access::Beside, Arc::new(NoMeter)).await?;
    let accounts = AccountService::on(
        database.stores.accounts.clone(),
        Arc::new(SystemClock),
        Arc::new(SystemRandom::default()),
        config.account_quota,
    );
    let answer = match command {
        AccountCommand::Create(name, quota) => {
            let (account, token) = accounts.create(name, quota).await?;
            format!("Account `{}`, {}", account.name.as_str(), shown_once(&token))
        }
        AccountCommand::List => accounts.list().await?.iter().map(line).collect(),
        AccountCommand::RotateToken(name) => {
            let token = accounts.rotate_token(&name).await?;
            format!("Account `{}`, {}", name.as_str(), shown_once(&token))
        }
        AccountCommand::SetQuota(name, quota) => {
            accounts.set_quota(&name, quota).await?;
            String::new()
        }
        AccountCommand::SetCors(name, origins) => {
            accounts.set_cors(&name, &origins).await?;
            String::new()
        }
        AccountCommand::Delete(name, force) => {
            let orphans = database.instances_of(&name).await?;
            accounts.delete(&name, force).await?;
            // A running server ends their sessions within seconds and does the same then.
            database.forget_sessions(&orphans).await?;
            String::new()
        }
    };
    database.close().await?;
    Ok(answer)
}

/// Brings the schema up to date.
pub async fn migrate(config: &Config) -> Result<()> {
    database::open(config, Access::Alone, Arc::new(NoMeter)).await?.close().await
}

fn line(account: &Account) -> String {
    let quota = account.quota.map_or_else(|| "unlimited".to_owned(), |quota| quota.to_string());
    let since = account.created_at.format("%Y-%m-%dT%H:%M:%SZ");
    let origins: Vec<_> = account.cors.iter().map(Origin::as_str).collect();
    let origins = if origins.is_empty() { "closed".to_owned() } else { origins.join(" ") };
    format!("{}\tquota {quota}\tsince {since}\tcors {origins}\n", account.name.as_str())
}

fn shown_once(token: &Token) -> String {
    format!("token (shown once): {}\n", token.expose())
}

/// A token like those the gateway makes.
pub fn new_token() -> Result<Token> {
    Ok(wharf_application::accounts::new_token(&SystemRandom::default())?)
}
