//! Figures of messages, counted in one statement, so that all are of one moment.

use std::collections::BTreeMap;

use sea_orm::QueryResult;
use wharf_domain::{
    message::{ChatKind, MessageStatus},
    metrics::Metrics,
};

use crate::{
    error::{Error, Result},
    message_kinds::Kinds,
    message_row::{OUTGOING, chat_code, read_status},
    micros,
};

/// For an instance, and the beginnings of the last seven and thirty days. One row for all messages of one kind, then
/// one for the chats of each kind. The index `message_chat` has all of it.
pub(crate) const SELECT: &str = "SELECT direction, chat_kind, content_kind, content_name, \
    media_kind, status, COUNT(*) AS messages, CAST(0 AS BIGINT) AS chats, \
    COUNT(CASE WHEN sent_at >= $2 THEN 1 END) AS last_7_days, \
    COUNT(CASE WHEN sent_at >= $3 THEN 1 END) AS last_30_days, \
    MIN(sent_at) AS first_at, MAX(sent_at) AS last_at \
    FROM message WHERE instance_id = $1 \
    GROUP BY direction, chat_kind, content_kind, content_name, media_kind, status \
    UNION ALL SELECT NULL, chat_kind, NULL, NULL, NULL, NULL, 0, COUNT(DISTINCT chat), 0, 0, \
    NULL, NULL FROM message WHERE instance_id = $1 GROUP BY chat_kind";

/// Adds up what [`SELECT`] gives.
pub(crate) fn read(rows: &[QueryResult]) -> Result<Metrics> {
    let mut metrics = Metrics::default();
    for row in rows {
        let direction: Option<i16> = row.try_get("", "direction")?;
        match direction {
            Some(direction) => add_messages(&mut metrics, direction, row)?,
            None => add_chats(&mut metrics, row)?,
        }
    }
    Ok(metrics)
}

fn add_messages(metrics: &mut Metrics, direction: i16, row: &QueryResult) -> Result<()> {
    let messages = count(row, "messages")?;
    let kinds = Kinds {
        content: row.try_get("", "content_kind")?,
        name: row.try_get("", "content_name")?,
        media: row.try_get("", "media_kind")?,
    };
    metrics.total += messages;
    if direction == OUTGOING {
        metrics.sent += messages;
        let status: MessageStatus = read_status(row.try_get("", "status")?)?;
        *metrics.by_status.entry(status).or_default() += messages;
    } else {
        metrics.received += messages;
    }
    add(&mut metrics.by_type, kinds.type_name(), messages);
    if let Some(media) = kinds.media_name() {
        metrics.with_media += messages;
        add(&mut metrics.by_media, media, messages);
    }
    let chat: i16 = row.try_get("", "chat_kind")?;
    if chat == chat_code(ChatKind::Group) {
        metrics.in_groups += messages;
    } else if chat == chat_code(ChatKind::Private) {
        metrics.in_private += messages;
    }
    metrics.last_7_days += count(row, "last_7_days")?;
    metrics.last_30_days += count(row, "last_30_days")?;
    let first = micros::to_time(row.try_get("", "first_at")?)?;
    metrics.first_at = Some(metrics.first_at.map_or(first, |at| at.min(first)));
    metrics.last_at = metrics.last_at.max(Some(micros::to_time(row.try_get("", "last_at")?)?));
    Ok(())
}

fn add_chats(metrics: &mut Metrics, row: &QueryResult) -> Result<()> {
    let chats = count(row, "chats")?;
    let kind: i16 = row.try_get("", "chat_kind")?;
    metrics.chats += chats;
    if kind == chat_code(ChatKind::Group) {
        metrics.groups += chats;
    } else if kind == chat_code(ChatKind::Private) {
        metrics.contacts += chats;
    }
    Ok(())
}

fn add(sum: &mut BTreeMap<String, u64>, name: &str, count: u64) {
    *sum.entry(name.to_owned()).or_default() += count;
}

fn count(row: &QueryResult, column: &str) -> Result<u64> {
    let count: i64 = row.try_get("", column)?;
    u64::try_from(count).map_err(|_| Error::nonsense("count"))
}

#[cfg(test)]
mod tests {
    use wharf_migrations::Migrator;
    use wharf_sql::{Config, Database};

    use super::*;
    use crate::statement::{Run as _, values};

    /// Rows are large: to read them all for their kinds would take as long as reading all that was ever said.
    #[tokio::test]
    async fn figures_are_read_from_an_index_alone() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("wharf.db").display());
        let db = Database::open(&Config::new(&url)).await.unwrap();
        db.migrate::<Migrator>().await.unwrap();
        let plan = format!("EXPLAIN QUERY PLAN {SELECT}");
        let plan = db.reader().all(&plan, values![Vec::<u8>::new(), 0, 0]).await.unwrap();
        let steps = plan.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
        let searches: Vec<_> = steps.filter(|step| step.contains("message")).collect();
        let covered = "SEARCH message USING COVERING INDEX message_chat (instance_id=?)";
        assert_eq!(searches, [covered, covered]);
    }
}
