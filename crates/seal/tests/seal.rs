//! What a sealed value and a wrapped keyring promise.
#![expect(clippy::unwrap_used, reason = "a failed set-up should panic")]

use std::sync::Arc;

use wharf_seal::{Error, Keyring, MasterKey, Place, Random, SystemRandom};

fn random() -> Random {
    Arc::new(SystemRandom::new())
}

fn keyring() -> Keyring {
    Keyring::generate(random()).unwrap()
}

fn here() -> Place<'static> {
    Place::new("instance", "token", "row-1")
}

#[test]
fn a_sealed_value_opens_at_its_place_and_hides_its_text() {
    let keyring = keyring();
    let sealed = keyring.seal(&here(), b"a very private token").unwrap();
    assert!(!sealed.windows(7).any(|window| window == b"private"));
    assert_eq!(*keyring.open(&here(), &sealed).unwrap(), b"a very private token");
}

#[test]
fn an_empty_value_can_be_sealed() {
    let keyring = keyring();
    let sealed = keyring.seal(&here(), b"").unwrap();
    assert_eq!(*keyring.open(&here(), &sealed).unwrap(), b"");
}

#[test]
fn sealing_twice_gives_different_bytes() {
    let keyring = keyring();
    let once = keyring.seal(&here(), b"same").unwrap();
    assert_ne!(once, keyring.seal(&here(), b"same").unwrap());
}

#[test]
fn a_value_moved_to_another_place_is_refused() {
    let keyring = keyring();
    let sealed = keyring.seal(&here(), b"mine").unwrap();
    for elsewhere in [
        Place::new("account", "token", "row-1"),
        Place::new("instance", "secret", "row-1"),
        Place::new("instance", "token", "row-2"),
        Place::new("instance", "tokenrow", "-1"),
        Place::new("instancetoken", "", "row-1"),
    ] {
        assert_eq!(keyring.open(&elsewhere, &sealed), Err(Error::Refused), "{elsewhere:?}");
    }
}

#[test]
fn swapped_rows_are_refused_both_ways() {
    let keyring = keyring();
    let (first, second) = (Place::new("t", "c", &[1u8]), Place::new("t", "c", &[2u8]));
    let one = keyring.seal(&first, b"one").unwrap();
    let two = keyring.seal(&second, b"two").unwrap();
    assert_eq!(keyring.open(&first, &two), Err(Error::Refused));
    assert_eq!(keyring.open(&second, &one), Err(Error::Refused));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let keyring = keyring();
    let sealed = keyring.seal(&here(), b"x").unwrap();
    for byte in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[byte] ^= 1 << bit;
            assert!(keyring.open(&here(), &altered).is_err(), "byte {byte} bit {bit}");
        }
    }
}

#[test]
fn every_truncation_is_noticed() {
    let keyring = keyring();
    let sealed = keyring.seal(&here(), b"some text").unwrap();
    for length in 0..sealed.len() {
        let refusal = keyring.open(&here(), &sealed[..length]).unwrap_err();
        assert!(matches!(refusal, Error::Malformed | Error::Refused), "{length}: {refusal:?}");
    }
}

#[test]
fn another_keyring_opens_nothing() {
    let sealed = keyring().seal(&here(), b"mine").unwrap();
    assert_eq!(keyring().open(&here(), &sealed), Err(Error::Refused));
}

#[test]
fn old_versions_still_open_after_a_rotation() {
    let mut keyring = keyring();
    let old = keyring.seal(&here(), b"old").unwrap();
    assert_eq!(keyring.add_data_key(), Ok(2));
    let new = keyring.seal(&here(), b"new").unwrap();

    assert_eq!(Keyring::key_version_of(&old), Ok(1));
    assert_eq!(Keyring::key_version_of(&new), Ok(2));
    assert_eq!(*keyring.open(&here(), &old).unwrap(), b"old");
    assert_eq!(*keyring.open(&here(), &new).unwrap(), b"new");

    let moved = keyring.reseal(&here(), &old).unwrap().unwrap();
    assert_eq!(Keyring::key_version_of(&moved), Ok(2));
    assert_eq!(*keyring.open(&here(), &moved).unwrap(), b"old");
    assert_eq!(keyring.reseal(&here(), &moved), Ok(None));
}

#[test]
fn a_retired_data_key_opens_nothing_and_its_version_does_not_come_back() {
    let mut keyring = keyring();
    let old = keyring.seal(&here(), b"old").unwrap();
    keyring.add_data_key().unwrap();
    assert_eq!(keyring.data_keys(), 2);
    let moved = keyring.reseal(&here(), &old).unwrap().unwrap();
    let hash = keyring.token_hash("token");
    keyring.retire_old_data_keys();
    assert_eq!((keyring.data_keys(), keyring.newest_version()), (1, 2));
    assert_eq!(keyring.open(&here(), &old), Err(Error::UnknownKeyVersion(1)));
    assert_eq!(*keyring.open(&here(), &moved).unwrap(), b"old");
    assert_eq!(keyring.token_hash("token"), hash);

    let master = MasterKey::generate(&random()).unwrap();
    let back = Keyring::unwrap(&master, &keyring.wrap(&master).unwrap(), random()).unwrap();
    assert_eq!(*back.open(&here(), &moved).unwrap(), b"old");
    keyring.retire_old_data_keys();
    assert_eq!(keyring.add_data_key(), Ok(3));
}

