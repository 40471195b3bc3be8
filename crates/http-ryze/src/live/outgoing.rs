//! What goes out on a WebSocket.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use actix_ws::CloseCode;
use futures::{StreamExt as _, stream, stream::BoxStream};
use wharf_application::live::{Heard, LiveEvent, Reader};

/// How much of a frame is handed to the connection at once, which copies it.
const PIECE: usize = 64 * 1024;

/// The frames of a connection. Events are taken from their line only when the connection has sent what it has, so that what
/// waits for a slow reader waits there, where it is counted.
pub(super) struct Outgoing {
    /// Pings, pongs and the end, as they are said elsewhere; the connection ends with it.
    control: BoxBody,
    events: BoxStream<'static, Heard>,
    /// The rest of the event that is going out.
    rest: Option<Rest>,
    is_over: bool,
}

struct Rest {
    event: Arc<LiveEvent>,
    sent: usize,
}

impl Outgoing {
    pub(super) fn new(control: BoxBody, reader: Reader) -> Self {
        let events = stream::unfold(reader, |mut reader| async move {
            let heard = reader.next().await;
            Some((heard, reader))
        });
        Self { control, events: events.boxed(), rest: None, is_over: false }
    }

    /// The next piece of the event that is going out.
    fn piece(&mut self) -> Option<Bytes> {
        let rest = self.rest.as_mut()?;
        let text = rest.event.text();
        let piece = text.slice(rest.sent..text.len().min(rest.sent + PIECE));
        rest.sent += piece.len();
        if rest.sent == text.len() {
            self.rest = None;
        }
        Some(piece)
    }

    fn end(&mut self, code: CloseCode, reason: &str) -> Bytes {
        self.is_over = true;
        close_frame(code, reason)
    }
}

impl MessageBody for Outgoing {
    type Error = Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        let this = &mut *self;
        // Nothing may come between the pieces of a frame.
        if let Some(piece) = this.piece() {
            return Poll::Ready(Some(Ok(piece)));
        }
        if this.is_over {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.control).poll_next(context) {
            Poll::Ready(said) => return Poll::Ready(said.map(|said| said.map_err(Into::into))),
            Poll::Pending => {}
        }
        let said = match ready!(this.events.poll_next_unpin(context)) {
            Some(Heard::Event(event)) => {
                let header = text_header(event.text().len());
                this.rest = Some(Rest { event, sent: 0 });
                header
            }
            Some(Heard::TooSlow) => this.end(
                CloseCode::Again,
                "too slow: come back with ?since=<the last eventId> and miss nothing",
            ),
            Some(Heard::Closed) | None => {
                this.end(CloseCode::Away, "the gateway stops, or the instance was removed")
            }
        };
        Poll::Ready(Some(Ok(said)))
    }
}

/// The beginning of a frame of text, all of which follows (RFC 6455, section 5.2).
fn text_header(length: usize) -> Bytes {
    let mut header = vec![0x81];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => header.push(short),
        (_, Ok(length)) => {
            header.push(126);
            header.extend(length.to_be_bytes());
        }
        _ => {
            header.push(127);
            header.extend((length as u64).to_be_bytes());
        }
    }
    header.into()
}

/// A frame that ends the connection. Of the reason, which must be ASCII, there is room for 123 bytes.
fn close_frame(code: CloseCode, reason: &str) -> Bytes {
    let reason = reason.as_bytes().iter().take(123);
    let mut frame = vec![0x88, 2];
    frame.extend(u16::from(code).to_be_bytes());
    for byte in reason {
        frame.push(*byte);
        frame[1] += 1;
    }
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_frame_has_its_length_in_as_few_bytes_as_may_be() {
        assert_eq!(text_header(0)[..], [0x81, 0]);
        assert_eq!(text_header(125)[..], [0x81, 125]);
        assert_eq!(text_header(126)[..], [0x81, 126, 0, 126]);
        assert_eq!(text_header(200)[..], [0x81, 126, 0, 200]);
        assert_eq!(text_header(65_535)[..], [0x81, 126, 0xff, 0xff]);
        assert_eq!(text_header(65_536)[..], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn the_last_frame_has_a_code_and_a_reason() {
        assert_eq!(close_frame(CloseCode::Again, "no")[..], [0x88, 4, 0x03, 0xf5, b'n', b'o']);
        let long = "x".repeat(124);
        assert_eq!(close_frame(CloseCode::Away, &long).len(), 2 + 2 + 123);
    }
}
