use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;
use wharf_domain::{
    Error, Result, Timestamp,
    address::PhoneNumber,
    pairing::PairingCode,
    ports::{SessionEnd, SessionEvent},
};
use whatsapp_rust::{
    Client, ErrorChainExt,
    pair_code::{PairCodeError, PairCodeOptions, PairError},
};

use super::Core;
use crate::failure::in_our_words;

/// How long a code is good for, on WhatsApp's side and in the library.
const VALIDITY: Duration = Duration::from_mins(3);

/// The pairing code that is outstanding.
#[derive(Default)]
pub(crate) struct Pairing {
    outstanding: Mutex<Option<Outstanding>>,
}

struct Outstanding {
    number: PhoneNumber,
    code: PairingCode,
    expires: Timestamp,
}

impl Core {
    pub(super) async fn pairing_code(
        self: &Arc<Self>,
        number: &PhoneNumber,
    ) -> Result<PairingCode> {
        let over = || Error::ConnectFailed("the session is over".to_owned());
        let client = self.client().ok_or_else(over)?;
        tokio::select! {
            biased;
            () = self.over.cancelled() => return Err(over()),
            () = self.finish.cancelled() => return Err(over()),
            () = self.drop_now.cancelled() => return Err(over()),
            socket = client.wait_for_socket(self.config.answer_limit) => {
                socket.map_err(|e| Error::ConnectFailed(e.to_string()))?;
            }
        }
        if client.pn().is_some() {
            return Err(Error::ConnectFailed("the device is paired already".to_owned()));
        }
        // A caller who stops waiting must not leave a code behind that nobody knows.
        let (core, number) = (self.clone(), number.clone());
        let asked = self.tasks.ask(async move { core.outstanding_code(&client, number).await });
        asked.await.map_err(|_| over())?
    }

    async fn outstanding_code(
        &self,
        client: &Arc<Client>,
        number: PhoneNumber,
    ) -> Result<PairingCode> {
        let mut outstanding = self.pairing.outstanding.lock().await;
        let now = self.clock.now();
        if let Some(known) = outstanding.as_ref().filter(|known| now < known.expires) {
            if known.number == number {
                return Ok(known.code.clone());
            }
            client.cancel_pair_code().await;
        }
        *outstanding = None;
        let made = self.ask_code(client, number).await?;
        let code = made.code.clone();
        *outstanding = Some(made);
        Ok(code)
    }

    async fn ask_code(&self, client: &Arc<Client>, number: PhoneNumber) -> Result<Outstanding> {
        // The library's clock starts before the request, so ours does too.
        let expires = self.clock.now() + VALIDITY;
        let phone_number = number.as_str().to_owned();
        let options = PairCodeOptions { phone_number, ..PairCodeOptions::default() };
        let answer = client.pair_with_code(options).await;
        let code = PairingCode::parse(&answer.map_err(|e| in_words(&e))?)?;
        Ok(Outstanding { number, code, expires })
    }

    /// Asks for a new code in place of the outstanding one, which WhatsApp no longer wants.
    pub(crate) fn renew_pairing_code(self: &Arc<Self>, client: Arc<Client>) {
        let core = self.clone();
        self.tasks.run(async move {
            let mut outstanding = core.pairing.outstanding.lock().await;
            let Some(known) = outstanding.take() else { return };
            client.cancel_pair_code().await;
            match core.ask_code(&client, known.number).await {
                Ok(made) => {
                    let renewed = SessionEvent::PairingCodeRenewed(made.code.clone());
                    core.queue.push_own(renewed);
                    *outstanding = Some(made);
                }
                Err(e) => {
                    let failed = format!("the pairing code could not be renewed: {e}");
                    core.queue.push_own(SessionEvent::PairingFailed(failed));
                }
            }
        });
    }

    /// Ends the session once the last way to pair it has expired: after the QR codes, the outstanding pairing code.
    pub(crate) async fn expire_pairing(&self) {
        loop {
            if self.client().is_none_or(|client| client.pn().is_some()) {
                return std::future::pending().await;
            }
            let now = self.clock.now();
            let expires = self.pairing.outstanding.lock().await.as_ref().map(|code| code.expires);
            match expires.and_then(|expires| (expires - now).to_std().ok()) {
                Some(left) if !left.is_zero() => self.clock.sleep(left).await,
                _ => return self.finish(SessionEnd::PairingExpired),
            }
        }
    }
}

fn in_words(error: &PairError) -> Error {
    if error.server_rejection().is_some() {
        return in_our_words(error);
    }
    match error {
        PairError::PairCode(
            e @ (PairCodeError::PhoneNumberRequired
            | PairCodeError::PhoneNumberTooShort
            | PairCodeError::PhoneNumberNotInternational),
        ) => Error::invalid("number", e.to_string()),
        PairError::PairCode(e) => Error::ConnectFailed(e.to_string()),
        other => match in_our_words(other) {
            Error::NotConnected => Error::ConnectFailed("the connection broke".to_owned()),
            kept => kept,
        },
    }
}
