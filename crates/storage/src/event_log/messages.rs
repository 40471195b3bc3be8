//! What events do to messages.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Value};
use uuid::Uuid;
use wharf_domain::message::MessageStatus;

use super::{append::Entry, prepared::Effect};
use crate::{
    error::Result,
    message_row::{INSERT_INTO, MessageKey, OUTGOING, status_code},
    statement::{Sql, batches, inserts, values},
};

/// A message that is there already gets the new content and keeps its encoding; its status does not go back.
const SETTLE: &str = "ON CONFLICT (instance_id, message_id, chat, sender) DO UPDATE SET \
    chat_kind = excluded.chat_kind, content_kind = excluded.content_kind, \
    content_name = excluded.content_name, media_kind = excluded.media_kind, has_sender_name = excluded.has_sender_name, \
    sent_at = excluded.sent_at, body = excluded.body, raw = COALESCE(message.raw, excluded.raw), \
    failure = CASE WHEN excluded.status > message.status THEN NULL ELSE message.failure END, \
    status = CASE WHEN excluded.status > message.status THEN excluded.status \
    ELSE message.status END";

/// Lets the events take effect in their order, neighbours of one kind in one statement.
pub(super) async fn apply(txn: &DatabaseTransaction, entries: &[Entry<'_>]) -> Result<()> {
    let mut run = Run::default();
    for Entry { event, instance, .. } in entries {
        match &event.effect {
            Effect::None => {}
            Effect::Message(key, cells) => {
                // One statement cannot write a row twice.
                if !run.keys.insert((*instance, key)) {
                    run.flush(txn).await?;
                    run.keys.insert((*instance, key));
                }
                run.rows.push(cells);
            }
            Effect::Progress(status, ids) => {
                run.flush(txn).await?;
                progress(txn, *instance, *status, ids).await?;
            }
        }
    }
    run.flush(txn).await
}

/// Messages that can be written at once.
#[derive(Default)]
struct Run<'a> {
    keys: HashSet<(Uuid, &'a MessageKey)>,
    rows: Vec<&'a Vec<Value>>,
}

impl Run<'_> {
    async fn flush(&mut self, txn: &DatabaseTransaction) -> Result<()> {
        self.keys.clear();
        let rows: Vec<_> = self.rows.drain(..).cloned().collect();
        for statement in inserts(txn.get_database_backend(), INSERT_INTO, SETTLE, &rows) {
            txn.execute_raw(statement).await?;
        }
        Ok(())
    }
}

/// Only forward, and only what we sent.
async fn progress(
    txn: &DatabaseTransaction,
    instance: Uuid,
    status: MessageStatus,
    ids: &[String],
) -> Result<()> {
    let backend = txn.get_database_backend();
    for ids in batches(backend, 1, ids) {
        let sql = Sql::new(
            "UPDATE message SET status = $1, failure = NULL WHERE instance_id = $2
             AND direction = $3 AND status < $1 AND message_id IN ",
            values![status_code(status), instance, OUTGOING],
        )
        .list(ids.iter().map(|id| id.as_str().into()));
        txn.execute_raw(sql.on(backend)).await?;
    }
    Ok(())
}
