#![doc = include_str!("../README.md")]

mod error;
mod keyring;
mod master_key;
mod place;

use std::sync::Arc;

pub use error::Error;
pub use keyring::Keyring;
pub use master_key::MasterKey;
pub use place::Place;
pub use ring::rand::SystemRandom;

/// Where random bytes come from; production passes a [`SystemRandom`].
pub type Random = Arc<dyn ring::rand::SecureRandom + Send + Sync>;

/// What sealing and opening can answer.
pub type Result<T> = std::result::Result<T, Error>;

fn random_bytes<const N: usize>(random: &Random) -> Result<zeroize::Zeroizing<[u8; N]>> {
    let mut bytes = zeroize::Zeroizing::new([0; N]);
    random.fill(&mut *bytes).map_err(|_| Error::Random)?;
    Ok(bytes)
}
