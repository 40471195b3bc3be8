//! What we sent lately, for peers that ask for it again.

use futures::FutureExt as _;
use sea_orm::ConnectionTrait as _;

use crate::SqlBackend;
use crate::error::{Error, Result};
use crate::key_text::key_text;
use crate::sealing::{KeyPart, SENT_MESSAGE};
use crate::statement::values;

fn key<'a>(chat: &'a str, id: &'a str) -> [KeyPart<'a>; 2] {
    [KeyPart::Text(chat), KeyPart::Text(id)]
}

impl SqlBackend {
    pub(crate) async fn save_sent_message(
        &self,
        chat: &str,
        id: &str,
        payload: &[u8],
    ) -> Result<()> {
        let id = &*key_text(id);
        let sealed = self.seal(&SENT_MESSAGE, &key(chat, id), payload)?;
        self.write_one(
            "INSERT INTO wa_sent_message (instance_id, chat, message_id, payload, stored_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (instance_id, chat, message_id)
             DO UPDATE SET payload = excluded.payload, stored_at = excluded.stored_at",
            values![self.instance, chat, id, sealed, wacore::time::now_secs()],
        )
        .await
        .map(drop)
    }

    /// Of several who ask at once, one gets it.
    pub(crate) async fn pop_sent_message(&self, chat: &str, id: &str) -> Result<Option<Vec<u8>>> {
        let id = &*key_text(id);
        let delete = self.statement(
            "DELETE FROM wa_sent_message
             WHERE instance_id = $1 AND chat = $2 AND message_id = $3 RETURNING payload",
            values![self.instance, chat, id],
        );
        let sealed: Option<Vec<u8>> = self
            .db
            .write(|txn| {
                async move {
                    let row = txn.query_one_raw(delete).await?;
                    Ok::<_, Error>(row.map(|row| row.try_get_by_index(0)).transpose()?)
                }
                .boxed()
            })
            .await?;
        sealed.map(|sealed| self.open_plain(&SENT_MESSAGE, &key(chat, id), &sealed)).transpose()
    }

    pub(crate) async fn remove_sent_before(&self, cutoff: i64) -> Result<u64> {
        self.write_one(
            "DELETE FROM wa_sent_message WHERE instance_id = $1 AND stored_at < $2",
            values![self.instance, cutoff],
        )
        .await
    }
}
