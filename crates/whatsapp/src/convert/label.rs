use wacore::types::events::{LabelAssociationUpdate, LabelEditUpdate};
use wharf_domain::{
    event::EventKey,
    label::{LabelAction, LabelChange},
};

use super::{
    address::{Aliases, from_library},
    key,
};

/// A label that was made, changed or deleted, in our words.
pub(crate) fn label(update: &LabelEditUpdate) -> (EventKey, LabelChange) {
    let (name, color) = (update.action.name.clone(), update.action.color);
    let action = if update.action.deleted.unwrap_or(false) {
        LabelAction::Deleted { name, color }
    } else {
        LabelAction::Edited { name: name.unwrap_or_default(), color: color.unwrap_or_default() }
    };
    let (label, timestamp) = (update.label_id.clone(), update.timestamp);
    // Devices tell all labels again and again, each with the time of its last change.
    let name = format!("edit|{label}|{}", timestamp.timestamp_millis());
    (key::bounded("label", name), LabelChange { label, action, timestamp })
}

/// A label that was put on a chat or taken off it, in our words.
pub(crate) fn labeled(
    update: &LabelAssociationUpdate,
    aliases: &Aliases,
) -> Option<(EventKey, LabelChange)> {
    let chat = aliases.party(from_library(&update.chat_jid)?, None, None);
    let labeled = update.action.labeled.unwrap_or(false);
    let (label, timestamp) = (update.label_id.clone(), update.timestamp);
    let place = update.chat_jid.to_non_ad_string();
    let name = format!("chat|{label}|{place}|{labeled}|{}", timestamp.timestamp_millis());
    let action = LabelAction::Chat { chat, labeled };
    Some((key::bounded("label", name), LabelChange { label, action, timestamp }))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use waproto::whatsapp::sync_action_value::{LabelAssociationAction, LabelEditAction};

    use super::*;

    fn edit(name: Option<&str>, color: Option<i32>, deleted: Option<bool>) -> LabelEditUpdate {
        let action = LabelEditAction {
            name: name.map(str::to_owned),
            color,
            deleted,
            ..LabelEditAction::default()
        };
        LabelEditUpdate::builder()
            .label_id("7".to_owned())
            .timestamp(DateTime::from_timestamp_millis(1_700_000_000_123).unwrap())
            .action(Box::new(action))
            .from_full_sync(true)
            .build()
    }

    #[test]
    fn labels_are_edited_or_deleted_and_known_again_by_the_time_of_the_change() {
        let (key, change) = label(&edit(Some("Pago"), Some(3), None));
        assert_eq!(key.0, "label|edit|7|1700000000123");
        assert_eq!(change.action, LabelAction::Edited { name: "Pago".to_owned(), color: 3 });
        let (_, change) = label(&edit(None, None, Some(true)));
        assert_eq!(change.action, LabelAction::Deleted { name: None, color: None });
    }

    #[test]
    fn a_labeled_chat_goes_by_its_phone_number() {
        let put = |labeled| {
            LabelAssociationUpdate::builder()
                .label_id("7".to_owned())
                .chat_jid("123@lid".parse().unwrap())
                .timestamp(DateTime::from_timestamp_millis(5).unwrap())
                .action(Box::new(LabelAssociationAction {
                    labeled: Some(labeled),
                    ..LabelAssociationAction::default()
                }))
                .from_full_sync(false)
                .build()
        };
        let mut aliases = Aliases::default();
        aliases.add("5511999990001", "123");
        let (on, change) = labeled(&put(true), &aliases).unwrap();
        let LabelAction::Chat { chat, labeled: true } = change.action else { panic!("{change:?}") };
        assert_eq!(chat.jid.to_string(), "5511999990001@s.whatsapp.net");
        let (off, _) = labeled(&put(false), &aliases).unwrap();
        assert_ne!(on, off);
        assert_eq!(off.0, "label|chat|7|123@lid|false|5");
    }
}
