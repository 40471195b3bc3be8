//! Linking by an 8-character code, from the moment the owner types it in.

use wacore::crypto::hkdf_sha256_into;
use wacore::pair_code::PairCodeUtils;
use wacore_libsignal::crypto::aes_256_gcm_decrypt;
use wacore_libsignal::protocol::{KeyPair, PublicKey};

use super::LinkError;

const BUNDLE_KEY_INFO: &[u8] = b"link_code_pairing_key_bundle_encryption_key";
const ADV_SECRET_INFO: &[u8] = b"adv_secret";

/// A code that has been typed in, and the keys made for it.
pub struct LinkCode {
    ephemeral: KeyPair,
    wrapped_ephemeral: [u8; 80],
    companion_ephemeral: [u8; 32],
}

impl LinkCode {
    /// Whether this can be a code at all: 8 characters of the codes' alphabet.
    #[must_use]
    pub fn is_well_formed(code: &str) -> bool {
        normalized(code).is_some()
    }

    /// Answers the companion's `companion_hello`, whose wrapped key opens by the code.
    ///
    /// Whether it is the right code shows only in [`finish`](Self::finish). Costs two PBKDF2 runs
    /// of 2^17 rounds: call it where blocking is fine.
    pub fn enter(code: &str, companion_hello: &[u8]) -> Result<Self, LinkError> {
        let code = normalized(code).ok_or(LinkError::Code)?;
        let companion_ephemeral =
            PairCodeUtils::decrypt_primary_ephemeral_pub(companion_hello, &code)
                .map_err(|_| LinkError::WrongCode)?;
        let ephemeral = KeyPair::generate(&mut rand::rng());
        let [_, public @ ..] = ephemeral.public_key.serialize();
        let wrapped_ephemeral = PairCodeUtils::encrypt_ephemeral_pub(&public, &code);
        Ok(Self { ephemeral, wrapped_ephemeral, companion_ephemeral })
    }

    /// The phone's wrapped key, for the `primary_hello`.
    #[must_use]
    pub fn wrapped_ephemeral(&self) -> &[u8; 80] {
        &self.wrapped_ephemeral
    }

    /// Opens the `companion_finish` and derives the secret that authenticates the pairing.
    pub fn finish(
        &self,
        account: &KeyPair,
        companion_identity: &[u8; 32],
        wrapped_bundle: &[u8],
    ) -> Result<[u8; 32], LinkError> {
        let companion_ephemeral = PublicKey::from_djb_public_key_bytes(&self.companion_ephemeral)?;
        let shared = self.ephemeral.calculate_agreement(&companion_ephemeral)?;
        let (salt, rest) = wrapped_bundle.split_first_chunk::<32>().ok_or(LinkError::WrongCode)?;
        let (iv, sealed) = rest.split_first_chunk::<12>().ok_or(LinkError::WrongCode)?;
        let key = derive(&shared, Some(salt), BUNDLE_KEY_INFO)?;
        let mut bundle = Vec::new();
        aes_256_gcm_decrypt(&key, iv, b"", sealed, &mut bundle)
            .map_err(|_| LinkError::WrongCode)?;

        // The bundle repeats both identities: neither may have been exchanged on the way.
        let identities =
            [companion_identity.as_slice(), account.public_key.public_key_bytes()].concat();
        let random = bundle.strip_prefix(identities.as_slice()).ok_or(LinkError::WrongCode)?;
        let companion = PublicKey::from_djb_public_key_bytes(companion_identity)?;
        let identity_shared = account.calculate_agreement(&companion)?;
        derive(&[&shared, &identity_shared, random].concat(), None, ADV_SECRET_INFO)
    }
}

impl std::fmt::Debug for LinkCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkCode").finish_non_exhaustive()
    }
}

/// As the owner may type it: in any case, with or without the hyphen.
fn normalized(code: &str) -> Option<String> {
    let code: String =
        code.trim().chars().filter(|c| *c != '-').map(|c| c.to_ascii_uppercase()).collect();
    PairCodeUtils::validate_code(&code).then_some(code)
}

fn derive(secret: &[u8], salt: Option<&[u8]>, info: &[u8]) -> Result<[u8; 32], LinkError> {
    let mut key = [0; 32];
    hkdf_sha256_into(secret, salt, info, &mut key).map_err(|_| LinkError::WrongCode)?;
    Ok(key)
}
