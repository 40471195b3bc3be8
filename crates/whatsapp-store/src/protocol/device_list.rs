//! Which devices a user has.

use std::collections::BTreeMap;

use wacore::store::traits::DeviceListRecord;

use crate::SqlBackend;
use crate::error::Result;
use crate::statement::{insert_rows, values};

impl SqlBackend {
    pub(crate) async fn save_device_lists(&self, records: &[DeviceListRecord]) -> Result<()> {
        let records: BTreeMap<&str, &DeviceListRecord> =
            records.iter().map(|record| (record.user.as_str(), record)).collect();
        let mut rows = Vec::with_capacity(records.len());
        for (user, record) in records {
            rows.push(values![self.instance, user, serde_json::to_string(record)?]);
        }
        self.write(insert_rows(
            self.backend(),
            "wa_device_list (instance_id, user_part, record)",
            "ON CONFLICT (instance_id, user_part) DO UPDATE SET record = excluded.record",
            rows,
        ))
        .await
        .map(drop)
    }

    pub(crate) async fn find_device_list(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        let row = self
            .query_one(
                "SELECT record FROM wa_device_list WHERE instance_id = $1 AND user_part = $2",
                values![self.instance, user],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(serde_json::from_str(&row.try_get_by_index::<String>(0)?)?)
    }

    pub(crate) async fn remove_device_list(&self, user: &str) -> Result<()> {
        self.write_one(
            "DELETE FROM wa_device_list WHERE instance_id = $1 AND user_part = $2",
            values![self.instance, user],
        )
        .await
        .map(drop)
    }
}
