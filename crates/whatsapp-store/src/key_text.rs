//! Texts that peers choose, as parts of keys.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// PostgreSQL takes about 2 600 bytes into an index, in up to four parts.
const LONGEST: usize = 512;

/// `text` itself, or what stands for it where PostgreSQL would refuse it in a key. Without this, one strange id would
/// make every later write of what it is saved with fail.
pub(crate) fn key_text(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST && !text.contains('\0') {
        return Cow::Borrowed(text);
    }
    let mut folded = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(folded, "{byte:02x}");
    }
    Cow::Owned(folded)
}

/// Stands for all `parts` together. No other parts have the same.
pub(crate) fn key_hash(parts: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_database_refuses_is_folded() {
        let long = "A".repeat(LONGEST);
        for text in ["", "3EB0A", &long] {
            assert_eq!(key_text(text), text);
        }
        let strange = [format!("{long}A"), format!("{long}B"), "A\0".to_owned()];
        let folded: std::collections::BTreeSet<_> =
            strange.iter().map(|text| key_text(text).into_owned()).collect();
        assert_eq!(folded.len(), strange.len());
        assert!(folded.iter().all(|text| text.len() < 80 && !text.contains('\0')));
    }

    #[test]
    fn parts_that_only_look_alike_when_joined_are_told_apart() {
        assert_ne!(key_hash(&["a", "bc"]), key_hash(&["ab", "c"]));
    }
}
