/// Why something was not sealed or opened. No variant carries secret material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not 32 bytes as base64 or hex.
    #[error("a master key is 32 bytes as base64 or hex")]
    MasterKeyText,
    /// The keyring was wrapped with another master key.
    #[error("the keyring was wrapped with another master key")]
    WrongMasterKey,
    /// The wrapped keyring is damaged, or from a newer version.
    #[error("the wrapped keyring is damaged or of an unknown format")]
    Keyring,
    /// The bytes are not a sealed value: truncated, or of an unknown format.
    #[error("not a sealed value")]
    Malformed,
    /// The value was sealed with a data key that this keyring does not hold.
    #[error("sealed with unknown data key version {0}")]
    UnknownKeyVersion(u32),
    /// The value was altered, or sealed for another place.
    #[error("sealed value altered, or sealed for another place")]
    Refused,
    /// The source of randomness failed.
    #[error("no random bytes to be had")]
    Random,
    /// The plaintext is larger than AES-GCM can seal.
    #[error("value too large to seal")]
    TooLarge,
}
