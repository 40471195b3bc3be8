use std::convert::Infallible;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::consts::WA_CONN_HEADER;
use wacore_binary::marshal::{marshal, unmarshal_ref};
use wacore_binary::util::unpack;
use wacore_libsignal::protocol::{KeyPair, PublicKey};
use wacore_noise::framing::{FrameDecoder, encode_frame};
use wacore_noise::{
    IkHandshakeState, IkServerHelloOutcome, NoiseCipher, XxFallbackHandshakeState,
    XxHandshakeState, build_handshake_header,
};
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

use super::*;

type Source = futures::stream::BoxStream<'static, Result<Bytes, Infallible>>;
type Outcome = Result<Accepted<Source, mpsc::UnboundedSender<Bytes>>, ConnectionError>;

fn key_pair() -> KeyPair {
    KeyPair::generate(&mut rand::rng())
}

/// A client's raw connection to a server that is shaking hands.
struct Wire {
    up: mpsc::UnboundedSender<Bytes>,
    down: mpsc::UnboundedReceiver<Bytes>,
    decoder: FrameDecoder,
    server: tokio::task::JoinHandle<Outcome>,
}

impl Wire {
    fn dial(keys: &ServerKeys) -> Self {
        let (up, source) = mpsc::unbounded::<Bytes>();
        let (sink, down) = mpsc::unbounded();
        let keys = keys.clone();
        let server = tokio::spawn(async move { accept(source.map(Ok).boxed(), sink, &keys).await });
        Self { up, down, decoder: FrameDecoder::new(), server }
    }

    async fn send_raw(&mut self, bytes: &[u8]) {
        self.up.send(Bytes::copy_from_slice(bytes)).await.unwrap();
    }

    async fn send(&mut self, message: &[u8], header: Option<&[u8]>) {
        self.send_raw(&encode_frame(message, header).unwrap()).await;
    }

    async fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Some(frame) = self.decoder.decode_frame() {
                return frame.to_vec();
            }
            self.decoder.feed(&self.down.next().await.unwrap());
        }
    }

    async fn accepted(self) -> (Accepted<Source, mpsc::UnboundedSender<Bytes>>, Ends) {
        let accepted = self.server.await.unwrap().unwrap();
        (accepted, Ends { up: self.up, down: self.down, decoder: self.decoder })
    }
}

/// A client's connection once the server has shaken hands.
struct Ends {
    up: mpsc::UnboundedSender<Bytes>,
    down: mpsc::UnboundedReceiver<Bytes>,
    decoder: FrameDecoder,
}

struct Client {
    key: KeyPair,
    login: wa::ClientPayload,
}

impl Client {
    fn new() -> Self {
        let login = wa::ClientPayload {
            username: Some(5_511_999_990_001),
            device: Some(2),
            ..Default::default()
        };
        Self { key: key_pair(), login }
    }

    fn is_seen_in<R, W>(&self, accepted: &Accepted<R, W>) {
        assert_eq!(accepted.payload, self.login);
        assert_eq!(accepted.client_static, self.key.public_key.public_key_bytes());
    }

    fn ik(&self, server_key: [u8; 32]) -> IkHandshakeState {
        let payload = self.login.encode_to_vec();
        IkHandshakeState::new(self.key.clone(), server_key, payload, &WA_CONN_HEADER).unwrap()
    }

    fn xx(&self) -> XxHandshakeState {
        let payload = self.login.encode_to_vec();
        XxHandshakeState::new(self.key.clone(), payload, &WA_CONN_HEADER).unwrap()
    }
}

/// Sends a stanza each way and compares.
async fn converse(
    accepted: &mut Accepted<Source, mpsc::UnboundedSender<Bytes>>,
    ends: &mut Ends,
    write: &NoiseCipher,
    read: &NoiseCipher,
) {
    for counter in 0..3 {
        let sent = stanza(&format!("up{counter}"));
        let frame = write.encrypt_with_counter(counter, &marshal(&sent).unwrap()).unwrap();
        ends.up.send(encode_frame(&frame, None).unwrap().into()).await.unwrap();
        assert_eq!(accepted.reader.next().await.unwrap(), Some(sent));
    }
    let sent = [stanza("down0"), stanza("down1")];
    accepted.writer.send_all(&sent).await.unwrap();
    ends.decoder.feed(&ends.down.next().await.unwrap());
    for (counter, sent) in (0..).zip(&sent) {
        let mut frame = ends.decoder.decode_frame().unwrap().to_vec();
        read.decrypt_in_place_with_counter(counter, &mut frame).unwrap();
        assert_eq!(&unmarshal_ref(&unpack(&frame).unwrap()).unwrap().to_owned(), sent);
    }
}

