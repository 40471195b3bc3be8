//! The server's side of WhatsApp's Noise connection.
//!
//! A client opens with a prologue (`WA`, 6, dictionary version; optionally preceded by an
//! `ED` edge-routing intro) and a `ClientHello`. Without a cached server key it shakes hands by XX,
//! with one by IK, and a stale key is answered in XX shape, which the client continues as
//! `XXfallback`.
//! Patterns and transcript order: `WAWebOpenChatSocket`, as implemented by `wacore_noise`.

mod certificate;
mod handshake;
mod transport;

pub use certificate::ServerKeys;
pub use handshake::{Accepted, Pattern, accept};
pub use transport::{Reader, Writer, frames};

use wacore_noise::HandshakeError;
use waproto::buffa::DecodeError;

/// What a byte source or sink failed with.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a Noise connection could not be made or went on no longer.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The first bytes are not a WhatsApp client's.
    #[error("the connection does not open with the WhatsApp prologue")]
    Prologue,
    /// The peer hung up before the handshake was over.
    #[error("closed during the handshake")]
    Closed,
    /// A handshake message lacks a field or has one of the wrong length.
    #[error("the handshake message has no usable {0}")]
    Incomplete(&'static str),
    /// A protobuf of the handshake cannot be read.
    #[error("malformed handshake message")]
    Malformed(#[source] DecodeError),
    /// A key or an authentication tag of the handshake is wrong.
    #[error("the handshake failed")]
    Handshake(#[source] HandshakeError),
    /// A frame does not decrypt, or the counter has run out.
    #[error("the frame cipher failed")]
    Cipher(#[source] wacore_noise::NoiseError),
    /// A frame is too large to be sent.
    #[error("the stanza does not fit a frame")]
    TooLarge,
    /// A decrypted frame is not binary XML, or a stanza cannot be written as such.
    #[error("malformed binary stanza")]
    Stanza(#[source] wacore_binary::error::BinaryError),
    /// The transport underneath failed.
    #[error("the transport failed")]
    Transport(#[source] BoxError),
}

#[cfg(test)]
mod tests;
