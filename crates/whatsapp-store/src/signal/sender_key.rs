use std::collections::BTreeMap;

use crate::SqlBackend;
use crate::error::Result;
use crate::key_text::key_text;
use crate::sealing::{KeyPart, SENDER_KEY};
use crate::statement::{Rows, values};

impl SqlBackend {
    pub(crate) async fn save_sender_keys<'a>(
        &self,
        sender_keys: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<()> {
        // Peers name the group in the messages that carry their keys.
        let sender_keys: BTreeMap<_, &[u8]> =
            sender_keys.map(|(address, record)| (key_text(address), record)).collect();
        let mut rows = Vec::with_capacity(sender_keys.len());
        for (address, record) in sender_keys {
            let sealed = self.seal(&SENDER_KEY, &[KeyPart::Text(&address)], record)?;
            rows.push(values![self.instance, &*address, sealed]);
        }
        self.write_signal(Rows::new(
            "wa_sender_key (instance_id, address, record)",
            "ON CONFLICT (instance_id, address) DO UPDATE SET record = excluded.record",
            rows,
        ))
        .await
    }

    pub(crate) async fn find_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        let address = &*key_text(address);
        self.query_sealed(
            &SENDER_KEY,
            &[KeyPart::Text(address)],
            "SELECT record FROM wa_sender_key WHERE instance_id = $1 AND address = $2",
            values![self.instance, address],
        )
        .await
    }

    pub(crate) async fn remove_sender_key(&self, address: &str) -> Result<()> {
        self.write_signal_one(
            "DELETE FROM wa_sender_key WHERE instance_id = $1 AND address = $2",
            values![self.instance, &*key_text(address)],
        )
        .await
    }
}