fn stanza(id: &str) -> Node {
    let body = NodeBuilder::new("body").bytes(vec![1, 2, 3]).build();
    NodeBuilder::new("message").attr("id", id).children([body]).build()
}

#[tokio::test]
async fn a_client_without_our_key_shakes_hands_by_xx() {
    let (keys, client) = (ServerKeys::generate().unwrap(), Client::new());
    let mut wire = Wire::dial(&keys);
    let mut state = client.xx();
    wire.send(&state.build_client_hello().unwrap(), Some(&WA_CONN_HEADER)).await;
    let hello = wire.frame().await;
    wire.send(&state.read_server_hello_and_build_client_finish(&hello).unwrap(), None).await;
    let outcome = state.finish().unwrap();

    let (mut accepted, mut ends) = wire.accepted().await;

    assert_eq!(accepted.pattern, Pattern::Xx);
    client.is_seen_in(&accepted);
    assert_eq!(outcome.server_cert_chain.leaf_key.as_slice(), keys.public_key());
    converse(&mut accepted, &mut ends, &outcome.write_cipher, &outcome.read_cipher).await;
}

#[tokio::test]
async fn a_client_with_our_key_shakes_hands_by_ik() {
    let (keys, client) = (ServerKeys::generate().unwrap(), Client::new());
    let mut wire = Wire::dial(&keys);
    let mut state = client.ik(keys.public_key().try_into().unwrap());
    wire.send(&state.build_client_hello().unwrap(), Some(&WA_CONN_HEADER)).await;
    let outcome = match state.read_server_hello(&wire.frame().await).unwrap() {
        IkServerHelloOutcome::Continue(outcome) => outcome,
        IkServerHelloOutcome::Fallback(_) => panic!("the server did not take IK"),
    };

    let (mut accepted, mut ends) = wire.accepted().await;

    assert_eq!(accepted.pattern, Pattern::Ik);
    client.is_seen_in(&accepted);
    converse(&mut accepted, &mut ends, &outcome.write_cipher, &outcome.read_cipher).await;
}

#[tokio::test]
async fn a_client_with_an_outdated_key_falls_back_to_xx() {
    let (keys, client) = (ServerKeys::generate().unwrap(), Client::new());
    let mut wire = Wire::dial(&keys);
    let outdated: [u8; 32] = key_pair().public_key.public_key_bytes().try_into().unwrap();
    let mut state = client.ik(outdated);
    wire.send(&state.build_client_hello().unwrap(), Some(&WA_CONN_HEADER)).await;
    let inputs = match state.read_server_hello(&wire.frame().await).unwrap() {
        IkServerHelloOutcome::Fallback(inputs) => inputs,
        IkServerHelloOutcome::Continue(_) => panic!("the server took an outdated key"),
    };
    let mut state = XxFallbackHandshakeState::from_ik_failure(*inputs, &WA_CONN_HEADER).unwrap();
    wire.send(&state.build_client_finish().unwrap(), None).await;
    let outcome = state.finish().unwrap();

    let (mut accepted, mut ends) = wire.accepted().await;

    assert_eq!(accepted.pattern, Pattern::XxFallback);
    client.is_seen_in(&accepted);
    converse(&mut accepted, &mut ends, &outcome.write_cipher, &outcome.read_cipher).await;
}

#[tokio::test]
async fn an_edge_routing_intro_is_skipped_and_bytes_may_come_one_by_one() {
    let (keys, client) = (ServerKeys::generate().unwrap(), Client::new());
    let mut wire = Wire::dial(&keys);
    let mut state = client.xx();
    let (header, routed) = build_handshake_header(Some(b"edge-1"));
    assert!(routed);
    for byte in encode_frame(&state.build_client_hello().unwrap(), Some(&header)).unwrap() {
        wire.send_raw(&[byte]).await;
    }
    let hello = wire.frame().await;
    wire.send(&state.read_server_hello_and_build_client_finish(&hello).unwrap(), None).await;

    let (accepted, _) = wire.accepted().await;

    client.is_seen_in(&accepted);
}

