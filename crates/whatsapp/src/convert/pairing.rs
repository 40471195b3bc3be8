use wacore::types::events::Event;
use wharf_domain::{instance::Profile, pairing::QrCode, ports::SessionEvent};

use super::address::from_library;

/// An event about a pairing in our words.
pub(crate) fn pairing(event: &Event) -> Option<SessionEvent> {
    Some(match event {
        Event::PairingQrCode(qr) => {
            SessionEvent::Qr { code: QrCode::new(qr.code.clone()), valid_for: qr.timeout }
        }
        Event::PairSuccess(success) => {
            let business_name = Some(success.business_name.clone()).filter(|name| !name.is_empty());
            let profile = Profile {
                jid: from_library(&success.id),
                lid: from_library(&success.lid),
                name: None,
                business_name,
                picture_url: None,
            };
            SessionEvent::Paired { profile, platform: success.platform.clone() }
        }
        Event::PairError(error) => SessionEvent::PairingFailed(error.error.clone()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wacore::types::events::{PairSuccess, PairingQrCode};

    use super::*;

    #[test]
    fn an_accepted_device_knows_whose_it_is() {
        let success = PairSuccess::builder()
            .id("5511999990001:3@s.whatsapp.net".parse().unwrap())
            .lid("123:3@lid".parse().unwrap())
            .business_name(String::new())
            .platform("android".to_owned())
            .build();
        let Some(SessionEvent::Paired { profile, platform }) =
            pairing(&Event::PairSuccess(success))
        else {
            panic!("not told")
        };
        assert_eq!(profile.jid.unwrap().to_string(), "5511999990001@s.whatsapp.net");
        assert_eq!(profile.lid.unwrap().to_string(), "123@lid");
        assert_eq!((profile.business_name, platform.as_str()), (None, "android"));
    }

    #[test]
    fn a_code_says_how_long_it_is_good_for() {
        let qr = PairingQrCode::builder()
            .code("2@ref".to_owned())
            .timeout(Duration::from_secs(20))
            .build();
        let Some(SessionEvent::Qr { code, valid_for }) = pairing(&Event::PairingQrCode(qr)) else {
            panic!("not told")
        };
        assert_eq!((code.as_str(), valid_for), ("2@ref", Duration::from_secs(20)));
    }
}
