//! Labels that an owner puts on chats (`WAWebLabelSync`, `WAWebLabelJidSync`).

use wacore_appstate::schemas::{LABEL_EDIT, LABEL_JID, Schema};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::sync_action_value::{LabelAssociationAction, LabelEditAction};

use super::{AppState, Patch, PatchError};

impl AppState {
    /// Makes a label, or gives one of this id another name and colour: a place in WhatsApp's palette.
    pub fn edit_label(
        &mut self,
        label: &str,
        name: &str,
        color: i32,
        timestamp_ms: i64,
    ) -> Result<Patch, PatchError> {
        let edit = LabelEditAction {
            name: Some(name.to_owned()),
            color: Some(color),
            deleted: Some(false),
            ..Default::default()
        };
        self.label(label, edit, timestamp_ms)
    }

    /// Deletes a label.
    pub fn delete_label(&mut self, label: &str, timestamp_ms: i64) -> Result<Patch, PatchError> {
        let edit = LabelEditAction { deleted: Some(true), ..Default::default() };
        self.label(label, edit, timestamp_ms)
    }

    fn label(
        &mut self,
        label: &str,
        edit: LabelEditAction,
        timestamp_ms: i64,
    ) -> Result<Patch, PatchError> {
        let value = wa::SyncActionValue {
            timestamp: Some(timestamp_ms),
            label_edit_action: MessageField::some(edit),
            ..Default::default()
        };
        self.act(&LABEL_EDIT, &[label], &value)
    }

    /// Puts a label on a chat, or takes it off.
    pub fn label_chat(
        &mut self,
        label: &str,
        chat: &str,
        labeled: bool,
        timestamp_ms: i64,
    ) -> Result<Patch, PatchError> {
        let association = LabelAssociationAction { labeled: Some(labeled), ..Default::default() };
        let value = wa::SyncActionValue {
            timestamp: Some(timestamp_ms),
            label_association_action: MessageField::some(association),
            ..Default::default()
        };
        self.act(&LABEL_JID, &[label, chat], &value)
    }

    fn act(
        &mut self,
        action: &Schema,
        of: &[&str],
        value: &wa::SyncActionValue,
    ) -> Result<Patch, PatchError> {
        let index: Vec<&str> = std::iter::once(action.name).chain(of.iter().copied()).collect();
        let index = serde_json::Value::from(index).to_string();
        let version = i32::try_from(action.version).unwrap_or(i32::MAX);
        self.write(action.collection.as_str(), index.as_bytes(), value, version)
    }
}
