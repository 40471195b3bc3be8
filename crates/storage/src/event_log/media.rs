//! Whose media is to be brought into a bucket.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction};

use super::append::Entry;
use crate::{
    error::Result,
    media_jobs::WAITING,
    statement::{Sql, few_lengths, values},
};

/// One job for each event whose deliveries wait for media.
pub(super) async fn enqueue(txn: &DatabaseTransaction, entries: &[Entry<'_>]) -> Result<()> {
    const COLUMNS: usize = 10;
    let backend = txn.get_database_backend();
    let jobs = entries.iter().filter_map(|entry| Some((entry, entry.media()?)));
    let rows: Vec<_> = jobs
        .map(|(entry, media)| {
            values![
                entry.event.id,
                entry.instance,
                media.message.id.as_str(),
                media.message.chat.as_str(),
                media.message.sender.as_str(),
                media.sent_at,
                entry.sequence,
                WAITING,
                entry.event.recorded_at,
                0,
            ]
        })
        .collect();
    for rows in few_lengths(backend, COLUMNS, &rows) {
        let insert = "INSERT INTO media_job (event_id, instance_id, message_id, chat, sender,
            sent_at, sequence, status, due_at, attempts) VALUES ";
        let sql = Sql::new(insert, vec![]).rows(rows.iter().cloned());
        txn.execute_raw(sql.on(backend)).await?;
    }
    Ok(())
}
