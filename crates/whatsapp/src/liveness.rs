use std::{sync::Arc, time::Duration};

use wacore::iq::keepalive::KeepaliveSpec;
use wharf_domain::ports::{SessionEnd, SessionEvent};
use whatsapp_rust::Client;

use crate::{config::Liveness, session::Core};

/// How often it is looked in the time of silence after which the server is asked. The library has a rhythm of its own, and
/// with fewer looks it would more often hang up before anybody was told of the silence.
const GLANCES: u32 = 5;

/// Watches whether the server still answers, tells when it stops and starts again, and ends the session when it does
/// not come back. The library notices too, but only logs it.
pub(crate) async fn watch(core: &Core, client: &Arc<Client>) {
    let Liveness { ask_after, tell_after, lost_after } = core.config.liveness;
    core.link.up().cancelled().await;
    let (mut heard, mut silent) = (core.link.heard(), 0);
    loop {
        core.clock.sleep(ask_after / GLANCES).await;
        // While the observer is busy we may be the silent one ourselves: what we send can wait for it.
        if core.link.heard() != heard || !core.queue.is_idle() {
            (heard, silent) = (core.link.heard(), 0);
            continue;
        }
        silent += 1;
        if silent < GLANCES {
            continue;
        }
        silent = 0;
        ask(core, client);
        if answered(core, heard, tell_after).await || !core.queue.is_idle() {
            continue;
        }
        // Before it is connected the session has nothing to take back.
        let tell = |event| {
            if core.connected.is_cancelled() {
                core.queue.push_own(event);
            }
        };
        tell(SessionEvent::KeepaliveTimeout);
        if !answered(core, heard, lost_after).await {
            return core.finish(SessionEnd::Lost("the server stopped answering".to_owned()));
        }
        tell(SessionEvent::KeepaliveRestored);
    }
}

fn ask(core: &Core, client: &Arc<Client>) {
    let (client, limit) = (client.clone(), core.config.answer_limit);
    core.tasks.run(async move {
        // Any frame is a sign of life, so the answer itself does not matter.
        let _ = client.execute(KeepaliveSpec::with_timeout(limit)).await;
    });
}

async fn answered(core: &Core, heard: u64, limit: Duration) -> bool {
    tokio::select! {
        biased;
        () = core.link.heard_since(heard) => true,
        () = core.clock.sleep(limit) => false,
    }
}
