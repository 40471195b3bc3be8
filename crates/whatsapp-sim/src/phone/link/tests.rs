use wacore::adv::decode_key_index_list;
use wacore::companion_reg::CompanionWebClientType;
use wacore::pair::DeviceState;
use wacore::pair_code::PairCodeUtils;
use wacore_libsignal::protocol::KeyPair;

use super::*;

const DETAILS: DeviceDetails = DeviceDetails { raw_id: 7, key_index: 3, timestamp: 1_700_000_000 };

fn key_pair() -> KeyPair {
    KeyPair::generate(&mut rand::rng())
}

fn public(key: &KeyPair) -> [u8; 32] {
    key.public_key.public_key_bytes().try_into().unwrap()
}

fn companion(adv_secret: [u8; 32]) -> DeviceState {
    DeviceState { identity_key: key_pair(), noise_key: key_pair(), adv_secret_key: adv_secret }
}

#[test]
fn a_clients_qr_code_is_read_in_every_form() {
    let companion = companion([9; 32]);
    let text = PairUtils::make_qr_data(&companion, "2@ref", CompanionWebClientType::Chrome);
    let expected = Qr {
        reference: "2@ref".to_owned(),
        noise: public(&companion.noise_key),
        identity: public(&companion.identity_key),
        adv_secret: [9; 32],
    };
    for text in
        [text.clone(), format!(" {text}\n"), format!("{NATIVE_CAMERA_DEEP_LINK_PREFIX}{text}")]
    {
        assert_eq!(Qr::parse(&text).unwrap(), expected);
    }
}

#[test]
fn a_text_that_is_no_qr_code_is_refused() {
    for text in ["", "hello", "a,b,c,d,e", "ref,AAAA,AAAA,AAAA"] {
        assert!(matches!(Qr::parse(text), Err(LinkError::Qr)), "{text}");
    }
}

#[test]
fn a_companion_accepts_the_signed_identity_and_the_phone_its_countersignature() {
    let account = key_pair();
    let companion = companion([1; 32]);
    let identity = public(&companion.identity_key);
    let signed = sign_device(&account, &[1; 32], &identity, DETAILS).unwrap();

    let (countersigned, key_index) = PairUtils::do_pair_crypto(&companion, &signed).unwrap();

    assert_eq!(key_index, 3);
    check_countersigned(&countersigned, &identity, &public(&account)).unwrap();
    let other = public(&key_pair());
    assert!(matches!(
        check_countersigned(&countersigned, &other, &public(&account)),
        Err(LinkError::Signature)
    ));
}

#[test]
fn a_companion_refuses_an_identity_under_another_secret() {
    let companion = companion([1; 32]);
    let signed =
        sign_device(&key_pair(), &[2; 32], &public(&companion.identity_key), DETAILS).unwrap();
    let refusal = PairUtils::do_pair_crypto(&companion, &signed).unwrap_err();
    assert_eq!((refusal.code, refusal.text), (401, "hmac-mismatch"));
}

#[test]
fn the_list_of_key_indexes_is_what_a_client_decodes() {
    let indexes = KeyIndexes { raw_id: 7, timestamp: 5, current: 4, valid: vec![1, 4] };
    let list = decode_key_index_list(&sign_key_indexes(&key_pair(), indexes).unwrap()).unwrap();
    assert_eq!((list.raw_id, list.timestamp, list.current_index), (7, 5, 4));
    assert_eq!(list.valid_indexes, [1, 4]);
}

/// The companion's side of a code pairing up to its finish: what it sends, and the secret it keeps.
struct CompanionFinish {
    wrapped_bundle: Vec<u8>,
    adv_secret: [u8; 32],
}

fn companion_finish(
    code: &str,
    ephemeral: &KeyPair,
    identity: &KeyPair,
    phone: &LinkCode,
    account: &KeyPair,
) -> CompanionFinish {
    let primary =
        PairCodeUtils::decrypt_primary_ephemeral_pub(phone.wrapped_ephemeral(), code).unwrap();
    let (wrapped_bundle, adv_secret) =
        PairCodeUtils::prepare_key_bundle(ephemeral, &primary, &public(account), identity).unwrap();
    CompanionFinish { wrapped_bundle, adv_secret }
}

#[test]
fn phone_and_companion_agree_on_a_secret_by_the_code() {
    let (account, identity, ephemeral) = (key_pair(), key_pair(), key_pair());
    let hello = PairCodeUtils::encrypt_ephemeral_pub(&public(&ephemeral), "ABCD1234");
    let phone = LinkCode::enter("abcd-1234", &hello).unwrap();
    let finish = companion_finish("ABCD1234", &ephemeral, &identity, &phone, &account);

    let secret = phone.finish(&account, &public(&identity), &finish.wrapped_bundle).unwrap();

    assert_eq!(secret, finish.adv_secret);
    let exchanged = phone.finish(&account, &public(&key_pair()), &finish.wrapped_bundle);
    assert!(matches!(exchanged, Err(LinkError::WrongCode)));
}

#[test]
fn a_wrong_code_does_not_open_the_companions_bundle() {
    let (account, identity, ephemeral) = (key_pair(), key_pair(), key_pair());
    let hello = PairCodeUtils::encrypt_ephemeral_pub(&public(&ephemeral), "ABCD1234");
    let phone = LinkCode::enter("ABCD1235", &hello).unwrap();
    let finish = companion_finish("ABCD1234", &ephemeral, &identity, &phone, &account);

    let refused = phone.finish(&account, &public(&identity), &finish.wrapped_bundle);

    assert!(matches!(refused, Err(LinkError::WrongCode)));
}

#[test]
fn what_cannot_be_a_code_is_refused() {
    for code in ["", "ABCD", "ABCD-12345", "ABCD-123O"] {
        assert!(matches!(LinkCode::enter(code, &[0; 80]), Err(LinkError::Code)), "{code}");
    }
}
