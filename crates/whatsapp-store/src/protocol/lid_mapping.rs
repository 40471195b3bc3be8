//! Which LID belongs to which phone number.

use std::collections::BTreeMap;

use sea_orm::{QueryResult, Value};
use wacore::store::traits::LidPnMappingEntry;

use crate::SqlBackend;
use crate::error::Result;
use crate::statement::{insert_rows, values};

/// The library holds in memory all that it is given at the start, for ever; what it does not find
/// there it asks for one by one.
const WARM_UP: u32 = 2000;

impl SqlBackend {
    pub(crate) async fn find_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        Ok(self.select_mappings("AND lid = $2", values![self.instance, lid]).await?.pop())
    }

    pub(crate) async fn find_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        let latest = "AND phone_number = $2 ORDER BY updated_at DESC, created_at DESC LIMIT 1";
        Ok(self.select_mappings(latest, values![self.instance, phone]).await?.pop())
    }

    pub(crate) async fn list_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        let latest = format!("ORDER BY updated_at DESC LIMIT {WARM_UP}");
        self.select_mappings(&latest, values![self.instance]).await
    }

    pub(crate) async fn save_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        let entries: BTreeMap<&str, &LidPnMappingEntry> =
            entries.iter().map(|entry| (entry.lid.as_str(), entry)).collect();
        let rows = entries.into_values().map(|entry| {
            values![
                self.instance,
                entry.lid.as_str(),
                entry.phone_number.as_str(),
                entry.created_at,
                entry.updated_at,
                entry.learning_source.as_str()
            ]
        });
        self.write(insert_rows(
            self.backend(),
            "wa_lid_mapping
             (instance_id, lid, phone_number, created_at, updated_at, learning_source)",
            "ON CONFLICT (instance_id, lid) DO UPDATE SET phone_number = excluded.phone_number,
             created_at = excluded.created_at, updated_at = excluded.updated_at,
             learning_source = excluded.learning_source",
            rows,
        ))
        .await
        .map(drop)
    }

    async fn select_mappings(
        &self,
        which: &str,
        values: Vec<Value>,
    ) -> Result<Vec<LidPnMappingEntry>> {
        let sql = format!(
            "SELECT lid, phone_number, created_at, updated_at, learning_source
             FROM wa_lid_mapping WHERE instance_id = $1 {which}"
        );
        self.query_all(&sql, values).await?.iter().map(read).collect()
    }
}

fn read(row: &QueryResult) -> Result<LidPnMappingEntry> {
    Ok(LidPnMappingEntry {
        lid: row.try_get_by_index(0)?,
        phone_number: row.try_get_by_index(1)?,
        created_at: row.try_get_by_index(2)?,
        updated_at: row.try_get_by_index(3)?,
        learning_source: row.try_get_by_index(4)?,
    })
}
