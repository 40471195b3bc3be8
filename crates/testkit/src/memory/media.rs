use std::collections::HashMap;

use async_trait::async_trait;
use wharf_domain::{
    Result, Timestamp,
    event::{Event, EventBody, EventId},
    instance::InstanceId,
    media::{MediaJob, MediaProgress, MediaSettlement},
    message::{Message, MessageId},
    ports::MediaJobs,
};

use super::{InMemoryStore, MediaJobRow, Progress, State};

impl State {
    /// Makes a job where there is media for a bucket, and gives until when the event's deliveries are held for it.
    pub(super) fn begin_media(
        &mut self,
        event: &Event,
        until: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let until = until?;
        let has_bucket = self.instances.get(&event.instance).is_some_and(|one| one.s3.is_some());
        if !has_bucket || !matches!(event.body, EventBody::Message(_)) {
            return None;
        }
        let due = event.recorded_at;
        let progress = MediaProgress::Waiting(None);
        let row = MediaJobRow { due, attempts: 0, is_claimed: false, progress };
        self.media_jobs.insert(event.id, row);
        Some(until)
    }

    fn event_of_job(&self, id: EventId) -> Option<(&Event, &Message)> {
        let event = self.events.iter().find(|event| event.id == id)?;
        match &event.body {
            EventBody::Message(message) => Some((event, message)),
            _ => None,
        }
    }

    /// The jobs that wait and are not claimed, those that have waited longest first.
    fn open_jobs(&self) -> Vec<(Timestamp, EventId)> {
        let open = self.media_jobs.iter().filter(|(_, row)| {
            !row.is_claimed && matches!(row.progress, MediaProgress::Waiting(_))
        });
        let mut open: Vec<_> = open.map(|(id, row)| (row.due, *id)).collect();
        open.sort_by_key(|(due, id)| {
            (*due, self.event_of_job(*id).map(|(event, _)| event.sequence))
        });
        open
    }

    /// The same, of the instances that have less than their share claimed.
    fn jobs_with_room(&self, share: usize) -> Vec<(Timestamp, EventId, InstanceId, usize)> {
        let mut room: HashMap<InstanceId, usize> = HashMap::new();
        let instance = |id| self.event_of_job(id).map(|(event, _)| event.instance);
        for (id, _) in self.media_jobs.iter().filter(|(_, row)| row.is_claimed) {
            if let Some(instance) = instance(*id) {
                let room = room.entry(instance).or_insert(share);
                *room = room.saturating_sub(1);
            }
        }
        let open = self.open_jobs().into_iter().filter_map(|(due, id)| {
            let instance = instance(id)?;
            let room = room.get(&instance).copied().unwrap_or(share);
            (room > 0).then_some((due, id, instance, room))
        });
        open.collect()
    }

    fn job(&mut self, id: EventId) -> Option<MediaJob> {
        let (event, message) = self.event_of_job(id)?;
        let (event, message) = (event.clone(), message.clone());
        let raw = self.same_message(event.instance, &message)?.raw.clone()?;
        let attempts = self.media_jobs.get(&id)?.attempts;
        let Event { instance, recorded_at, .. } = event;
        Some(MediaJob { event: id, instance, message, raw, attempts, recorded_at })
    }

    fn settle_job(&mut self, id: EventId, settlement: &MediaSettlement, now: Timestamp) {
        let Some(row) = self.media_jobs.get_mut(&id).filter(|row| row.is_claimed) else { return };
        row.is_claimed = false;
        match settlement {
            MediaSettlement::Stored(object) => row.progress = MediaProgress::Stored(object.clone()),
            MediaSettlement::Failed { reason } => {
                row.progress = MediaProgress::Failed(reason.clone());
            }
            MediaSettlement::Retry { due, reason } => {
                row.attempts += 1;
                row.due = *due;
                row.progress = MediaProgress::Waiting(Some(reason.clone()));
                return;
            }
        }
        let held = self.deliveries.values_mut().filter(|row| {
            row.event == id && row.progress == Progress::Waiting && row.attempts == 0
        });
        for delivery in held {
            delivery.due = delivery.due.min(now);
        }
    }
}

#[async_trait]
impl MediaJobs for InMemoryStore {
    async fn claim(&self, now: Timestamp, limit: usize, share: usize) -> Result<Vec<MediaJob>> {
        let mut state = self.step()?;
        let mut taken: HashMap<InstanceId, usize> = HashMap::new();
        let mut due = state.jobs_with_room(share);
        due.retain(|(due, _, instance, room)| {
            let taken = taken.entry(*instance).or_default();
            *taken += usize::from(*due <= now);
            *due <= now && *taken <= *room
        });
        due.truncate(limit);
        let mut jobs = Vec::new();
        for (_, id, _, _) in due {
            if let Some(row) = state.media_jobs.get_mut(&id) {
                row.is_claimed = true;
            }
            if let Some(job) = state.job(id) {
                jobs.push(job);
            } else {
                let reason = "the stored message is gone".to_owned();
                state.settle_job(id, &MediaSettlement::Failed { reason }, now);
            }
        }
        Ok(jobs)
    }

    async fn settle(
        &self,
        event: EventId,
        settlement: &MediaSettlement,
        now: Timestamp,
    ) -> Result<()> {
        self.step()?.settle_job(event, settlement, now);
        Ok(())
    }

    async fn hasten(&self, instance: InstanceId, now: Timestamp) -> Result<u64> {
        let mut state = self.step()?;
        let waiting = state.open_jobs().into_iter().filter(|(due, _)| *due > now);
        let its_own = waiting.filter(|(_, id)| {
            state.event_of_job(*id).is_some_and(|(event, _)| event.instance == instance)
        });
        let its_own: Vec<_> = its_own.map(|(_, id)| id).collect();
        for id in &its_own {
            if let Some(row) = state.media_jobs.get_mut(id) {
                row.due = now;
            }
        }
        Ok(its_own.len() as u64)
    }

    async fn release_all(&self) -> Result<u64> {
        let mut state = self.step()?;
        let claimed = state.media_jobs.values_mut().filter(|row| row.is_claimed);
        Ok(claimed.map(|row| row.is_claimed = false).count() as u64)
    }

    async fn next_due(&self, share: usize) -> Result<Option<Timestamp>> {
        Ok(self.step()?.jobs_with_room(share).first().map(|(due, ..)| *due))
    }

    async fn progress(&self, event: EventId) -> Result<Option<MediaProgress>> {
        Ok(self.step()?.media_jobs.get(&event).map(|row| row.progress.clone()))
    }

    async fn progress_of_message(
        &self,
        instance: InstanceId,
        id: &MessageId,
    ) -> Result<Option<MediaProgress>> {
        let state = self.step()?;
        let jobs = state.media_jobs.iter().filter_map(|(job, row)| {
            let (event, message) = state.event_of_job(*job)?;
            let is_it = event.instance == instance && message.id == *id;
            is_it.then_some((message.timestamp, event.sequence, row))
        });
        let newest = jobs.max_by_key(|(sent_at, sequence, _)| (*sent_at, *sequence));
        Ok(newest.map(|(_, _, row)| row.progress.clone()))
    }
}
