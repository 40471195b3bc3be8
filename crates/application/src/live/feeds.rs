//! The instances whose logs are followed, and for whom.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};
use wharf_domain::{Error, instance::InstanceId, ports::LogStart};

use super::{IDLE, LiveEvent, PAGE, Shared, line::Line, teller::Teller};

/// The followed logs. Each change is one step: an event is put into all lines of an instance, or nothing changes.
#[derive(Default)]
pub(super) struct Feeds {
    by_instance: HashMap<InstanceId, Feed>,
    /// How many were begun, for their ids.
    begun: u64,
}

/// A log that is followed.
struct Feed {
    /// Tells it from one that was ended before.
    id: u64,
    /// Up to here all events have been put into the lines.
    at: i64,
    lines: Vec<Joined>,
    #[expect(dead_code, reason = "held for its drop: ends the following")]
    following: DropGuard,
}

/// A line that is fed.
struct Joined {
    line: Arc<Line>,
    /// It has what is up to here from elsewhere, or does not want it.
    after: i64,
}

impl Feeds {
    /// Feeds a line with what comes after a place in the log.
    pub(super) fn join_at(
        &mut self,
        shared: &Arc<Shared>,
        teller: &Teller,
        line: &Arc<Line>,
        after: i64,
    ) {
        let feed = self.feed(shared, teller, after);
        feed.lines.push(Joined { line: line.clone(), after });
    }

    /// The same, unless others have been told of what comes after that place already: then the line lags behind.
    pub(super) fn join_after(
        &mut self,
        shared: &Arc<Shared>,
        teller: &Teller,
        line: &Arc<Line>,
        after: i64,
    ) -> bool {
        let lags = self.by_instance.get(&teller.instance()).is_some_and(|feed| feed.at > after);
        if !lags {
            self.join_at(shared, teller, line, after);
        }
        !lags
    }

    /// Feeds a line no more. A log without lines is followed no more.
    pub(super) fn leave(&mut self, instance: InstanceId, line: &Arc<Line>) {
        let Some(feed) = self.by_instance.get_mut(&instance) else { return };
        feed.lines.retain(|joined| !Arc::ptr_eq(&joined.line, line));
        if feed.lines.is_empty() {
            self.by_instance.remove(&instance);
        }
    }

    fn feed(&mut self, shared: &Arc<Shared>, teller: &Teller, at: i64) -> &mut Feed {
        let Self { by_instance, begun } = self;
        by_instance.entry(teller.instance()).or_insert_with(|| {
            *begun += 1;
            let over = CancellationToken::new();
            let wake = shared.wakes.follow(teller.instance());
            let work = follow(shared.clone(), teller.again(), *begun, at, wake);
            shared.run(over.clone(), work);
            Feed { id: *begun, at, lines: Vec::new(), following: over.drop_guard() }
        })
    }

    /// Puts an event into the lines, where they want it, and takes note of its place.
    fn hand_out(
        &mut self,
        shared: &Shared,
        (instance, id): (InstanceId, u64),
        sequence: i64,
        event: Option<&Arc<LiveEvent>>,
    ) {
        let feed = self.by_instance.get_mut(&instance).filter(|feed| feed.id == id);
        let Some(feed) = feed else { return };
        feed.at = sequence;
        let Some(event) = event else { return };
        feed.lines.retain(|joined| {
            let keeps_up = sequence <= joined.after || joined.line.put(event);
            if !keeps_up {
                shared.meter.socket_too_slow();
                tracing::warn!(instance = %instance.0, "a reader is too slow and is let go");
            }
            keeps_up
        });
        if feed.lines.is_empty() {
            self.by_instance.remove(&instance);
        }
    }

    /// Ends all lines of an instance.
    fn close(&mut self, (instance, id): (InstanceId, u64)) {
        if self.by_instance.get(&instance).is_some_and(|feed| feed.id == id)
            && let Some(feed) = self.by_instance.remove(&instance)
        {
            for joined in feed.lines {
                joined.line.close();
            }
        }
    }
}

/// Follows the log of an instance from a place on. Ends when it is dropped, or the instance is gone.
async fn follow(shared: Arc<Shared>, mut teller: Teller, id: u64, mut at: i64, wake: Arc<Notify>) {
    let instance = teller.instance();
    loop {
        let page = match shared.log.read(instance, LogStart::AfterSequence(at), PAGE).await {
            Ok(page) => page,
            Err(Error::NotFound(_)) => break,
            Err(e) => {
                tracing::error!(
                    instance = %instance.0,
                    error = &e as &dyn std::error::Error,
                    "could not read the log for readers"
                );
                shared.pause().await;
                continue;
            }
        };
        let is_news = !page.is_empty();
        let mut page = teller.begin(page).await;
        while let Some((sequence, event)) = page.next(&mut teller).await {
            shared.feeds().hand_out(&shared, (instance, id), sequence, event.as_ref());
            at = sequence;
        }
        if teller.is_gone() {
            break;
        }
        if !is_news {
            tokio::select! {
                () = wake.notified() => {}
                () = shared.clock.sleep(IDLE) => {}
            }
        }
    }
    shared.feeds().close((instance, id));
}
