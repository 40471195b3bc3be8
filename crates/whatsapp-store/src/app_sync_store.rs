use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use sea_orm::ConnectionTrait as _;
use wacore::appstate::hash::HashState;
use wacore::store::error::Result;
use wacore::store::traits::{AppStateSyncKey, AppSyncStore};
use wacore_appstate::processor::AppStateMutationMAC;
use zeroize::Zeroizing;

use crate::SqlBackend;
use crate::error::Error;
use crate::sealing::{KeyPart, SYNC_KEY};
use crate::statement::{insert_rows, over_list, values};

#[async_trait]
impl AppSyncStore for SqlBackend {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        let stored = self
            .query_sealed(
                &SYNC_KEY,
                &[KeyPart::Bytes(key_id)],
                "SELECT sync_key FROM wa_sync_key WHERE instance_id = $1 AND key_id = $2",
                values![self.instance, key_id],
            )
            .await?;
        let Some(stored) = stored.map(Zeroizing::new) else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&stored).map_err(Error::from)?))
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        let plain = Zeroizing::new(serde_json::to_vec(&key).map_err(Error::from)?);
        let sealed = self.seal(&SYNC_KEY, &[KeyPart::Bytes(key_id)], &plain)?;
        self.write_one(
            "INSERT INTO wa_sync_key (instance_id, key_id, sync_key, seq)
             SELECT $1, $2, $3, COALESCE(MAX(seq), 0) + 1 FROM wa_sync_key WHERE instance_id = $1
             ON CONFLICT (instance_id, key_id)
             DO UPDATE SET sync_key = excluded.sync_key, seq = excluded.seq",
            values![self.instance, key_id, sealed],
        )
        .await?;
        Ok(())
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        let row = self
            .query_one(
                "SELECT state FROM wa_sync_version WHERE instance_id = $1 AND name = $2",
                values![self.instance, name],
            )
            .await?;
        let Some(row) = row else { return Ok(HashState::default()) };
        let state: String = row.try_get_by_index(0).map_err(Error::from)?;
        Ok(serde_json::from_str(&state).map_err(Error::from)?)
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        let state = serde_json::to_string(&state).map_err(Error::from)?;
        self.write_one(
            "INSERT INTO wa_sync_version (instance_id, name, state) VALUES ($1, $2, $3)
             ON CONFLICT (instance_id, name) DO UPDATE SET state = excluded.state",
            values![self.instance, name, state],
        )
        .await?;
        Ok(())
    }

    async fn put_mutation_macs(
        &self,
        name: &str,
        version: u64,
        mutations: &[AppStateMutationMAC],
    ) -> Result<()> {
        let version = i64::try_from(version).map_err(|_| Error::Length)?;
        let macs: BTreeMap<&[u8], &[u8]> =
            mutations.iter().map(|mac| (&*mac.index_mac, &*mac.value_mac)).collect();
        let rows = macs
            .into_iter()
            .map(|(index, value)| values![self.instance, name, index, value, version]);
        self.write(insert_rows(
            self.backend(),
            "wa_mutation_mac (instance_id, name, index_mac, value_mac, version)",
            "ON CONFLICT (instance_id, name, index_mac)
             DO UPDATE SET value_mac = excluded.value_mac, version = excluded.version",
            rows,
        ))
        .await?;
        Ok(())
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        let row = self
            .query_one(
                "SELECT value_mac FROM wa_mutation_mac
                 WHERE instance_id = $1 AND name = $2 AND index_mac = $3",
                values![self.instance, name, index_mac],
            )
            .await?;
        let mac = row.map(|row| row.try_get_by_index(0)).transpose();
        Ok(mac.map_err(Error::from)?)
    }

    async fn get_mutation_macs(
        &self,
        name: &str,
        index_macs: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let statements = over_list(
            self.backend(),
            "SELECT index_mac, value_mac FROM wa_mutation_mac
             WHERE instance_id = $1 AND name = $2 AND index_mac",
            &[self.instance.into(), name.into()],
            index_macs.iter().map(|index| index.to_vec().into()),
        );
        let mut found = HashMap::with_capacity(index_macs.len());
        for statement in statements {
            let rows = self.db.reader().query_all_raw(statement).await.map_err(Error::from)?;
            for row in rows {
                let index: Vec<u8> = row.try_get_by_index(0).map_err(Error::from)?;
                let value: Vec<u8> = row.try_get_by_index(1).map_err(Error::from)?;
                found.insert(index.try_into().map_err(|_| Error::Length)?, value);
            }
        }
        Ok(found)
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        self.write(over_list(
            self.backend(),
            "DELETE FROM wa_mutation_mac WHERE instance_id = $1 AND name = $2 AND index_mac",
            &[self.instance.into(), name.into()],
            index_macs.iter().map(|index| index.clone().into()),
        ))
        .await?;
        Ok(())
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        self.write_one(
            "DELETE FROM wa_mutation_mac WHERE instance_id = $1 AND name = $2",
            values![self.instance, name],
        )
        .await?;
        Ok(())
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        let row = self
            .query_one(
                "SELECT key_id FROM wa_sync_key WHERE instance_id = $1 ORDER BY seq DESC LIMIT 1",
                values![self.instance],
            )
            .await?;
        let key_id = row.map(|row| row.try_get_by_index(0)).transpose();
        Ok(key_id.map_err(Error::from)?)
    }
}
