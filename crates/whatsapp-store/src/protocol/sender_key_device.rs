//! Which devices of a group have our sender key.

use std::collections::BTreeMap;

use crate::SqlBackend;
use crate::error::Result;
use crate::statement::{insert_rows, over_list, values};

impl SqlBackend {
    pub(crate) async fn list_sender_key_devices(&self, group: &str) -> Result<Vec<(String, bool)>> {
        let rows = self
            .query_all(
                "SELECT device_jid, has_key FROM wa_sender_key_device
                 WHERE instance_id = $1 AND group_jid = $2",
                values![self.instance, group],
            )
            .await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }

    pub(crate) async fn save_sender_key_status(
        &self,
        group: &str,
        entries: &[(&str, bool)],
    ) -> Result<()> {
        let entries: BTreeMap<&str, bool> = entries.iter().copied().collect();
        let rows = entries
            .into_iter()
            .map(|(device, has_key)| values![self.instance, group, device, has_key]);
        self.write(insert_rows(
            self.backend(),
            "wa_sender_key_device (instance_id, group_jid, device_jid, has_key)",
            "ON CONFLICT (instance_id, group_jid, device_jid)
             DO UPDATE SET has_key = excluded.has_key",
            rows,
        ))
        .await
        .map(drop)
    }

    pub(crate) async fn remove_sender_key_group(&self, group: &str) -> Result<()> {
        self.write_one(
            "DELETE FROM wa_sender_key_device WHERE instance_id = $1 AND group_jid = $2",
            values![self.instance, group],
        )
        .await
        .map(drop)
    }

    pub(crate) async fn remove_sender_key_rows(&self, devices: &[&str]) -> Result<()> {
        self.write(over_list(
            self.backend(),
            "DELETE FROM wa_sender_key_device WHERE instance_id = $1 AND device_jid",
            &[self.instance.into()],
            devices.iter().map(|device| (*device).into()),
        ))
        .await
        .map(drop)
    }

    pub(crate) async fn remove_all_sender_key_devices(&self) -> Result<()> {
        self.write_one(
            "DELETE FROM wa_sender_key_device WHERE instance_id = $1",
            values![self.instance],
        )
        .await
        .map(drop)
    }
}
