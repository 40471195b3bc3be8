//! Stanzas in encrypted frames, once the handshake is over.

use std::future::ready;

use axum::extract::ws::{Message, WebSocket};
use bytes::{Bytes, BytesMut};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use wacore_binary::marshal::{marshal, unmarshal_ref};
use wacore_binary::util::unpack;
use wacore_binary::{Node, NodeRef};
use wacore_noise::framing::{FrameDecoder, append_frame_into};
use wacore_noise::{NoiseCipher, NoiseError};

use super::{BoxError, ConnectionError};

/// The two directions of a WebSocket as bytes: what [`accept`](super::accept) wants.
pub fn frames(
    socket: WebSocket,
) -> (
    impl Stream<Item = Result<Bytes, axum::Error>> + Send + Unpin,
    impl Sink<Bytes, Error = axum::Error> + Send + Unpin,
) {
    let (sink, source) = socket.split();
    let source = source.filter_map(|message| {
        ready(match message {
            Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
            // The library answers pings and closes by itself.
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    });
    (source, sink.with(|bytes| ready(Ok(Message::Binary(bytes)))))
}

/// The client's stanzas, decrypted. Cancelling [`next`](Self::next) loses nothing.
pub struct Reader<R> {
    source: R,
    decoder: FrameDecoder,
    cipher: NoiseCipher,
    counter: u32,
}

impl<R, E> Reader<R>
where
    R: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<BoxError>,
{
    /// The next stanza; `None` once the client has closed the connection.
    pub async fn next(&mut self) -> Result<Option<Node>, ConnectionError> {
        loop {
            if let Some(frame) = self.decoder.decode_frame() {
                return self.open(frame).map(Some);
            }
            match self.source.next().await {
                Some(Ok(bytes)) => self.decoder.feed(&bytes),
                Some(Err(error)) => return Err(ConnectionError::Transport(error.into())),
                None => return Ok(None),
            }
        }
    }

    fn open(&mut self, mut frame: BytesMut) -> Result<Node, ConnectionError> {
        let counter = next_counter(&mut self.counter)?;
        self.cipher
            .decrypt_in_place_with_counter(counter, &mut frame)
            .map_err(ConnectionError::Cipher)?;
        let stanza = unpack(&frame).map_err(ConnectionError::Stanza)?;
        unmarshal_ref(&stanza)
            .map(|node: NodeRef<'_>| node.to_owned())
            .map_err(ConnectionError::Stanza)
    }
}

impl<R> Reader<R> {
    pub(super) fn new(source: R, decoder: FrameDecoder, cipher: NoiseCipher) -> Self {
        Self { source, decoder, cipher, counter: 0 }
    }
}

/// The way to the client.
pub struct Writer<W> {
    sink: W,
    cipher: NoiseCipher,
    counter: u32,
}

impl<W, F> Writer<W>
where
    W: Sink<Bytes, Error = F> + Unpin,
    F: Into<BoxError>,
{
    /// Sends one stanza and flushes.
    pub async fn send(&mut self, stanza: &Node) -> Result<(), ConnectionError> {
        self.send_all([stanza]).await
    }

    /// Sends stanzas in one piece and flushes: a frame each, one WebSocket message in all.
    pub async fn send_all<'n>(
        &mut self,
        stanzas: impl IntoIterator<Item = &'n Node>,
    ) -> Result<(), ConnectionError> {
        let mut frames = BytesMut::new();
        for stanza in stanzas {
            let counter = next_counter(&mut self.counter)?;
            let mut payload = marshal(stanza).map_err(ConnectionError::Stanza)?;
            self.cipher
                .encrypt_in_place_with_counter(counter, &mut payload)
                .map_err(ConnectionError::Cipher)?;
            append_frame_into(&payload, None, &mut frames)
                .map_err(|_| ConnectionError::TooLarge)?;
        }
        if frames.is_empty() {
            return Ok(());
        }
        self.sink
            .send(frames.freeze())
            .await
            .map_err(|error| ConnectionError::Transport(error.into()))
    }

    /// Closes the transport in an orderly way.
    pub async fn close(&mut self) -> Result<(), ConnectionError> {
        self.sink.close().await.map_err(|error| ConnectionError::Transport(error.into()))
    }
}

impl<W> Writer<W> {
    pub(super) fn new(sink: W, cipher: NoiseCipher) -> Self {
        Self { sink, cipher, counter: 0 }
    }
}

/// A counter is a nonce: it must never come round.
fn next_counter(counter: &mut u32) -> Result<u32, ConnectionError> {
    let current = *counter;
    *counter =
        current.checked_add(1).ok_or(ConnectionError::Cipher(NoiseError::CounterExhausted))?;
    Ok(current)
}