#[test]
fn a_value_from_a_newer_keyring_names_its_version() {
    let mut keyring = keyring();
    let master = MasterKey::generate(&random()).unwrap();
    let before = keyring.wrap(&master).unwrap();
    keyring.add_data_key().unwrap();
    let sealed = keyring.seal(&here(), b"new").unwrap();
    let stale = Keyring::unwrap(&master, &before, random()).unwrap();
    assert_eq!(stale.open(&here(), &sealed), Err(Error::UnknownKeyVersion(2)));
}

#[test]
fn a_wrapped_keyring_comes_back_whole() {
    let mut keyring = keyring();
    keyring.add_data_key().unwrap();
    let master = MasterKey::generate(&random()).unwrap();
    let sealed = keyring.seal(&here(), b"kept").unwrap();
    let back = Keyring::unwrap(&master, &keyring.wrap(&master).unwrap(), random()).unwrap();
    assert_eq!(*back.open(&here(), &sealed).unwrap(), b"kept");
    assert_eq!(back.newest_version(), 2);
    assert_eq!(back.token_hash("t"), keyring.token_hash("t"));
}

#[test]
fn a_wrong_master_key_is_told_from_damage() {
    let (right, wrong) =
        (MasterKey::generate(&random()).unwrap(), MasterKey::generate(&random()).unwrap());
    let wrapped = keyring().wrap(&right).unwrap();
    let refusal = Keyring::unwrap(&wrong, &wrapped, random()).unwrap_err();
    assert_eq!(refusal, Error::WrongMasterKey);

    let mut damaged = wrapped.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(Keyring::unwrap(&right, &damaged, random()).unwrap_err(), Error::Keyring);
    for length in 0..wrapped.len() {
        let refusal = Keyring::unwrap(&right, &wrapped[..length], random()).unwrap_err();
        assert_eq!(refusal, Error::Keyring, "{length}");
    }
}

#[test]
fn a_rewrapped_keyring_needs_the_new_master_key() {
    let (old, new) =
        (MasterKey::generate(&random()).unwrap(), MasterKey::generate(&random()).unwrap());
    let keyring = keyring();
    let sealed = keyring.seal(&here(), b"kept").unwrap();
    let rewrapped = Keyring::rewrap(&keyring.wrap(&old).unwrap(), &old, &new, random()).unwrap();
    assert_eq!(Keyring::unwrap(&old, &rewrapped, random()).unwrap_err(), Error::WrongMasterKey);
    let back = Keyring::unwrap(&new, &rewrapped, random()).unwrap();
    assert_eq!(*back.open(&here(), &sealed).unwrap(), b"kept");
}

#[test]
fn token_hashes_hang_on_the_token_and_the_keyring_alone() {
    let mut keyring = keyring();
    let hash = keyring.token_hash("token");
    keyring.add_data_key().unwrap();
    assert_eq!(keyring.token_hash("token"), hash);
    assert_ne!(keyring.token_hash("Token"), hash);
    assert_ne!(self::keyring().token_hash("token"), hash);
}

#[test]
fn a_master_key_is_read_from_base64_and_hex() {
    let wrapped = {
        let key = MasterKey::parse("yMnKy8zNzs/Q0dLT1NXW19jZ2tvc3d7f4OHi4+Tl5uc=").unwrap();
        keyring().wrap(&key).unwrap()
    };
    let hex = "c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7";
    for same in [
        "yMnKy8zNzs/Q0dLT1NXW19jZ2tvc3d7f4OHi4+Tl5uc",
        "yMnKy8zNzs_Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5uc=",
        " yMnKy8zNzs/Q0dLT1NXW19jZ2tvc3d7f4OHi4+Tl5uc=\n",
        hex,
        &hex.to_uppercase(),
    ] {
        let key = MasterKey::parse(same).unwrap();
        assert!(Keyring::unwrap(&key, &wrapped, random()).is_ok(), "{same}");
    }
}

#[test]
fn anything_but_32_bytes_is_no_master_key() {
    for text in ["", "short", &"ab".repeat(31), &"ab".repeat(33), &"zz".repeat(32), "AAAA"] {
        assert_eq!(MasterKey::parse(text).unwrap_err(), Error::MasterKeyText, "{text}");
    }
}

#[test]
fn a_generated_master_key_survives_its_text() {
    let key = MasterKey::generate(&random()).unwrap();
    let wrapped = keyring().wrap(&key).unwrap();
    let again = MasterKey::parse(&key.to_text()).unwrap();
    assert!(Keyring::unwrap(&again, &wrapped, random()).is_ok());
}

#[test]
fn debug_prints_no_key() {
    assert_eq!(format!("{:?}", MasterKey::generate(&random()).unwrap()), "MasterKey(..)");
    assert_eq!(format!("{:?}", keyring()), "Keyring(..)");
}
