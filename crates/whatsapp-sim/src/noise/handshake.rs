//! The responder of the handshake.

use bytes::{Buf as _, Bytes, BytesMut};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use wacore_binary::consts::{
    NOISE_PATTERN_IK, NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK, WA_CONN_HEADER,
};
use wacore_libsignal::protocol::KeyPair;
use wacore_noise::NoiseHandshake;
use wacore_noise::framing::{FrameDecoder, encode_frame};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp::handshake_message::{ClientHello, ServerHello};
use waproto::whatsapp::{ClientPayload, HandshakeMessage};

use super::{BoxError, ConnectionError, Reader, ServerKeys, Writer};

/// Marks the edge-routing intro a client may send before the prologue: `ED`, 0, 1, a 3-byte length.
const EDGE_ROUTING: &[u8; 4] = b"ED\0\x01";
/// Longer intros than a server would ever have handed out are not waited for.
const LONGEST_INTRO: usize = 4096;

/// How a client shook hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Without a cached server key: every unpaired client, and the first login after a pairing.
    Xx,
    /// With the current server key, the login inside the first message.
    Ik,
    /// With an outdated server key.
    XxFallback,
}

/// A connection that has shaken hands.
pub struct Accepted<R, W> {
    /// Who the client says it is, as yet unchecked.
    pub payload: ClientPayload,
    /// The client's static key, proved by the handshake.
    pub client_static: [u8; 32],
    /// How it shook hands.
    pub pattern: Pattern,
    /// Yields the client's stanzas.
    pub reader: Reader<R>,
    /// Takes stanzas for the client.
    pub writer: Writer<W>,
}

/// Shakes hands with a client whose bytes arrive on `source`, in pieces of any size.
pub async fn accept<R, W, E, F>(
    source: R,
    mut sink: W,
    keys: &ServerKeys,
) -> Result<Accepted<R, W>, ConnectionError>
where
    R: Stream<Item = Result<Bytes, E>> + Unpin,
    W: Sink<Bytes, Error = F> + Unpin,
    E: Into<BoxError>,
    F: Into<BoxError>,
{
    let mut opening = Opening { source, decoder: FrameDecoder::new() };
    opening.prologue().await?;
    let hello = opening
        .message()
        .await?
        .client_hello
        .into_option()
        .ok_or(ConnectionError::Incomplete("client hello"))?;
    let client_ephemeral = key(hello.ephemeral.as_deref(), "ephemeral key")?;

    let (noise, pattern, client_static, payload) =
        if let Some(opened) = Initial::open(&hello, &client_ephemeral, keys)? {
            let Initial { mut noise, client_static, payload } = opened;
            let ephemeral = answer_ephemeral(&mut noise, &client_ephemeral)?;
            mix(&mut noise, &ephemeral, &client_static)?;
            let chain = noise.encrypt(&keys.chain).map_err(ConnectionError::Handshake)?;
            send_hello(&mut sink, &ephemeral, None, chain).await?;
            (noise, Pattern::Ik, client_static, payload)
        } else {
            let (pattern, name) = if hello.r#static.is_some() {
                (Pattern::XxFallback, NOISE_PATTERN_XXFALLBACK)
            } else {
                (Pattern::Xx, NOISE_PATTERN_XX)
            };
            let mut noise =
                NoiseHandshake::new(name, &WA_CONN_HEADER).map_err(ConnectionError::Handshake)?;
            noise.authenticate(&client_ephemeral);
            let ephemeral = answer_ephemeral(&mut noise, &client_ephemeral)?;
            let own = noise.encrypt(keys.public_key()).map_err(ConnectionError::Handshake)?;
            mix(&mut noise, &keys.static_key, &client_ephemeral)?;
            let chain = noise.encrypt(&keys.chain).map_err(ConnectionError::Handshake)?;
            send_hello(&mut sink, &ephemeral, Some(own), chain).await?;

            let finish = opening
                .message()
                .await?
                .client_finish
                .into_option()
                .ok_or(ConnectionError::Incomplete("client finish"))?;
            let client_static = decrypt_key(&mut noise, finish.r#static.as_deref())?;
            mix(&mut noise, &ephemeral, &client_static)?;
            let payload = decrypt(&mut noise, finish.payload.as_deref(), "payload")?;
            (noise, pattern, client_static, payload)
        };

    let payload = ClientPayload::decode_from_slice(&payload).map_err(ConnectionError::Malformed)?;
    // `finish` names the ciphers from the initiator's point of view.
    let (client_writes, client_reads) = noise.finish().map_err(ConnectionError::Handshake)?;
    Ok(Accepted {
        payload,
        client_static,
        pattern,
        reader: Reader::new(opening.source, opening.decoder, client_writes),
        writer: Writer::new(sink, client_reads),
    })
}

/// An IK hello that opened with our key.
struct Initial {
    noise: NoiseHandshake,
    client_static: [u8; 32],
    payload: Vec<u8>,
}

