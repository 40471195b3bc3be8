//! Privacy tokens of contacts, which go along with what is sent to them.

use sea_orm::{QueryResult, Value};
use wacore::store::traits::TcTokenEntry;

use super::tc_token_cache::Lookup;
use crate::SqlBackend;
use crate::backend::write;
use crate::error::Result;
use crate::statement::values;

impl SqlBackend {
    pub(crate) async fn find_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        let generation = match self.tc_tokens.find(jid) {
            Lookup::Known(entry) => return Ok(entry),
            Lookup::Unknown(generation) => generation,
        };
        let row = self
            .query_one(
                "SELECT token, token_timestamp, sender_timestamp FROM wa_tc_token
                 WHERE instance_id = $1 AND jid = $2",
                values![self.instance, jid],
            )
            .await?;
        let entry = row.as_ref().map(read).transpose()?;
        self.tc_tokens.keep(jid, entry.as_ref(), generation);
        Ok(entry)
    }

    pub(crate) async fn save_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        self.write_tc_token(
            Some(jid),
            "INSERT INTO wa_tc_token
             (instance_id, jid, token, token_timestamp, sender_timestamp)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (instance_id, jid) DO UPDATE SET token = excluded.token,
             token_timestamp = excluded.token_timestamp,
             sender_timestamp = excluded.sender_timestamp",
            values![
                self.instance,
                jid,
                entry.token.as_slice(),
                entry.token_timestamp,
                entry.sender_timestamp
            ],
        )
        .await
        .map(drop)
    }

    /// Keeps the token itself; the stored time only moves forward.
    pub(crate) async fn advance_tc_token_sender(&self, jid: &str, timestamp: i64) -> Result<()> {
        self.write_tc_token(
            Some(jid),
            "INSERT INTO wa_tc_token
             (instance_id, jid, token, token_timestamp, sender_timestamp)
             VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (instance_id, jid) DO UPDATE SET sender_timestamp = CASE
             WHEN wa_tc_token.sender_timestamp > excluded.sender_timestamp
                 THEN wa_tc_token.sender_timestamp
             ELSE excluded.sender_timestamp END",
            values![self.instance, jid, Vec::<u8>::new(), timestamp],
        )
        .await
        .map(drop)
    }

    /// Keeps the sender's time; an older token does not replace a newer one, only a placeholder.
    pub(crate) async fn receive_tc_token(
        &self,
        jid: &str,
        token: &[u8],
        timestamp: i64,
    ) -> Result<()> {
        self.write_tc_token(
            Some(jid),
            "INSERT INTO wa_tc_token (instance_id, jid, token, token_timestamp)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (instance_id, jid) DO UPDATE SET token = excluded.token,
             token_timestamp = excluded.token_timestamp
             WHERE length(wa_tc_token.token) = 0
             OR excluded.token_timestamp >= wa_tc_token.token_timestamp",
            values![self.instance, jid, token, timestamp],
        )
        .await
        .map(drop)
    }

    pub(crate) async fn remove_tc_token(&self, jid: &str) -> Result<()> {
        self.write_tc_token(
            Some(jid),
            "DELETE FROM wa_tc_token WHERE instance_id = $1 AND jid = $2",
            values![self.instance, jid],
        )
        .await
        .map(drop)
    }

    pub(crate) async fn list_tc_token_jids(&self) -> Result<Vec<String>> {
        let rows = self
            .query_all("SELECT jid FROM wa_tc_token WHERE instance_id = $1", values![self.instance])
            .await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    pub(crate) async fn remove_stale_tc_tokens(
        &self,
        token_cutoff: i64,
        sender_cutoff: i64,
    ) -> Result<u64> {
        self.write_tc_token(
            None,
            "DELETE FROM wa_tc_token WHERE instance_id = $1
             AND (length(token) = 0 OR token_timestamp < $2)
             AND (sender_timestamp IS NULL OR sender_timestamp < $3)",
            values![self.instance, token_cutoff, sender_cutoff],
        )
        .await
    }

    /// Writes and keeps the cache true, even when the caller goes away half-way.
    async fn write_tc_token(
        &self,
        jid: Option<&str>,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<u64> {
        let statement = self.statement(sql, values);
        let (db, cache, jid) = (self.db.clone(), self.tc_tokens.clone(), jid.map(str::to_owned));
        let writing = tokio::spawn(async move {
            cache.forget(jid.as_deref());
            let written = write(&db, vec![statement]).await;
            cache.forget(jid.as_deref());
            written
        });
        match writing.await {
            Ok(written) => written,
            Err(_) => Err(wharf_sql::Error::Closed.into()),
        }
    }
}

fn read(row: &QueryResult) -> Result<TcTokenEntry> {
    Ok(TcTokenEntry {
        token: row.try_get_by_index(0)?,
        token_timestamp: row.try_get_by_index(1)?,
        sender_timestamp: row.try_get_by_index(2)?,
    })
}
