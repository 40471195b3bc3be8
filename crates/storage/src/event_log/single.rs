//! One event on SQLite, which is nearly all that is ever appended: the whole append is one script, so the one writer is asked
//! once, and decides by itself whether the event is new and who is to be told.

use wharf_domain::{Resource, event::EventId, instance::InstanceId, ports::Appended};
use wharf_sql::Database;

use super::{
    messages::SETTLE,
    prepared::{Effect, Media, Prepared, kind_code},
};
use crate::{
    error::{Error, Result},
    message_row::{self, OUTGOING, status_code},
    statement::{Sql, values},
};

pub(super) async fn append(
    db: &Database,
    instance: InstanceId,
    event: Prepared,
) -> Result<Appended> {
    let script = script(instance, event).on(db.backend());
    let rows = db.script(script).await?;
    // Neither written nor known: there is nobody to whom it could have happened.
    let row = rows.last().ok_or(Error::not_found(Resource::Instance))?;
    Ok(Appended { id: EventId(row.try_get("", "id")?), is_new: row.try_get("", "is_new")? })
}

/// Takes a sequence and writes the event unless its key is known. All that follows asks whether it is there and has this
/// sequence: the same event may have been written before, when the answer was lost.
const EVENT: &str = "
    UPDATE instance SET last_sequence = last_sequence + 1, log_bytes = log_bytes + $7
        WHERE id = $1;
    INSERT INTO event (id, instance_id, sequence, kind, recorded_at, dedupe_key, body)
        SELECT $2, id, last_sequence, $3, $4, $5, $6 FROM instance WHERE id = $1
        ON CONFLICT (instance_id, dedupe_key) DO NOTHING;
    UPDATE instance SET log_bytes = log_bytes - $7
        WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM event e
            WHERE e.id = $2 AND e.sequence = instance.last_sequence);";

const IS_NEW: &str = "EXISTS (SELECT 1 FROM event e JOIN instance i ON i.id = e.instance_id
    WHERE e.id = $2 AND e.sequence = i.last_sequence)";

/// One delivery for each sink that wants it, held where there is media for a bucket. Their ids are in the order of events,
/// which keeps the index of ids compact.
const DELIVERIES: &str = "
    INSERT INTO delivery (id, event_id, instance_id, sink_kind, sink_id, lane, sequence, status,
            due_at, attempts, head_due)
        SELECT CAST(substr($2, 1, 6) || randomblob(10) AS BLOB), e.id, e.instance_id, 1, w.id, $8,
            e.sequence, 0, iif(i.s3 IS NULL, $4, $10), 0,
            iif(EXISTS (SELECT 1 FROM delivery d
                    WHERE d.sink_id = w.id AND d.lane = $8 AND d.status = 0)
                OR EXISTS (SELECT 1 FROM delivery d
                    WHERE d.sink_id = w.id AND d.lane = $8 AND d.status = 1),
                NULL, iif(i.s3 IS NULL, $4, $10))
        FROM event e JOIN instance i ON i.id = e.instance_id
            JOIN webhook w ON w.instance_id = e.instance_id
        WHERE e.id = $2 AND e.sequence = i.last_sequence AND w.url IS NOT NULL
            AND (w.events = '' OR instr(',' || w.events || ',', ',' || $9 || ',') > 0);";

const RECORDED: &str = "
    SELECT e.id, e.sequence = i.last_sequence AS is_new
        FROM event e JOIN instance i ON i.id = e.instance_id WHERE e.id = $2
    UNION ALL SELECT id, FALSE FROM event WHERE instance_id = $1 AND dedupe_key = $5 LIMIT 1";

fn script(instance: InstanceId, event: Prepared) -> Sql {
    let size = event.size();
    let (due, kind) = (event.due(), event.kind);
    let Prepared { id, key, lane, recorded_at, effect, media, body, .. } = event;
    let values = values![
        instance.0,
        id,
        kind_code(kind),
        recorded_at,
        key,
        body,
        size,
        lane,
        kind.as_str(),
        due,
    ];
    let sql = with_media(with_effect(Sql::new(EVENT, values), effect), media);
    sql.push(DELIVERIES).push(RECORDED)
}

fn with_effect(sql: Sql, effect: Effect) -> Sql {
    match effect {
        Effect::None => sql,
        Effect::Message(_, cells) => sql
            .push(message_row::INSERT_INTO)
            .push(" SELECT ")
            .each(cells)
            .push(&format!(" WHERE {IS_NEW} {SETTLE};")),
        Effect::Progress(_, ids) if ids.is_empty() => sql,
        Effect::Progress(status, ids) => sql
            .push(&format!("UPDATE message SET failure = NULL, status = {}", status_code(status)))
            .push(&format!(" WHERE instance_id = $1 AND direction = {OUTGOING}"))
            .push(&format!(" AND status < {} AND {IS_NEW}", status_code(status)))
            .push(" AND message_id IN ")
            .list(ids.iter().map(|id| id.as_str().into()))
            .push(";"),
    }
}

fn with_media(sql: Sql, media: Option<Media>) -> Sql {
    let Some(Media { message, sent_at, .. }) = media else { return sql };
    sql.push(
        "INSERT INTO media_job (event_id, instance_id, message_id, chat, sender, sent_at, sequence,
            status, due_at, attempts) SELECT e.id, i.id, ",
    )
    .each(values![message.id, message.chat, message.sender, sent_at])
    .push(
        ", e.sequence, 0, $4, 0 FROM event e JOIN instance i ON i.id = e.instance_id
        WHERE e.id = $2 AND e.sequence = i.last_sequence AND i.s3 IS NOT NULL;",
    )
}
