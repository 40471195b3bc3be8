use wacore::types::call::{CallAction, IncomingCall as LibraryCall};
use wharf_domain::ports::IncomingCall;

use super::address::{Aliases, from_library};

/// The addresses in a call whose other half did not come with it.
pub(crate) fn addresses_of_call(call: &LibraryCall) -> Vec<wacore_binary::Jid> {
    vec![caller(call).0.clone()]
}

/// A call that rings, in our words.
pub(crate) fn call(call: &LibraryCall, aliases: &Aliases) -> Option<IncomingCall> {
    let (is_group, is_video) = match &call.action {
        CallAction::Offer { group_jid, is_video, .. } => {
            (group_jid.is_some() || call.group.is_some(), *is_video)
        }
        CallAction::OfferNotice { is_group, is_video, .. } => (*is_group, *is_video),
        _ => return None,
    };
    let (from, alternative) = caller(call);
    let name = call.notify.clone().filter(|name| !name.is_empty());
    Some(IncomingCall {
        id: call.action.call_id().to_owned(),
        from: aliases.party(from_library(from)?, alternative, name),
        creator: from_library(call.action.call_creator())?,
        is_group,
        is_video,
        timestamp: call.timestamp,
    })
}

/// Who calls, and under which other address. The stanza comes from the caller, or from the group it is a call of.
fn caller(call: &LibraryCall) -> (&wacore_binary::Jid, Option<&wacore_binary::Jid>) {
    let alternative = match &call.action {
        CallAction::Offer { caller_pn, .. } => caller_pn.as_ref(),
        _ => None,
    };
    (call.action.call_creator(), alternative)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn offer(creator: &str, caller_pn: Option<&str>, group: Option<&str>) -> LibraryCall {
        let action = CallAction::Offer {
            call_id: "CALL1".to_owned(),
            call_creator: creator.parse().unwrap(),
            caller_pn: caller_pn.map(|jid| jid.parse().unwrap()),
            caller_country_code: None,
            device_class: None,
            joinable: false,
            is_video: true,
            audio: Vec::new(),
            group_jid: group.map(|jid| jid.parse().unwrap()),
        };
        let from = group.unwrap_or(creator).parse().unwrap();
        LibraryCall::new_for_test(from, "1".to_owned(), DateTime::UNIX_EPOCH, action)
    }

    #[test]
    fn who_calls_is_told_by_phone_number() {
        let table = [
            ("5511999990001:3@s.whatsapp.net", None),
            ("123:3@lid", Some("5511999990001@s.whatsapp.net")),
        ];
        for (creator, caller_pn) in table {
            let told = call(&offer(creator, caller_pn, None), &Aliases::default()).unwrap();
            assert_eq!(told.from.jid.user(), "5511999990001", "{creator}");
            assert!(!told.is_group && told.is_video);
        }
        let mut aliases = Aliases::default();
        aliases.add("5511999990001", "123");
        let told = call(&offer("123:3@lid", None, None), &aliases).unwrap();
        assert_eq!((told.from.jid.user(), told.creator.user()), ("5511999990001", "123"));
    }

    #[test]
    fn a_call_of_a_group_is_from_whoever_made_it() {
        let group = Some("120363000000000001@g.us");
        let told = call(&offer("5511999990001@s.whatsapp.net", None, group), &Aliases::default());
        let told = told.unwrap();
        assert_eq!((told.from.jid.user(), told.is_group), ("5511999990001", true));
    }

    #[test]
    fn what_follows_a_call_is_none() {
        let mut end = offer("123@lid", None, None);
        end.action = CallAction::Terminate {
            call_id: "CALL1".to_owned(),
            call_creator: "123@lid".parse().unwrap(),
            reason: None,
            duration: None,
            audio_duration: None,
        };
        assert_eq!(call(&end, &Aliases::default()), None);
    }
}
