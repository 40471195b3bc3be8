//! Whether there is still somebody at the other end of a WebSocket.

use std::{cell::Cell, pin::pin, sync::Arc, time::Duration};

use actix_ws::{CloseCode, CloseReason, Closed, Message, MessageStream, ProtocolError, Session};
use futures::future::{Either, select};
use wharf_domain::{Timestamp, ports::Clock};

/// How often the peer is pinged.
const INTERVAL: Duration = Duration::from_secs(30);
/// How many seconds nothing may be heard of it.
const SILENCE: i64 = 60;
/// How long the connection may take to accept a ping, a pong or the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How large a frame of the peer may be. What is in it interests nobody.
const LARGEST: usize = 64 * 1024;

/// Reads what the peer says, answers its pings, pings it, and ends the connection when it ought to end.
pub(super) async fn look_after(session: Session, incoming: MessageStream, clock: Arc<dyn Clock>) {
    let heard_at = Cell::new(clock.now());
    let end = {
        let listening = pin!(listen(session.clone(), incoming, &*clock, &heard_at));
        let watching = pin!(watch(session.clone(), &*clock, &heard_at));
        match select(listening, watching).await {
            Either::Left((end, _)) | Either::Right((end, _)) => end,
        }
    };
    // Nothing is left to be done when the connection has ended already.
    within(&*clock, session.close(end)).await;
}

/// Gives what the connection is to be ended with.
async fn listen(
    mut session: Session,
    incoming: MessageStream,
    clock: &dyn Clock,
    heard_at: &Cell<Timestamp>,
) -> Option<CloseReason> {
    let mut incoming = incoming.max_frame_size(LARGEST);
    loop {
        let message = match incoming.recv().await? {
            Ok(message) => message,
            Err(ProtocolError::Overflow) => {
                return Some((CloseCode::Size, "a frame was too large").into());
            }
            Err(ProtocolError::Io(_)) => return None,
            Err(e) => return Some((CloseCode::Protocol, e.to_string()).into()),
        };
        heard_at.set(clock.now());
        match message {
            Message::Ping(bytes) => within(clock, session.pong(&bytes)).await,
            Message::Close(reason) => return reason,
            _ => {}
        }
    }
}

async fn watch(
    mut session: Session,
    clock: &dyn Clock,
    heard_at: &Cell<Timestamp>,
) -> Option<CloseReason> {
    loop {
        clock.sleep(INTERVAL).await;
        if (clock.now() - heard_at.get()).num_seconds() >= SILENCE {
            return Some((CloseCode::Policy, "nothing was heard for a minute").into());
        }
        within(clock, session.ping(b"")).await;
    }
}

/// Says something, but not for ever. That it could not be said is found out by what is heard.
async fn within(clock: &dyn Clock, saying: impl Future<Output = Result<(), Closed>>) {
    let _ = select(pin!(saying), clock.sleep(PATIENCE)).await;
}
