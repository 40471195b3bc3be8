use sea_orm::ConnectionTrait;
use wharf_domain::delivery::{DeliveryState, Depth};

use crate::{
    error::{Error, Result},
    micros,
    statement::{Run as _, values},
};

/// Sink by sink, from the indexes of states; deliveries are in the order of their events.
const COUNTS: &str = "SELECT w.url IS NOT NULL AS is_enabled,
        (SELECT COUNT(*) FROM delivery d WHERE d.sink_id = w.id AND d.status = 0) AS waiting,
        (SELECT e.recorded_at FROM delivery d JOIN event e ON e.id = d.event_id
            WHERE d.sink_id = w.id AND d.status = 0 ORDER BY d.id LIMIT 1) AS waiting_since,
        (SELECT COUNT(*) FROM delivery d WHERE d.sink_id = w.id AND d.status = 2) AS dead,
        (SELECT e.recorded_at FROM delivery d JOIN event e ON e.id = d.event_id
            WHERE d.sink_id = w.id AND d.status = 2 ORDER BY d.id LIMIT 1) AS dead_since
    FROM webhook w";

/// How many there are of a state, and since when.
#[derive(Default)]
struct Sum {
    count: u64,
    oldest: Option<i64>,
}

impl Sum {
    fn add(&mut self, count: i64, oldest: Option<i64>) -> Result<()> {
        self.count += u64::try_from(count).map_err(|_| Error::nonsense("count"))?;
        self.oldest = self.oldest.into_iter().chain(oldest).min();
        Ok(())
    }

    fn depth(self, state: DeliveryState) -> Result<Depth> {
        let oldest = self.oldest.map(micros::to_time).transpose()?;
        Ok(Depth { state, count: self.count, oldest })
    }
}

pub(super) async fn depths(db: &impl ConnectionTrait) -> Result<Vec<Depth>> {
    let (mut pending, mut dead, mut held) = (Sum::default(), Sum::default(), Sum::default());
    for row in db.all(COUNTS, values![]).await? {
        let waiting = if row.try_get("", "is_enabled")? { &mut pending } else { &mut held };
        waiting.add(row.try_get("", "waiting")?, row.try_get("", "waiting_since")?)?;
        dead.add(row.try_get("", "dead")?, row.try_get("", "dead_since")?)?;
    }
    Ok(vec![
        pending.depth(DeliveryState::Pending)?,
        dead.depth(DeliveryState::Dead)?,
        held.depth(DeliveryState::Held)?,
    ])
}
