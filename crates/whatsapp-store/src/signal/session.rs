use std::collections::BTreeMap;

use super::address::user_part;
use crate::SqlBackend;
use crate::error::Result;
use crate::known_addresses::Kind;
use crate::sealing::{KeyPart, SESSION};
use crate::statement::{Rows, values};

impl SqlBackend {
    pub(crate) async fn save_sessions<'a>(
        &self,
        sessions: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<()> {
        let sessions: BTreeMap<&str, &[u8]> = sessions.collect();
        let mut rows = Vec::with_capacity(sessions.len());
        for (address, record) in sessions {
            self.addresses.note(Kind::Session, address);
            let sealed = self.seal(&SESSION, &[KeyPart::Text(address)], record)?;
            rows.push(values![self.instance, address, user_part(address), sealed]);
        }
        self.write_signal(Rows::new(
            "wa_session (instance_id, address, user_part, record)",
            "ON CONFLICT (instance_id, address) DO UPDATE SET record = excluded.record",
            rows,
        ))
        .await
    }

    pub(crate) async fn find_session(&self, address: &str) -> Result<Option<Vec<u8>>> {
        if self.is_ruled_out(Kind::Session, address) {
            return Ok(None);
        }
        let record = self
            .query_sealed(
                &SESSION,
                &[KeyPart::Text(address)],
                "SELECT record FROM wa_session WHERE instance_id = $1 AND address = $2",
                values![self.instance, address],
            )
            .await?;
        if record.is_none() {
            self.learn_addresses().await?;
        }
        Ok(record)
    }

    pub(crate) async fn contains_session(&self, address: &str) -> Result<bool> {
        if self.is_ruled_out(Kind::Session, address) {
            return Ok(false);
        }
        let row = self
            .query_one(
                "SELECT 1 FROM wa_session WHERE instance_id = $1 AND address = $2",
                values![self.instance, address],
            )
            .await?;
        if row.is_none() {
            self.learn_addresses().await?;
        }
        Ok(row.is_some())
    }

    pub(crate) async fn remove_session(&self, address: &str) -> Result<()> {
        self.write_signal_one(
            "DELETE FROM wa_session WHERE instance_id = $1 AND address = $2",
            values![self.instance, address],
        )
        .await
    }
}
