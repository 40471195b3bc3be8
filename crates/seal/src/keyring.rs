use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{Error, MasterKey, Place, Random, Result, random_bytes};

const FORMAT: u8 = 1;
/// Format byte and key version.
const HEADER_LEN: usize = 1 + 4;
const KEY_LEN: usize = 32;
/// Long enough to tell keys apart, too short to be of use to a guesser of 256-bit keys.
const CHECK_LEN: usize = 16;

/// The data keys that seal and open values, and the key tokens are hashed with.
pub struct Keyring {
    /// Oldest first, versions ascending, never empty.
    data_keys: Vec<DataKey>,
    token_hash_key: Zeroizing<[u8; KEY_LEN]>,
    token_hasher: hmac::Key,
    random: Random,
}

struct DataKey {
    version: u32,
    bytes: Zeroizing<[u8; KEY_LEN]>,
    cipher: LessSafeKey,
}

impl Keyring {
    /// A keyring with a first data key and a token-hash key.
    pub fn generate(random: Random) -> Result<Self> {
        let first = DataKey::new(1, random_bytes(&random)?)?;
        let token_hash_key = random_bytes(&random)?;
        Ok(Self::assemble(vec![first], token_hash_key, random))
    }

    /// The keyring as it may be stored: readable with `master` only.
    pub fn wrap(&self, master: &MasterKey) -> Result<Vec<u8>> {
        let mut wrapped = vec![FORMAT];
        wrapped.extend_from_slice(&check(master));
        let mut keys =
            Zeroizing::new(Vec::with_capacity(KEY_LEN + self.data_keys.len() * (4 + KEY_LEN)));
        keys.extend_from_slice(&*self.token_hash_key);
        for key in &self.data_keys {
            keys.extend_from_slice(&key.version.to_be_bytes());
            keys.extend_from_slice(&*key.bytes);
        }
        let bound = wrapped.clone();
        encrypt(&wrapping_cipher(master)?, &self.random, &bound, &keys, &mut wrapped)?;
        Ok(wrapped)
    }

    /// Reads what [`wrap`](Self::wrap) wrote.
    ///
    /// Another master key is [`Error::WrongMasterKey`]; damage under the right one is
    /// [`Error::Keyring`].
    pub fn unwrap(master: &MasterKey, wrapped: &[u8], random: Random) -> Result<Self> {
        let (header, body) = wrapped.split_at_checked(1 + CHECK_LEN).ok_or(Error::Keyring)?;
        if header[0] != FORMAT {
            return Err(Error::Keyring);
        }
        if !bool::from(header[1..].ct_eq(&check(master))) {
            return Err(Error::WrongMasterKey);
        }
        let keys = decrypt(&wrapping_cipher(master)?, header, body).map_err(|_| Error::Keyring)?;
        let (token_hash_key, data_keys) =
            keys.split_first_chunk::<KEY_LEN>().ok_or(Error::Keyring)?;
        let (entries, rest) = data_keys.as_chunks::<{ 4 + KEY_LEN }>();
        if entries.is_empty() || !rest.is_empty() {
            return Err(Error::Keyring);
        }
        let data_keys = entries.iter().map(DataKey::read).collect::<Result<Vec<_>>>()?;
        if !data_keys.is_sorted_by(|older, newer| older.version < newer.version) {
            return Err(Error::Keyring);
        }
        Ok(Self::assemble(data_keys, Zeroizing::new(*token_hash_key), random))
    }

    /// Wraps a stored keyring with another master key; the data keys stay.
    pub fn rewrap(
        wrapped: &[u8],
        old: &MasterKey,
        new: &MasterKey,
        random: Random,
    ) -> Result<Vec<u8>> {
        Self::unwrap(old, wrapped, random)?.wrap(new)
    }

    /// Adds a data key, which seals from now on, and returns its version. The token-hash key stays.
    pub fn add_data_key(&mut self) -> Result<u32> {
        let version = self.newest().version.checked_add(1).ok_or(Error::Keyring)?;
        self.data_keys.push(DataKey::new(version, random_bytes(&self.random)?)?);
        Ok(version)
    }

    /// How many data keys there are: more than one while a rotation is under way.
    #[must_use]
    pub fn data_keys(&self) -> usize {
        self.data_keys.len()
    }

    /// Drops every data key but the newest. What they sealed does not open any more: whoever calls has sealed all of it
    /// anew.
    pub fn retire_old_data_keys(&mut self) {
        self.data_keys.drain(..self.data_keys.len() - 1);
    }

