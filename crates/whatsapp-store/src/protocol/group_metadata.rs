//! Snapshots of groups, opaque to us.

use crate::SqlBackend;
use crate::error::Result;
use crate::statement::values;

impl SqlBackend {
    pub(crate) async fn find_group_metadata(&self, group: &str) -> Result<Option<Vec<u8>>> {
        let row = self
            .query_one(
                "SELECT metadata FROM wa_group_metadata
                 WHERE instance_id = $1 AND group_jid = $2",
                values![self.instance, group],
            )
            .await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    pub(crate) async fn save_group_metadata(&self, group: &str, metadata: &[u8]) -> Result<()> {
        self.write_one(
            "INSERT INTO wa_group_metadata (instance_id, group_jid, metadata) VALUES ($1, $2, $3)
             ON CONFLICT (instance_id, group_jid) DO UPDATE SET metadata = excluded.metadata",
            values![self.instance, group, metadata],
        )
        .await
        .map(drop)
    }

    pub(crate) async fn remove_group_metadata(&self, group: &str) -> Result<()> {
        self.write_one(
            "DELETE FROM wa_group_metadata WHERE instance_id = $1 AND group_jid = $2",
            values![self.instance, group],
        )
        .await
        .map(drop)
    }
}
