use std::collections::BTreeMap;

use super::address::user_part;
use crate::SqlBackend;
use crate::error::{Error, Result};
use crate::known_addresses::Kind;
use crate::statement::{Rows, values};

impl SqlBackend {
    pub(crate) async fn save_identities<'a>(
        &self,
        identities: impl Iterator<Item = (&'a str, [u8; 32])>,
    ) -> Result<()> {
        // Sorted and without repeats, as every batch: two batches then never wait for each other
        // in a circle, and no statement meets a row twice.
        let identities: BTreeMap<&str, [u8; 32]> = identities.collect();
        for address in identities.keys() {
            self.addresses.note(Kind::Identity, address);
        }
        let rows = identities.iter().map(|(address, key)| {
            values![self.instance, *address, user_part(address), key.to_vec()]
        });
        self.write_signal(Rows::new(
            "wa_identity (instance_id, address, user_part, public_key)",
            "ON CONFLICT (instance_id, address) DO UPDATE SET public_key = excluded.public_key",
            rows,
        ))
        .await
    }

    pub(crate) async fn find_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        if self.is_ruled_out(Kind::Identity, address) {
            return Ok(None);
        }
        let row = self
            .query_one(
                "SELECT public_key FROM wa_identity WHERE instance_id = $1 AND address = $2",
                values![self.instance, address],
            )
            .await?;
        let Some(row) = row else {
            self.learn_addresses().await?;
            return Ok(None);
        };
        let key: Vec<u8> = row.try_get_by_index(0)?;
        key.try_into().map(Some).map_err(|_| Error::Length)
    }

    pub(crate) async fn remove_identity(&self, address: &str) -> Result<()> {
        self.write_signal_one(
            "DELETE FROM wa_identity WHERE instance_id = $1 AND address = $2",
            values![self.instance, address],
        )
        .await
    }
}
