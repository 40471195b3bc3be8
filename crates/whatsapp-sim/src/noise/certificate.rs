//! The server's Noise identity: a static key and the certificate chain that vouches for it.

use serde::{Deserialize, Serialize};
use wacore_libsignal::protocol::{CurveError, KeyPair, PrivateKey};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp::CertChain;
use waproto::whatsapp::cert_chain::NoiseCertificate;
use waproto::whatsapp::cert_chain::noise_certificate::Details;

use crate::base64_bytes;

// The chain's window is wide and fixed: a client takes IK only while both certificates are valid.
const NOT_BEFORE: u64 = 1_577_836_800; // 2020-01-01
const NOT_AFTER: u64 = 2_208_988_800; // 2040-01-01
/// The serial a client expects as the issuer of the intermediate (`WA_CERT_ISSUER_SERIAL`).
const ROOT_SERIAL: u32 = 0;
const INTERMEDIATE_SERIAL: u32 = 1;
const LEAF_SERIAL: u32 = 2;

/// A server's static key pair and its certificate chain. Kept across restarts, because clients
/// cache the key and open with IK next time.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "StoredKeys", into = "StoredKeys")]
pub struct ServerKeys {
    pub(super) static_key: KeyPair,
    pub(super) chain: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct StoredKeys {
    #[serde(with = "base64_bytes")]
    private: Vec<u8>,
    #[serde(with = "base64_bytes")]
    chain: Vec<u8>,
}

impl ServerKeys {
    /// Makes a new identity under a root of its own.
    ///
    /// The chain is signed as WhatsApp's is; only the root differs, which is why a client must have
    /// been built to skip the check of the root's signature.
    pub fn generate() -> Result<Self, CurveError> {
        let mut rng = rand::rng();
        let root = KeyPair::generate(&mut rng);
        let intermediate = KeyPair::generate(&mut rng);
        let static_key = KeyPair::generate(&mut rng);
        let chain = CertChain {
            intermediate: certificate(&root, &intermediate, INTERMEDIATE_SERIAL, ROOT_SERIAL)?,
            leaf: certificate(&intermediate, &static_key, LEAF_SERIAL, INTERMEDIATE_SERIAL)?,
        };
        Ok(Self { static_key, chain: chain.encode_to_vec() })
    }

    /// The static public key that clients cache.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.static_key.public_key.public_key_bytes()
    }
}

impl std::fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerKeys").finish_non_exhaustive()
    }
}

impl TryFrom<StoredKeys> for ServerKeys {
    type Error = CurveError;

    fn try_from(stored: StoredKeys) -> Result<Self, CurveError> {
        let static_key = KeyPair::try_from(PrivateKey::deserialize(&stored.private)?)?;
        Ok(Self { static_key, chain: stored.chain })
    }
}

impl From<ServerKeys> for StoredKeys {
    fn from(keys: ServerKeys) -> Self {
        Self { private: keys.static_key.private_key.serialize().to_vec(), chain: keys.chain }
    }
}

fn certificate(
    issuer: &KeyPair,
    subject: &KeyPair,
    serial: u32,
    issuer_serial: u32,
) -> Result<MessageField<NoiseCertificate>, CurveError> {
    let details = Details {
        serial: Some(serial),
        issuer_serial: Some(issuer_serial),
        key: Some(subject.public_key.public_key_bytes().to_vec()),
        not_before: Some(NOT_BEFORE),
        not_after: Some(NOT_AFTER),
    }
    .encode_to_vec();
    let signature = issuer.calculate_signature(&details, &mut rand::rng())?.to_vec();
    Ok(MessageField::some(NoiseCertificate { details: Some(details), signature: Some(signature) }))
}
