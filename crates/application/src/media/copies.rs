//! What a sink is told of the media of an event, and what goes along.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use wharf_domain::{
    Result, Timestamp,
    delivery::MediaCopy,
    event::{Event, EventBody},
    instance::Instance,
    media::MediaProgress,
    message::Content,
    ports::{Clock, MediaJobs, MediaStore},
};

use super::{
    Reader, in_words, jobs,
    loads::{Load, Loads},
    reader,
};
use crate::Ports;

/// How long a delivery waits for a file while it may still come later: what waits keeps others from their turns.
const GLANCE: Duration = Duration::from_secs(1);
/// How long it waits before it goes out without the file.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// How long until it looks again: as long as the event is old, between these.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(8));
/// How long until it looks again whether the file is in the bucket: as long as the event is old, between these.
const GLANCES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Tells sinks where media can be had, and gives it to those that want it along.
#[derive(Clone)]
pub(crate) struct Copies {
    jobs: Arc<dyn MediaJobs>,
    store: Arc<dyn MediaStore>,
    clock: Arc<dyn Clock>,
    loads: Loads,
    hold: Duration,
    /// Sessions have to come back after a start: what was recorded before is as young as it.
    started_at: Timestamp,
}

/// The media of an event, for one sink.
pub(crate) enum Copied {
    /// The event has none.
    Nothing,
    /// What there is; a file that goes along is in memory as long as this lives.
    Ready(MediaCopy, #[expect(dead_code, reason = "held for its drop")] Option<Arc<Load>>),
    /// It may be there in a moment: look again then.
    Later(Timestamp),
}

impl Copied {
    /// What the sink is told.
    pub(crate) fn copy(&self) -> Option<&MediaCopy> {
        match self {
            Self::Ready(copy, _) => Some(copy),
            Self::Nothing | Self::Later(_) => None,
        }
    }
}

impl Copies {
    pub(crate) fn new(
        ports: &Ports,
        reader: Reader,
        hold: Duration,
        closing: CancellationToken,
    ) -> Self {
        Self {
            jobs: ports.media_jobs.clone(),
            store: ports.media_store.clone(),
            clock: ports.clock.clone(),
            loads: Loads::new(reader, ports.clock.clone(), closing),
            hold,
            started_at: ports.clock.now(),
        }
    }

    /// The media of an event for a sink that wants the file along, or does not. Fails when the store does.
    pub(crate) async fn of(
        &self,
        instance: &Instance,
        event: &Event,
        along: bool,
    ) -> Result<Copied> {
        let EventBody::Message(message) = &event.body else { return Ok(Copied::Nothing) };
        if !matches!(message.content, Content::Media(_)) {
            return Ok(Copied::Nothing);
        }
        let progress = self.jobs.progress(event.id).await?;
        let mut copy = self.in_bucket(instance, progress.as_ref());
        if !along {
            return Ok(Copied::Ready(copy, None));
        }
        let now = self.clock.now();
        let is_young = now < event.recorded_at.max(self.started_at) + self.hold;
        let (load, since) = self.loads.of(event.id, instance, message, progress, is_young);
        // An event that is old when its file is asked for first waits for that one load.
        let may_wait = is_young || now < since + reader::PATIENCE;
        let patience = if may_wait { GLANCE } else { LAST_LOOK };
        match load.wait(&*self.clock, patience).await {
            Ok(bytes) => copy.bytes = Some(bytes),
            Err(failure)
                if self.loads.is_closing() || failure.is_worth_waiting(is_young, may_wait) =>
            {
                let age = (now - event.recorded_at).to_std().unwrap_or_default();
                let due = self.clock.now() + age.clamp(PAUSES.0, PAUSES.1);
                let reason = failure.reason;
                tracing::debug!(event = %event.id.0, reason, %due, "waits for its media");
                return Ok(Copied::Later(due));
            }
            Err(failure) => {
                let reason = failure.reason;
                tracing::warn!(event = %event.id.0, reason, "media does not go along");
                copy.bytes_error = Some(reason);
            }
        }
        Ok(Copied::Ready(copy, Some(load)))
    }

    /// The same for a sink whose deliveries the log does not hold: while the event is young, one that may still be in the
    /// bucket in a moment comes later.
    pub(crate) async fn held(
        &self,
        instance: &Instance,
        event: &Event,
        along: bool,
    ) -> Result<Copied> {
        let EventBody::Message(message) = &event.body else { return Ok(Copied::Nothing) };
        let now = self.clock.now();
        let may_come = matches!(message.content, Content::Media(_))
            && instance.s3.is_some()
            && now < event.recorded_at + self.hold;
        if may_come && let Some(MediaProgress::Waiting(_)) = self.jobs.progress(event.id).await? {
            let age = (now - event.recorded_at).to_std().unwrap_or_default();
            return Ok(Copied::Later(now + age.clamp(GLANCES.0, GLANCES.1)));
        }
        self.of(instance, event, along).await
    }

    /// Where a piece of media is in its instance's bucket, or why it is not there.
    pub(super) fn in_bucket(
        &self,
        instance: &Instance,
        progress: Option<&MediaProgress>,
    ) -> MediaCopy {
        let url = match (progress, &instance.s3) {
            (None, _) => return MediaCopy::default(),
            (Some(MediaProgress::Stored(object)), Some(bucket)) => {
                self.store.url(bucket, object, self.clock.now()).map_err(|e| in_words(&e))
            }
            (Some(MediaProgress::Stored(_)), None) => Err(jobs::NO_BUCKET.to_owned()),
            (Some(MediaProgress::Failed(reason) | MediaProgress::Waiting(Some(reason))), _) => {
                Err(reason.clone())
            }
            (Some(MediaProgress::Waiting(None)), _) => {
                Err("the upload has not been finished yet".to_owned())
            }
        };
        MediaCopy { s3_url: url.clone().ok(), s3_error: url.err(), ..MediaCopy::default() }
    }
}