#[tokio::test]
async fn a_stored_identity_serves_clients_that_cached_it() {
    let (keys, client) = (ServerKeys::generate().unwrap(), Client::new());
    let stored = serde_json::to_string(&keys).unwrap();
    let mut wire = Wire::dial(&serde_json::from_str(&stored).unwrap());
    let mut state = client.ik(keys.public_key().try_into().unwrap());
    wire.send(&state.build_client_hello().unwrap(), Some(&WA_CONN_HEADER)).await;
    assert!(matches!(
        state.read_server_hello(&wire.frame().await).unwrap(),
        IkServerHelloOutcome::Continue(_)
    ));
}

#[tokio::test]
async fn what_does_not_open_like_a_client_is_refused() {
    let keys = ServerKeys::generate().unwrap();
    for opening in [&b"GET / HTTP/1.1\r\n"[..], b"WA\x05\x03", b"ED\0\x01\xFF\0\0"] {
        let mut wire = Wire::dial(&keys);
        wire.send_raw(opening).await;
        let refused = wire.server.await.unwrap();
        assert!(matches!(refused, Err(ConnectionError::Prologue)), "{opening:?}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_halfway_is_reported() {
    let keys = ServerKeys::generate().unwrap();
    let mut wire = Wire::dial(&keys);
    wire.send(&Client::new().xx().build_client_hello().unwrap(), Some(&WA_CONN_HEADER)).await;
    wire.frame().await;
    wire.up.close_channel();
    assert!(matches!(wire.server.await.unwrap(), Err(ConnectionError::Closed)));
}

#[tokio::test]
async fn a_tampered_frame_ends_the_conversation() {
    let (keys, client) = (ServerKeys::generate().unwrap(), Client::new());
    let mut wire = Wire::dial(&keys);
    let mut state = client.ik(keys.public_key().try_into().unwrap());
    wire.send(&state.build_client_hello().unwrap(), Some(&WA_CONN_HEADER)).await;
    let outcome = match state.read_server_hello(&wire.frame().await).unwrap() {
        IkServerHelloOutcome::Continue(outcome) => outcome,
        IkServerHelloOutcome::Fallback(_) => panic!("the server did not take IK"),
    };
    let (mut accepted, mut ends) = wire.accepted().await;
    let plain = marshal(&stanza("up")).unwrap();
    let mut frame = outcome.write_cipher.encrypt_with_counter(0, &plain).unwrap();
    frame[0] ^= 1;
    ends.up.send(encode_frame(&frame, None).unwrap().into()).await.unwrap();
    assert!(matches!(accepted.reader.next().await, Err(ConnectionError::Cipher(_))));
}

#[tokio::test]
async fn a_client_that_closes_ends_the_stream() {
    let (keys, client) = (ServerKeys::generate().unwrap(), Client::new());
    let mut wire = Wire::dial(&keys);
    let mut state = client.ik(keys.public_key().try_into().unwrap());
    wire.send(&state.build_client_hello().unwrap(), Some(&WA_CONN_HEADER)).await;
    let (mut accepted, ends) = wire.accepted().await;
    ends.up.close_channel();
    assert_eq!(accepted.reader.next().await.unwrap(), None);
}

#[test]
fn the_chain_is_signed_from_root_to_leaf() {
    let keys = ServerKeys::generate().unwrap();
    let chain = wa::CertChain::decode_from_slice(&keys.chain).unwrap();
    let (leaf, intermediate) =
        (chain.leaf.into_option().unwrap(), chain.intermediate.into_option().unwrap());
    let details = |bytes: &[u8]| {
        wa::cert_chain::noise_certificate::Details::decode_from_slice(bytes).unwrap()
    };
    let issuer = details(intermediate.details.as_deref().unwrap());
    assert_eq!(issuer.issuer_serial, Some(0));
    let signed = leaf.details.unwrap();
    assert_eq!(details(&signed).issuer_serial, issuer.serial);
    let issuer = PublicKey::from_djb_public_key_bytes(&issuer.key.unwrap()).unwrap();
    assert!(issuer.verify_signature(&signed, &leaf.signature.unwrap()));
}