    /// The version of the data key that seals.
    #[must_use]
    pub fn newest_version(&self) -> u32 {
        self.newest().version
    }

    /// Seals `plaintext` for `place` with the newest data key.
    pub fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Result<Vec<u8>> {
        let key = self.newest();
        let capacity = HEADER_LEN + NONCE_LEN + plaintext.len() + MAX_TAG_LEN;
        let mut sealed = Vec::with_capacity(capacity);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&key.version.to_be_bytes());
        let bound = place.bind(&sealed);
        encrypt(&key.cipher, &self.random, &bound, plaintext, &mut sealed)?;
        Ok(sealed)
    }

    /// Opens a value that was sealed for `place`, whichever data key it was sealed with.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let version = Self::key_version_of(sealed)?;
        let key = self
            .data_keys
            .iter()
            .rfind(|key| key.version == version)
            .ok_or(Error::UnknownKeyVersion(version))?;
        let (header, body) = sealed.split_at(HEADER_LEN);
        decrypt(&key.cipher, &place.bind(header), body)
    }

    /// Seals a value anew with the newest data key, or `None` when it already is.
    pub fn reseal(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        if Self::key_version_of(sealed)? == self.newest_version() {
            return Ok(None);
        }
        self.seal(place, &self.open(place, sealed)?).map(Some)
    }

    /// Which data key a value was sealed with.
    pub fn key_version_of(sealed: &[u8]) -> Result<u32> {
        let (&[format, a, b, c, d], body) =
            sealed.split_first_chunk::<HEADER_LEN>().ok_or(Error::Malformed)?;
        if format != FORMAT || body.len() < NONCE_LEN + MAX_TAG_LEN {
            return Err(Error::Malformed);
        }
        Ok(u32::from_be_bytes([a, b, c, d]))
    }

    /// The hash a token is stored and looked up by: HMAC-SHA-256 with a key that never changes.
    #[must_use]
    pub fn token_hash(&self, token: &str) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&self.token_hasher, token.as_bytes()).as_ref());
        hash
    }

    fn assemble(
        data_keys: Vec<DataKey>,
        token_hash_key: Zeroizing<[u8; KEY_LEN]>,
        random: Random,
    ) -> Self {
        let token_hasher = hmac::Key::new(hmac::HMAC_SHA256, &*token_hash_key);
        Self { data_keys, token_hash_key, token_hasher, random }
    }

    fn newest(&self) -> &DataKey {
        &self.data_keys[self.data_keys.len() - 1]
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl DataKey {
    fn new(version: u32, bytes: Zeroizing<[u8; KEY_LEN]>) -> Result<Self> {
        Ok(Self { version, cipher: cipher(&bytes)?, bytes })
    }

    fn read(entry: &[u8; 4 + KEY_LEN]) -> Result<Self> {
        let (version, bytes) = entry.split_first_chunk::<4>().ok_or(Error::Keyring)?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        key.copy_from_slice(bytes);
        Self::new(u32::from_be_bytes(*version), key)
    }
}

/// Tells one master key from another without giving anything away about either.
fn check(master: &MasterKey) -> [u8; CHECK_LEN] {
    let mut check = [0; CHECK_LEN];
    check.copy_from_slice(&master.derive("wharf keyring check")[..CHECK_LEN]);
    check
}

fn wrapping_cipher(master: &MasterKey) -> Result<LessSafeKey> {
    cipher(&master.derive("wharf keyring wrap"))
}

fn cipher(key: &[u8; KEY_LEN]) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Error::Keyring)
}

/// Appends nonce, ciphertext and tag to `sealed`.
fn encrypt(
    cipher: &LessSafeKey,
    random: &Random,
    bound: &[u8],
    plaintext: &[u8],
    sealed: &mut Vec<u8>,
) -> Result<()> {
    let nonce = *random_bytes::<NONCE_LEN>(random)?;
    sealed.extend_from_slice(&nonce);
    let start = sealed.len();
    sealed.extend_from_slice(plaintext);
    let tag = cipher
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound),
            &mut sealed[start..],
        )
        .map_err(|_| Error::TooLarge)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(())
}

fn decrypt(cipher: &LessSafeKey, bound: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = body.split_first_chunk::<NONCE_LEN>().ok_or(Error::Malformed)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = cipher
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound), &mut buffer)
        .map_err(|_| Error::Refused)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}
