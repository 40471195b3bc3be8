//! One-time prekeys and signed prekeys.

use std::collections::{BTreeMap, HashMap};

use sea_orm::ConnectionTrait as _;

use crate::SqlBackend;
use crate::error::Result;
use crate::sealing::{KeyPart, PREKEY, SIGNED_PREKEY};
use crate::statement::{Rows, over_list, values};

fn key(id: u32) -> [KeyPart<'static>; 1] {
    [KeyPart::Number(id.into())]
}

impl SqlBackend {
    pub(crate) async fn save_prekeys<'a>(
        &self,
        prekeys: impl Iterator<Item = (u32, &'a [u8])>,
        uploaded: bool,
    ) -> Result<()> {
        let prekeys: BTreeMap<u32, &[u8]> = prekeys.collect();
        let mut rows = Vec::with_capacity(prekeys.len());
        for (id, record) in prekeys {
            let sealed = self.seal(&PREKEY, &key(id), record)?;
            rows.push(values![self.instance, i64::from(id), sealed, uploaded]);
        }
        self.write_signal(Rows::new(
            "wa_prekey (instance_id, id, record, uploaded)",
            "ON CONFLICT (instance_id, id)
             DO UPDATE SET record = excluded.record, uploaded = excluded.uploaded",
            rows,
        ))
        .await
    }

    pub(crate) async fn find_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.query_sealed(
            &PREKEY,
            &key(id),
            "SELECT record FROM wa_prekey WHERE instance_id = $1 AND id = $2",
            values![self.instance, i64::from(id)],
        )
        .await
    }

    /// Those that exist, in the order asked for.
    pub(crate) async fn find_prekeys(&self, ids: &[u32]) -> Result<Vec<(u32, Vec<u8>)>> {
        let statements = over_list(
            self.backend(),
            "SELECT id, record FROM wa_prekey WHERE instance_id = $1 AND id",
            &[self.instance.into()],
            ids.iter().map(|id| i64::from(*id).into()),
        );
        let mut found: HashMap<i64, Vec<u8>> = HashMap::new();
        for statement in statements {
            for row in self.db.reader().query_all_raw(statement).await? {
                found.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            }
        }
        ids.iter()
            .filter_map(|id| Some((*id, found.get(&i64::from(*id))?)))
            .map(|(id, sealed)| Ok((id, self.open_plain(&PREKEY, &key(id), sealed)?)))
            .collect()
    }

    /// Never makes a row: a key that was used up meanwhile stays used up.
    pub(crate) async fn mark_uploaded(&self, ids: &[u32]) -> Result<()> {
        self.write_signal(over_list(
            self.backend(),
            "UPDATE wa_prekey SET uploaded = TRUE WHERE instance_id = $1 AND id",
            &[self.instance.into()],
            ids.iter().map(|id| i64::from(*id).into()),
        ))
        .await
    }

    pub(crate) async fn discard_prekey(&self, id: u32) -> Result<()> {
        self.write_signal_one(
            "DELETE FROM wa_prekey WHERE instance_id = $1 AND id = $2",
            values![self.instance, i64::from(id)],
        )
        .await
    }

    pub(crate) async fn highest_prekey_id(&self) -> Result<u32> {
        let row = self
            .query_one(
                "SELECT COALESCE(MAX(id), 0) FROM wa_prekey WHERE instance_id = $1",
                values![self.instance],
            )
            .await?;
        let highest: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        u32::try_from(highest).map_err(|_| crate::Error::Length)
    }

    pub(crate) async fn save_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        let sealed = self.seal(&SIGNED_PREKEY, &key(id), record)?;
        self.write_signal_one(
            "INSERT INTO wa_signed_prekey (instance_id, id, record) VALUES ($1, $2, $3)
             ON CONFLICT (instance_id, id) DO UPDATE SET record = excluded.record",
            values![self.instance, i64::from(id), sealed],
        )
        .await
    }

    pub(crate) async fn find_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.query_sealed(
            &SIGNED_PREKEY,
            &key(id),
            "SELECT record FROM wa_signed_prekey WHERE instance_id = $1 AND id = $2",
            values![self.instance, i64::from(id)],
        )
        .await
    }

    pub(crate) async fn list_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let rows = self
            .query_all(
                "SELECT id, record FROM wa_signed_prekey WHERE instance_id = $1 ORDER BY id",
                values![self.instance],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let id: i64 = row.try_get_by_index(0)?;
                let id = u32::try_from(id).map_err(|_| crate::Error::Length)?;
                let sealed: Vec<u8> = row.try_get_by_index(1)?;
                Ok((id, self.open_plain(&SIGNED_PREKEY, &key(id), &sealed)?))
            })
            .collect()
    }

    pub(crate) async fn discard_signed_prekey(&self, id: u32) -> Result<()> {
        self.write_signal_one(
            "DELETE FROM wa_signed_prekey WHERE instance_id = $1 AND id = $2",
            values![self.instance, i64::from(id)],
        )
        .await
    }
}
