use wharf_domain::{Error, Resource, Result, Timestamp, ports::Outgoing};
use whatsapp_rust::SendOptions;

use super::Core;
use crate::{acks::Ack, convert, failure::in_our_words};

impl Core {
    /// Sends a message and waits for the server to acknowledge it.
    pub(super) async fn send(&self, outgoing: &Outgoing) -> Result<Timestamp> {
        let client = self.ready()?;
        let message = waproto::codec::message_decode(&outgoing.raw)
            .map_err(|e| Error::unavailable("the encoded message", e))?;
        let to = convert::to_library(&outgoing.to);
        let id = outgoing.id.as_str().to_owned();
        // Before the message leaves, or a quick server would be missed.
        let mut expected =
            self.acks.expect(&outgoing.id).ok_or(Error::AlreadyExists(Resource::Message))?;
        // In a task of its own: a caller who hangs up must not stop the library halfway through an encryption.
        let mut written = self.tasks.ask(async move {
            let options = SendOptions::default().with_message_id(id);
            client.send_message_with_options(to, message, options).await.map(drop)
        });
        let limit = self.clock.sleep(self.config.answer_limit);
        tokio::pin!(limit);
        let mut is_written = false;
        loop {
            tokio::select! {
                biased;
                Ack { timestamp, refused } = expected.ack() => return match refused {
                    Some(code) => Err(Error::Refused { code }),
                    None => Ok(timestamp.unwrap_or_else(|| self.clock.now())),
                },
                outcome = &mut written, if !is_written => match outcome {
                    Ok(Ok(())) => is_written = true,
                    Ok(Err(e)) => return Err(in_our_words(&e)),
                    // The task is gone, and so is the session.
                    Err(_) => return Err(Error::NotAcknowledged),
                },
                () = self.over.cancelled() => return Err(Error::NotAcknowledged),
                () = &mut limit => return Err(Error::NotAcknowledged),
            }
        }
    }
}