impl Initial {
    /// `None` when this is no IK hello, or one for another server key.
    fn open(
        hello: &ClientHello,
        client_ephemeral: &[u8; 32],
        keys: &ServerKeys,
    ) -> Result<Option<Self>, ConnectionError> {
        let (Some(sealed_static), Some(sealed_payload)) = (&hello.r#static, &hello.payload) else {
            return Ok(None);
        };
        let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)
            .map_err(ConnectionError::Handshake)?;
        noise.authenticate(keys.public_key());
        noise.authenticate(client_ephemeral);
        mix(&mut noise, &keys.static_key, client_ephemeral)?;
        let Ok(client_static) = noise.decrypt(sealed_static) else { return Ok(None) };
        let client_static = key(Some(&client_static), "static key")?;
        mix(&mut noise, &keys.static_key, &client_static)?;
        let Ok(payload) = noise.decrypt(sealed_payload) else { return Ok(None) };
        Ok(Some(Self { noise, client_static, payload }))
    }
}

/// The unencrypted part of a connection.
struct Opening<R> {
    source: R,
    decoder: FrameDecoder,
}

impl<R, E> Opening<R>
where
    R: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<BoxError>,
{
    async fn bytes(&mut self) -> Result<Bytes, ConnectionError> {
        match self.source.next().await {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(error)) => Err(ConnectionError::Transport(error.into())),
            None => Err(ConnectionError::Closed),
        }
    }

    async fn prologue(&mut self) -> Result<(), ConnectionError> {
        let mut seen = BytesMut::new();
        loop {
            seen.extend_from_slice(&self.bytes().await?);
            if let Some(length) = prologue_length(&seen)? {
                seen.advance(length);
                self.decoder.feed(&seen);
                return Ok(());
            }
        }
    }

    async fn message(&mut self) -> Result<HandshakeMessage, ConnectionError> {
        loop {
            if let Some(frame) = self.decoder.decode_frame() {
                return HandshakeMessage::decode_from_slice(&frame)
                    .map_err(ConnectionError::Malformed);
            }
            let bytes = self.bytes().await?;
            self.decoder.feed(&bytes);
        }
    }
}

/// How many bytes precede the first frame, once that can be told.
fn prologue_length(seen: &[u8]) -> Result<Option<usize>, ConnectionError> {
    let Some(first) = seen.first_chunk::<4>() else { return Ok(None) };
    let intro = if first == EDGE_ROUTING {
        let Some([.., high, middle, low]) = seen.first_chunk::<7>() else { return Ok(None) };
        7 + (usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low))
    } else {
        0
    };
    if intro > LONGEST_INTRO {
        return Err(ConnectionError::Prologue);
    }
    match seen.get(intro..intro + WA_CONN_HEADER.len()) {
        None => Ok(None),
        Some(header) if header == WA_CONN_HEADER => Ok(Some(intro + header.len())),
        Some(_) => Err(ConnectionError::Prologue),
    }
}

/// Mixes in a fresh ephemeral of ours (tokens `e`, `ee`).
fn answer_ephemeral(
    noise: &mut NoiseHandshake,
    client_ephemeral: &[u8; 32],
) -> Result<KeyPair, ConnectionError> {
    let ephemeral = KeyPair::generate(&mut rand::rng());
    noise.authenticate(ephemeral.public_key.public_key_bytes());
    mix(noise, &ephemeral, client_ephemeral)?;
    Ok(ephemeral)
}

fn mix(noise: &mut NoiseHandshake, own: &KeyPair, theirs: &[u8]) -> Result<(), ConnectionError> {
    noise.mix_shared_secret(own.private_key.serialize(), theirs).map_err(ConnectionError::Handshake)
}

fn decrypt(
    noise: &mut NoiseHandshake,
    sealed: Option<&[u8]>,
    field: &'static str,
) -> Result<Vec<u8>, ConnectionError> {
    let sealed = sealed.ok_or(ConnectionError::Incomplete(field))?;
    noise.decrypt(sealed).map_err(ConnectionError::Handshake)
}

fn decrypt_key(
    noise: &mut NoiseHandshake,
    sealed: Option<&[u8]>,
) -> Result<[u8; 32], ConnectionError> {
    key(Some(&decrypt(noise, sealed, "static key")?), "static key")
}

fn key(bytes: Option<&[u8]>, field: &'static str) -> Result<[u8; 32], ConnectionError> {
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(ConnectionError::Incomplete(field))
}

async fn send_hello<W, F>(
    sink: &mut W,
    ephemeral: &KeyPair,
    sealed_static: Option<Vec<u8>>,
    sealed_chain: Vec<u8>,
) -> Result<(), ConnectionError>
where
    W: Sink<Bytes, Error = F> + Unpin,
    F: Into<BoxError>,
{
    let hello = HandshakeMessage {
        server_hello: MessageField::some(ServerHello {
            ephemeral: Some(ephemeral.public_key.public_key_bytes().to_vec()),
            r#static: sealed_static,
            payload: Some(sealed_chain),
            ..Default::default()
        }),
        ..Default::default()
    };
    let frame =
        encode_frame(&hello.encode_to_vec(), None).map_err(|_| ConnectionError::TooLarge)?;
    sink.send(frame.into()).await.map_err(|error| ConnectionError::Transport(error.into()))
}
