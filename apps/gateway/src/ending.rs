//! How a gateway ends.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::Result;
use tokio::time::timeout;
use wharf_application::Services;

use crate::{database::OpenDatabase, door::Door};

/// How long callers who keep their connection open, and the last writes to the database, may take at the very end.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

/// How long deliveries under way may take, of `limit` in all: the rest is for writing down what became of them.
pub(crate) fn for_deliveries(limit: Duration) -> Duration {
    limit / 10 * 9
}

/// Ends in order, within about `limit`:
///
/// 1. Nothing is begun any more: `/health/ready` says no, requests are turned away, no delivery is claimed.
/// 2. Requests under way come to their end. Messages still arrive, and are recorded.
/// 3. The sessions end, each with its keys written; then deliveries under way come to theirs.
/// 4. The HTTP server goes, and the database last.
///
/// What is not done in time is left as a crash would leave it, which loses nothing: what was not stored was not
/// acknowledged to WhatsApp, and what was not delivered is delivered after the next start.
pub(crate) async fn in_order(
    door: &Door,
    services: &Services,
    http: &ServerHandle,
    database: &OpenDatabase,
    limit: Duration,
) -> Result<()> {
    tracing::info!(?limit, "ending");
    door.close();
    services.hold();
    let in_time = timeout(limit, async {
        // A part of the time is for the rest, whatever callers wait for.
        if timeout(limit / 4 * 3, door.empty()).await.is_err() {
            tracing::warn!("requests are still under way, going on without them");
        }
        // The workers stay until the sessions have ended, which write through connections that workers opened. A server
        // that has ended already takes these calls for done.
        services.stop().await;
    });
    if in_time.await.is_err() {
        tracing::warn!("not everything came to its end in time, leaving it");
    }
    let _ = timeout(2 * FAREWELL, http.stop(true)).await;
    if let Ok(closed) = timeout(2 * FAREWELL, database.close()).await {
        closed?;
    } else {
        tracing::warn!("the database did not close in time, leaving it");
    }
    tracing::info!("ended");
    Ok(())
}
