use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use uuid::Uuid;
use wharf_domain::{delivery::DeliveryState, instance::InstanceId, webhook::WebhookId};

use super::take;
use crate::{
    delivery_queue::promote_lanes_of,
    error::Result,
    locks,
    statement::{Run as _, Sql, id_batches, values},
};

pub(super) async fn discard(
    txn: &DatabaseTransaction,
    instance: InstanceId,
    webhook: WebhookId,
    state: DeliveryState,
    limit: i64,
) -> Result<u64> {
    take(txn, instance).await?;
    let sql = "SELECT url IS NOT NULL AS is_enabled FROM webhook
        WHERE id = $1 AND instance_id = $2";
    let Some(row) = txn.one(sql, values![webhook.0, instance.0]).await? else { return Ok(0) };
    let find = match (state, row.try_get("", "is_enabled")?) {
        (DeliveryState::Pending, true) | (DeliveryState::Held, false) => {
            "SELECT id FROM delivery WHERE sink_id = $1 AND status = 0 ORDER BY id LIMIT $2"
        }
        (DeliveryState::Dead, _) => {
            "SELECT id FROM delivery WHERE sink_id = $1 AND status = 2 ORDER BY id LIMIT $2"
        }
        _ => return Ok(0),
    };
    locks::own_rows(txn).await?;
    let rows = txn.all(find, values![webhook.0, limit]).await?;
    let ids = rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect::<Result<Vec<Uuid>>>()?;
    let backend = txn.get_database_backend();
    for ids in id_batches(&ids) {
        let sql = Sql::new("DELETE FROM delivery WHERE id IN ", values![])
            .ids(ids)
            .push(" RETURNING sink_id, lane");
        let gone = txn.query_all_raw(sql.on(backend)).await?;
        promote_lanes_of(txn, &gone).await?;
    }
    Ok(ids.len() as u64)
}
