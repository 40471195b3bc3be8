//! Both halves in one process, and what to type to see them work.

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use wharf::{Config, Gateway, Settings, cli::EndRequests};

use crate::{gateway::surroundings, whatsapp};

const DATA_DIR: &str = "./sandbox-data";

/// Runs both until the process is asked to end.
pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let data_dir = Path::new(DATA_DIR);
        std::fs::create_dir_all(data_dir).context("cannot make ./sandbox-data")?;
        let flags = Settings {
            data_dir: Some(gateway_dir().display().to_string()),
            account_token: Some(account_token(&data_dir.join("account-token"))?),
            ..Settings::default()
        };
        let config = Config::parse(&Settings::read(None, wharf::cli::environment(), &flags)?)?;
        wharf::cli::log_to_stderr(&config.log, config.log_format)?;
        let mut asked = EndRequests::listen();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 8081));
        let simulator = whatsapp::start(listen, Some(data_dir.join("whatsapp"))).await?;
        let roots = simulator.root_certificate_pem();
        let around = surroundings(simulator.whatsapp_url().parse()?, Some(roots))?;
        let gateway = Gateway::open(config, around).await?;
        let token = flags.account_token.unwrap_or_default();
        print!("{}", first_chat(gateway.public_url(), &simulator.admin_url(), &token));
        gateway.serve(async || asked.next().await).await?;
        simulator.stop().await;
        Ok(())
    })
}

/// Where the gateway half keeps its files.
pub(crate) fn gateway_dir() -> PathBuf {
    Path::new(DATA_DIR).join("gateway")
}

/// The same token at every start, so that what was typed yesterday works today.
fn account_token(file: &Path) -> Result<String> {
    if let Ok(token) = std::fs::read_to_string(file) {
        return Ok(token.trim().to_owned());
    }
    let token = wharf::offline::new_token()?;
    write_private(file, token.expose()).context("cannot keep the account token")?;
    Ok(token.expose().to_owned())
}

/// Writes a new file that nobody else may read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn first_chat(gateway: &str, whatsapp: &str, token: &str) -> String {
    format!(
        r#"Gateway:            {gateway} (API at {gateway}/docs)
Simulated WhatsApp: {whatsapp}
Account token:      {token}

A first chat, from another terminal: a phone, an instance paired with it, and a message.

curl -s {whatsapp}/admin/phones -H 'content-type: application/json' -d '{{"number":"5511999990001","name":"Ana"}}'; curl -s {whatsapp}/admin/phones -H 'content-type: application/json' -d '{{"number":"5511999990002","name":"Bia"}}'; curl -s {gateway}/api/instance/new -H 'token: {token}' -H 'content-type: application/json' -d '{{"name":"demo"}}'

curl -s {gateway}/api/instance/connect/demo -H 'token: {token}' | sed 's/.*"qrCode":"\([^"]*\)".*/{{"qr":"\1"}}/' | curl -s {whatsapp}/admin/phones/5511999990001/scan -H 'content-type: application/json' -d @-; sleep 1

curl -s {gateway}/api/message/text/demo -H 'token: {token}' -H 'content-type: application/json' -d '{{"number":"5511999990002","message":"hello"}}'; curl -s {whatsapp}/admin/phones/5511999990002/messages
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_stays_the_same_and_nobody_else_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("account-token");
        let token = account_token(&file).unwrap();
        assert_eq!(account_token(&file).unwrap(), token);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
