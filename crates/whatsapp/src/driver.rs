use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tracing::Instrument;
use wharf_domain::ports::{SessionEnd, SessionEvent, SessionObserver};
use whatsapp_rust::{
    Client,
    bot::{Bot, BotHandle},
};

use crate::{adapter::Turn, groups, history, liveness, session::Core, teller::Teller};

/// How long the library may take to tell of an acceptance that it has noted.
const ACCEPTANCE: Duration = Duration::from_secs(10);
/// How long the library may take to write out what it holds.
const FLUSH: Duration = Duration::from_secs(20);
/// How long what the library has begun may take after that. What it has collected it puts down after three seconds.
const SETTLE: Duration = Duration::from_secs(5);

/// Leads a session from its first dial to its end, which is told exactly once, whatever happens here.
pub(crate) async fn lead(
    core: Arc<Core>,
    bot: Bot,
    observer: Arc<dyn SessionObserver>,
    turn: Turn,
) {
    let client = bot.client();
    let teller = Teller::new(core.clone(), observer.clone());
    let teller = tokio::spawn(teller.run().in_current_span());
    core.tasks.run(history::take_in(core.clone(), observer.clone()));
    core.tasks.run(groups::learn_names(core.clone()));
    let _raw_nodes = client.acquire_raw_node_forwarding();
    let led = AssertUnwindSafe(async {
        // Dropping the handle stops the library in its tracks, so it is kept until everything is written out.
        let mut library = bot.spawn();
        see_through(&core, &mut library, &client).await;
        // Also after the server has hung up: the library keeps changes of the device in memory for a while.
        tokio::select! {
            biased;
            () = core.drop_now.cancelled() => {}
            () = wind_up(&core, &client) => {}
        }
    });
    if led.catch_unwind().await.is_err() {
        core.note_end(SessionEnd::Lost("the session failed inside".to_owned()));
    }
    core.set_unready();
    core.tasks.end().await;
    // Now, not when the observer has heard everything.
    core.link.hang_up().await;
    core.queue.close();
    if teller.await.is_err() {
        tracing::error!("a session could not tell everything");
    }
    // The store is let go with the client. Whoever hears of the end may start anew.
    drop(client);
    drop(turn);
    let end = observer.on_event(SessionEvent::Ended(core.end()));
    if !matches!(AssertUnwindSafe(end).catch_unwind().await, Ok(Ok(()))) {
        tracing::error!("the end of a session could not be told");
    }
    core.over.cancel();
}

/// Returns once the session is to end, with its end noted.
async fn see_through(core: &Arc<Core>, library: &mut BotHandle, client: &Arc<Client>) {
    watch_handshake(core, client);
    let paired_before = client.pn().is_some();
    let running = async {
        library.await;
        // The library redials by itself when the phone's acceptance has been told before the server hangs up. The
        // server may be faster: it hangs up as soon as it has read the answer, which is sent before that is told.
        // Then a second run does the same.
        if !paired_before && client.pn().is_some() && accepted_soon(core).await {
            let client = client.clone();
            let _ = core.tasks.ask(async move { client.run().await }).await;
        }
    };
    tokio::select! {
        biased;
        () = core.drop_now.cancelled() => {}
        () = core.given_back.cancelled() => {}
        () = core.finish.cancelled() => {}
        () = core.tasks.panicked().cancelled() => {
            core.drop_now(SessionEnd::Lost("the WhatsApp client failed inside".to_owned()));
        }
        () = running => {}
        () = liveness::watch(core, client) => {}
        () = limit_login(core, paired_before) => {}
        () = wait_for_pairing(core) => {}
    }
}

/// Whether the phone's acceptance is told, at once or in a moment, and the redial it allows is not used up.
async fn accepted_soon(core: &Core) -> bool {
    tokio::select! {
        biased;
        () = core.link.accepted().cancelled() => core.link.may_redial(),
        () = core.clock.sleep(ACCEPTANCE) => false,
    }
}

/// Lets the library write out what it holds and get done with what it has begun.
///
/// As it disconnects, the library saves the ratchets, also those of messages that it has decrypted and not put down; these it
/// collects from then on, to put them down some time later. So all that have been read are put down before.
async fn wind_up(core: &Core, client: &Arc<Client>) {
    core.note_end(core.end());
    core.link.hold();
    let done = async {
        core.link.put_down(&core.afoot, &core.clock).await;
        if core.given_back.is_cancelled() {
            core.link.hang_up().await;
        }
        client.disconnect().await;
        core.tasks.work_done(&core.clock, SETTLE).await;
    };
    let given_back = async {
        core.given_back.cancelled().await;
        // Now nothing is acknowledged any more.
        core.link.mute();
        core.link.put_down(&core.afoot, &core.clock).await;
        // Nor waits to be.
        core.link.hang_up().await;
        core.clock.sleep(SETTLE).await;
    };
    tokio::select! {
        biased;
        () = given_back => tracing::warn!("a session whose store failed left something unfinished"),
        () = done => {}
        () = core.clock.sleep(FLUSH) => tracing::warn!("a session took too long to write out what it holds"),
    }
}

fn watch_handshake(core: &Arc<Core>, client: &Arc<Client>) {
    let (core, client) = (core.clone(), client.clone());
    core.clone().tasks.run(async move {
        if client.wait_for_socket(core.config.login_limit).await.is_ok() {
            core.link.greeted().cancel();
        }
    });
}

/// Ends the session when a paired device is not let in for too long.
async fn limit_login(core: &Core, paired_before: bool) {
    if !paired_before {
        return std::future::pending().await;
    }
    tokio::select! {
        biased;
        () = core.connected.cancelled() => std::future::pending().await,
        () = core.clock.sleep(core.config.login_limit) => {
            core.finish(SessionEnd::Unreachable("the server did not finish the login in time".to_owned()));
        }
    }
}

async fn wait_for_pairing(core: &Core) {
    core.qr_codes_used_up.cancelled().await;
    core.expire_pairing().await;
}
