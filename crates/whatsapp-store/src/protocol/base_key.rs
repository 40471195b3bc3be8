//! Base keys of sessions, kept while a retry is under way to notice that a session was not renewed.

use crate::SqlBackend;
use crate::error::Result;
use crate::key_text::key_text;
use crate::statement::values;

impl SqlBackend {
    pub(crate) async fn put_base_key(
        &self,
        address: &str,
        message_id: &str,
        base_key: &[u8],
    ) -> Result<()> {
        self.write_one(
            "INSERT INTO wa_base_key (instance_id, address, message_id, base_key)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (instance_id, address, message_id)
             DO UPDATE SET base_key = excluded.base_key",
            values![self.instance, address, &*key_text(message_id), base_key],
        )
        .await
        .map(drop)
    }

    pub(crate) async fn is_base_key(
        &self,
        address: &str,
        message_id: &str,
        base_key: &[u8],
    ) -> Result<bool> {
        let row = self
            .query_one(
                "SELECT 1 FROM wa_base_key WHERE instance_id = $1 AND address = $2
                 AND message_id = $3 AND base_key = $4",
                values![self.instance, address, &*key_text(message_id), base_key],
            )
            .await?;
        Ok(row.is_some())
    }

    pub(crate) async fn remove_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        self.write_one(
            "DELETE FROM wa_base_key
             WHERE instance_id = $1 AND address = $2 AND message_id = $3",
            values![self.instance, address, &*key_text(message_id)],
        )
        .await
        .map(drop)
    }
}
