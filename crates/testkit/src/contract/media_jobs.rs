//! What a [`MediaJobs`](wharf_domain::ports::MediaJobs) promises, and what an event log does for it.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use tokio::sync::Mutex;
use wharf_domain::{
    Timestamp,
    delivery::{Delivery, SinkLane},
    event::{EventId, NewEvent},
    instance::InstanceId,
    media::{MediaJob, MediaProgress, MediaSettlement, StoredObject},
    message::{Content, Media, MediaKind, Message},
    ports::{EventRetention, InstanceChange, Room},
    s3::S3Config,
    secret::Secret,
};

use super::setting::{Deliverer, at_once, events_of};
use crate::{Stores, build};

/// Makes a test of each thing a `MediaJobs` promises.
#[macro_export]
macro_rules! media_jobs_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(media_jobs, $stores, [$($attribute),*], [
            media_for_a_bucket_makes_a_job_with_all_it_takes,
            nothing_but_media_for_a_bucket_makes_a_job,
            the_bucket_is_that_of_the_moment_of_the_append,
            a_redelivered_event_makes_no_second_job,
            a_claimed_job_is_for_nobody_else,
            concurrent_claims_share_no_job,
            the_jobs_that_have_waited_longest_are_claimed_first,
            a_retry_of_a_job_waits_and_counts_an_attempt,
            the_jobs_of_an_instance_can_be_hastened,
            what_is_not_a_claimed_job_cannot_be_settled,
            a_crash_gives_all_jobs_back,
            the_next_due_is_that_of_an_unclaimed_job,
            the_progress_of_a_job_is_known_by_event_and_by_message,
            the_progress_of_the_newest_message_is_told_where_ids_clash,
            deliveries_are_held_until_the_given_moment_and_no_longer,
            deliveries_are_released_when_the_media_is_stored,
            deliveries_are_released_when_the_media_is_given_up,
            a_retry_of_a_job_leaves_its_deliveries_held,
            a_held_delivery_holds_its_lane_and_no_other,
            a_held_delivery_behind_others_is_released_in_its_place,
            a_delivery_that_waits_for_its_receiver_is_not_released_by_its_media,
            deliveries_of_other_events_stay_held,
            a_release_beside_deliveries_strands_nothing,
            a_removed_instance_takes_its_jobs_along,
            a_job_goes_with_its_event,
            a_job_whose_message_is_gone_is_given_up,
        ]);
    };
}

/// Until when deliveries are held, in seconds after the start.
const HELD: i64 = 30;

/// The share of an instance where shares do not matter.
const MOST: usize = 100;

fn bucket() -> S3Config {
    S3Config {
        region: "us-east-1".to_owned(),
        bucket: "media".to_owned(),
        access_key: "AK".to_owned(),
        secret_key: Secret::new("SK"),
        endpoint: None,
        path_prefix: String::new(),
    }
}

fn object(key: &str) -> StoredObject {
    let endpoint = Some("https://s3.example.com".to_owned());
    StoredObject { endpoint, bucket: "media".to_owned(), key: key.to_owned() }
}

pub(super) fn stored(key: &str) -> MediaSettlement {
    MediaSettlement::Stored(object(key))
}

pub(super) fn failed() -> MediaSettlement {
    MediaSettlement::Failed { reason: "no such media".to_owned() }
}

pub(super) fn retry(seconds: i64) -> MediaSettlement {
    MediaSettlement::Retry { due: build::moment(seconds), reason: "no such bucket".to_owned() }
}

/// An instance with a bucket and a webhook.
pub(super) async fn with_bucket(stores: &Stores, name: &str) -> InstanceId {
    let instance = stores.with_instance(name).await.id;
    stores.with_webhook(instance, "crm").await;
    let s3 = [InstanceChange::S3(Some(bucket()))];
    assert!(stores.instances.update(instance, &s3, build::moment(0)).await.unwrap());
    instance
}

pub(super) fn picture(person: u8) -> Message {
    let media = Media {
        kind: MediaKind::Image,
        url: Some("https://mmg.whatsapp.net/v/t62.enc".to_owned()),
        mime_type: Some("image/jpeg".to_owned()),
        file_name: None,
        caption: Some("look".to_owned()),
        size: Some(1234),
        duration: None,
    };
    let from = build::phone(&format!("551199999000{person}"));
    Message { content: Content::Media(media), ..build::incoming(&from, "") }
}

/// The event of a picture from one of a few people, recorded at the start and held for its media.
pub(super) fn held(message: Message) -> NewEvent {
    let media_until = Some(build::moment(HELD));
    NewEvent { media_until, ..build::message_event(message) }
}

/// A text in the chat with the same people.
fn text(person: u8) -> NewEvent {
    build::message_event(build::incoming(&build::phone(&format!("551199999000{person}")), "hi"))
}

pub(super) async fn append(
    stores: &Stores,
    instance: InstanceId,
    events: &[NewEvent],
) -> Vec<EventId> {
    stores.append(instance, events).await.into_iter().map(|appended| appended.id).collect()
}

async fn claim(stores: &Stores, seconds: i64) -> Vec<MediaJob> {
    stores.media_jobs.claim(build::moment(seconds), 100, MOST).await.unwrap()
}

pub(super) fn jobs(claimed: &[MediaJob]) -> Vec<EventId> {
    claimed.iter().map(|job| job.event).collect()
}

pub(super) async fn settle(
    stores: &Stores,
    event: EventId,
    settlement: &MediaSettlement,
    seconds: i64,
) {
    stores.media_jobs.settle(event, settlement, build::moment(seconds)).await.unwrap();
}

async fn progress(stores: &Stores, event: EventId) -> Option<MediaProgress> {
    stores.media_jobs.progress(event).await.unwrap()
}

async fn next_job(stores: &Stores) -> Option<Timestamp> {
    stores.media_jobs.next_due(MOST).await.unwrap()
}

async fn deliveries(stores: &Stores, seconds: i64) -> Vec<Delivery> {
    stores.due(seconds, &Room::of(10, 10)).await
}

/// At once, with the message as it was told and the encoding it is stored with.
pub async fn media_for_a_bucket_makes_a_job_with_all_it_takes(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let message = picture(1);
    let mut event = held(message.clone());
    (event.recorded_at, event.raw) = (build::moment(5), Some(Bytes::from_static(b"whole")));
    stores.append_one(instance, event.clone()).await;
    assert_eq!(claim(stores, 4).await, []);
    let expected = MediaJob {
        event: event.id,
        instance,
        message,
        raw: Bytes::from_static(b"whole"),
        attempts: 0,
        recorded_at: build::moment(5),
    };
    assert_eq!(claim(stores, 5).await, [expected]);
}

/// Without a bucket, or without being asked for, there is none, and deliveries are not held.
pub async fn nothing_but_media_for_a_bucket_makes_a_job(stores: &Stores) {
    let (with, without) =
        (with_bucket(stores, "with").await, stores.with_instance("without").await);
    stores.with_webhook(without.id, "crm").await;
    let not_asked = NewEvent { media_until: None, ..held(picture(1)) };
    let no_bucket = held(picture(1));
    let no_message = NewEvent { media_until: Some(build::moment(HELD)), ..build::state_event() };
    let mut expected = append(stores, with, &[not_asked, no_message]).await;
    expected.extend(append(stores, without.id, std::slice::from_ref(&no_bucket)).await);
    assert_eq!(claim(stores, 1_000).await, []);
    assert_eq!(next_job(stores).await, None);
    for event in &expected {
        assert_eq!(progress(stores, *event).await, None);
    }
    let mut given = events_of(&deliveries(stores, 0).await);
    given.sort();
    expected.sort();
    assert_eq!(given, expected);
}

/// A job that was made stays when the bucket is taken away; from then on none is made.
pub async fn the_bucket_is_that_of_the_moment_of_the_append(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let before = append(stores, instance, &[held(picture(1))]).await;
    let s3 = [InstanceChange::S3(None)];
    assert!(stores.instances.update(instance, &s3, build::moment(0)).await.unwrap());
    append(stores, instance, &[held(picture(2))]).await;
    assert_eq!(jobs(&claim(stores, 1_000).await), before);
}

/// Nor does it hold anything again or change what is known.
pub async fn a_redelivered_event_makes_no_second_job(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let message = picture(1);
    let first = append(stores, instance, &[held(message.clone()), held(message.clone())]).await;
    assert_eq!(jobs(&claim(stores, 0).await), [first[0]]);
    settle(stores, first[0], &stored("a"), 1).await;
    let again = held(message);
    append(stores, instance, std::slice::from_ref(&again)).await;
    assert_eq!(claim(stores, 1_000).await, []);
    assert_eq!(progress(stores, again.id).await, None);
    assert_eq!(progress(stores, first[0]).await, Some(MediaProgress::Stored(object("a"))));
    assert_eq!(events_of(&deliveries(stores, 1).await), [first[0]]);
}

/// Until it is settled; no more are given than are asked for.
pub async fn a_claimed_job_is_for_nobody_else(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let made = append(stores, instance, &[1, 2, 3].map(|n| held(picture(n)))).await;
    let now = build::moment(0);
    assert_eq!(stores.media_jobs.claim(now, 0, MOST).await.unwrap(), []);
    assert_eq!(jobs(&stores.media_jobs.claim(now, 2, MOST).await.unwrap()), made[..2]);
    assert_eq!(jobs(&claim(stores, 1_000).await), made[2..]);
    assert_eq!(claim(stores, 1_000).await, []);
}

/// Each goes to one of those who ask at once.
pub async fn concurrent_claims_share_no_job(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let new: Vec<_> = (0..24).map(|index| held(picture(index % 8))).collect();
    let mut made = append(stores, instance, &new).await;
    let claimed = at_once(6, |_| {
        let media_jobs = stores.media_jobs.clone();
        async move { media_jobs.claim(build::moment(0), 5, MOST).await.unwrap() }
    })
    .await;
    let mut given: Vec<_> = claimed.iter().flat_map(|claimed| jobs(claimed)).collect();
    given.extend(jobs(&claim(stores, 0).await));
    given.sort();
    made.sort();
    assert_eq!(given, made);
}

/// By when they were due, then in the order of the log.
pub async fn the_jobs_that_have_waited_longest_are_claimed_first(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let at = |seconds| NewEvent { recorded_at: build::moment(seconds), ..held(picture(1)) };
    let made = append(stores, instance, &[at(2), at(1), at(1), at(0)]).await;
    assert_eq!(jobs(&claim(stores, 5).await), [made[3], made[1], made[2], made[0]]);
    settle(stores, made[3], &retry(9), 5).await;
    settle(stores, made[0], &retry(8), 5).await;
    assert_eq!(jobs(&claim(stores, 9).await), [made[0], made[3]]);
}

/// Not before its time; nothing else of it changes.
pub async fn a_retry_of_a_job_waits_and_counts_an_attempt(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    stores.append_one(instance, held(picture(1))).await;
    let first = claim(stores, 0).await.remove(0);
    for attempts in 1..4 {
        let due = 100 * i64::from(attempts);
        settle(stores, first.event, &retry(due), 1).await;
        assert_eq!(claim(stores, due - 1).await, []);
        assert_eq!(claim(stores, due).await, [MediaJob { attempts, ..first.clone() }]);
    }
}

/// Not one that is gone, waits or is done.
pub async fn what_is_not_a_claimed_job_cannot_be_settled(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    settle(stores, EventId(build::uuid()), &stored("a"), 0).await;
    let event = append(stores, instance, &[held(picture(1))]).await[0];
    settle(stores, event, &stored("a"), 0).await;
    assert_eq!(progress(stores, event).await, Some(MediaProgress::Waiting(None)));
    assert_eq!(stores.first_head().await, Some(build::moment(HELD)));
    claim(stores, 0).await;
    settle(stores, event, &stored("a"), 0).await;
    for late in [failed(), retry(5), stored("b")] {
        settle(stores, event, &late, 1).await;
        assert_eq!(progress(stores, event).await, Some(MediaProgress::Stored(object("a"))));
    }
    assert_eq!(claim(stores, 1_000).await, []);
}

/// Those that wait and no others; what they were tried is not forgotten.
pub async fn the_jobs_of_an_instance_can_be_hastened(stores: &Stores) {
    let (one, other) = (with_bucket(stores, "one").await, with_bucket(stores, "two").await);
    let made = append(stores, one, &[1, 2, 3].map(|n| held(picture(n)))).await;
    let others = append(stores, other, &[held(picture(4))]).await;
    claim(stores, 0).await;
    settle(stores, made[0], &retry(60), 0).await;
    settle(stores, made[1], &stored("a"), 0).await;
    settle(stores, others[0], &retry(60), 0).await;
    assert_eq!(stores.media_jobs.hasten(one, build::moment(5)).await.unwrap(), 1);
    assert_eq!(stores.media_jobs.hasten(one, build::moment(5)).await.unwrap(), 0);
    assert_eq!(claim(stores, 4).await, []);
    let claimed = claim(stores, 5).await;
    assert_eq!(jobs(&claimed), [made[0]]);
    assert_eq!(claimed[0].attempts, 1);
}

/// As they were.
pub async fn a_crash_gives_all_jobs_back(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let made = append(stores, instance, &[1, 2, 3].map(|n| held(picture(n)))).await;
    let claimed = claim(stores, 0).await;
    settle(stores, made[0], &stored("a"), 0).await;
    settle(stores, made[1], &retry(7), 0).await;
    assert_eq!(stores.media_jobs.release_all().await.unwrap(), 1);
    assert_eq!(claim(stores, 0).await, claimed[2..]);
    assert_eq!(stores.media_jobs.release_all().await.unwrap(), 1);
    assert_eq!(stores.media_jobs.release_all().await.unwrap(), 0);
}

/// Whether it is due by now or not.
pub async fn the_next_due_is_that_of_an_unclaimed_job(stores: &Stores) {
    assert_eq!(next_job(stores).await, None);
    let instance = with_bucket(stores, "sales").await;
    let at = |seconds| NewEvent { recorded_at: build::moment(seconds), ..held(picture(1)) };
    let made = append(stores, instance, &[at(20), at(10)]).await;
    assert_eq!(next_job(stores).await, Some(build::moment(10)));
    assert_eq!(jobs(&claim(stores, 10).await), [made[1]]);
    assert_eq!(next_job(stores).await, Some(build::moment(20)));
    settle(stores, made[1], &retry(15), 10).await;
    assert_eq!(next_job(stores).await, Some(build::moment(15)));
    claim(stores, 20).await;
    assert_eq!(next_job(stores).await, None);
    for event in made {
        settle(stores, event, &stored("a"), 20).await;
    }
    assert_eq!(next_job(stores).await, None);
}

/// At each step; by the message's id only within its instance.
pub async fn the_progress_of_a_job_is_known_by_event_and_by_message(stores: &Stores) {
    let (one, other) = (with_bucket(stores, "one").await, with_bucket(stores, "two").await);
    let message = picture(1);
    let event = append(stores, one, &[held(message.clone())]).await[0];
    let is = async |expected: MediaProgress| {
        assert_eq!(progress(stores, event).await, Some(expected.clone()));
        let found = stores.media_jobs.progress_of_message(one, &message.id).await.unwrap();
        assert_eq!(found, Some(expected));
    };
    is(MediaProgress::Waiting(None)).await;
    claim(stores, 0).await;
    is(MediaProgress::Waiting(None)).await;
    settle(stores, event, &retry(5), 0).await;
    is(MediaProgress::Waiting(Some("no such bucket".to_owned()))).await;
    claim(stores, 5).await;
    settle(stores, event, &stored("in/a.jpg"), 5).await;
    is(MediaProgress::Stored(object("in/a.jpg"))).await;

    let on_aws = StoredObject { endpoint: None, ..object("b") };
    let second = append(stores, one, &[held(picture(2)), held(picture(3))]).await;
    claim(stores, 5).await;
    settle(stores, second[0], &MediaSettlement::Stored(on_aws.clone()), 5).await;
    settle(stores, second[1], &failed(), 5).await;
    assert_eq!(progress(stores, second[0]).await, Some(MediaProgress::Stored(on_aws)));
    let given_up = MediaProgress::Failed("no such media".to_owned());
    assert_eq!(progress(stores, second[1]).await, Some(given_up));

    let nobody = build::message_id();
    for (instance, id) in [(other, &message.id), (one, &nobody)] {
        assert_eq!(stores.media_jobs.progress_of_message(instance, id).await.unwrap(), None);
    }
}

/// By the time it was sent, as messages are found.
pub async fn the_progress_of_the_newest_message_is_told_where_ids_clash(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let id = build::message_id();
    for (person, sent_at) in [(1, 10), (2, 30), (3, 20)] {
        let timestamp = build::moment(sent_at);
        let message = Message { id: id.clone(), timestamp, ..picture(person) };
        let event = append(stores, instance, &[held(message)]).await[0];
        claim(stores, 0).await;
        settle(stores, event, &stored(&person.to_string()), 0).await;
    }
    let told = stores.media_jobs.progress_of_message(instance, &id).await.unwrap();
    assert_eq!(told, Some(MediaProgress::Stored(object("2"))));
}

/// Whether the job was claimed or not, and the job goes on.
pub async fn deliveries_are_held_until_the_given_moment_and_no_longer(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let made = append(stores, instance, &[held(picture(1)), held(picture(2))]).await;
    assert_eq!(stores.media_jobs.claim(build::moment(0), 1, MOST).await.unwrap().len(), 1);
    assert_eq!(stores.first_head().await, Some(build::moment(HELD)));
    assert_eq!(deliveries(stores, HELD - 1).await, []);
    assert_eq!(events_of(&deliveries(stores, HELD).await), made);
    settle(stores, made[0], &stored("a"), HELD + 1).await;
    assert_eq!(progress(stores, made[0]).await, Some(MediaProgress::Stored(object("a"))));
    assert_eq!(jobs(&claim(stores, HELD + 1).await), made[1..]);
}

/// At the moment it is, to each sink.
pub async fn deliveries_are_released_when_the_media_is_stored(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    stores.with_webhook(instance, "second").await;
    let event = append(stores, instance, &[held(picture(1))]).await[0];
    claim(stores, 0).await;
    settle(stores, event, &stored("a"), 4).await;
    assert_eq!(stores.first_head().await, Some(build::moment(4)));
    assert_eq!(deliveries(stores, 3).await, []);
    assert_eq!(events_of(&deliveries(stores, 4).await), [event, event]);
}

/// In the same way.
pub async fn deliveries_are_released_when_the_media_is_given_up(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let event = append(stores, instance, &[held(picture(1))]).await[0];
    claim(stores, 0).await;
    settle(stores, event, &failed(), 4).await;
    assert_eq!(stores.first_head().await, Some(build::moment(4)));
    assert_eq!(events_of(&deliveries(stores, 4).await), [event]);
}

/// However long the job has to wait.
pub async fn a_retry_of_a_job_leaves_its_deliveries_held(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let event = append(stores, instance, &[held(picture(1))]).await[0];
    for due in [5, 3_600] {
        claim(stores, 5).await;
        settle(stores, event, &retry(due), 4).await;
        assert_eq!(stores.first_head().await, Some(build::moment(HELD)));
        assert_eq!(deliveries(stores, HELD - 1).await, []);
    }
    assert_eq!(events_of(&deliveries(stores, HELD).await), [event]);
}

/// What comes after it in the chat waits for it; other chats do not.
pub async fn a_held_delivery_holds_its_lane_and_no_other(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let made = append(stores, instance, &[held(picture(1)), text(1), text(2)]).await;
    let later = append(stores, instance, &[text(1)]).await;
    let given = deliveries(stores, 5).await;
    assert_eq!(events_of(&given), [made[2]]);
    stores.settle(&[(given[0].id, build::delivered())]).await;
    claim(stores, 0).await;
    settle(stores, made[0], &stored("a"), 6).await;
    assert_eq!(events_of(&deliveries(stores, 6).await), [made[0], made[1], later[0]]);
}

/// It goes out with those before it, and its release gets none out of turn.
pub async fn a_held_delivery_behind_others_is_released_in_its_place(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let made = append(stores, instance, &[text(1), held(picture(1)), text(1)]).await;
    let deliverer = Deliverer::of(stores);
    let room = Room::of(10, 10);
    // Its lane is served while it is released.
    let head = deliverer.take(5, &room).await;
    assert_eq!(events_of(&head), [made[0]]);
    claim(stores, 0).await;
    settle(stores, made[1], &stored("a"), 6).await;
    assert_eq!(deliverer.take(7, &room).await, []);
    assert_eq!(deliverer.first_head().await, None);
    deliverer.settle(&[(head[0].id, build::delivered())]).await;
    assert_eq!(deliverer.first_head().await, Some(build::moment(6)));
    assert_eq!(events_of(&deliverer.take(7, &room).await), made[1..]);

    // Its lane's head waits, and not for it.
    let made = append(stores, instance, &[text(2), held(picture(2)), text(2)]).await;
    claim(stores, 0).await;
    settle(stores, made[1], &stored("a"), 6).await;
    assert_eq!(deliverer.first_head().await, Some(build::moment(0)));
    assert_eq!(events_of(&deliverer.take(7, &room).await), made);
}

/// It was tried already, and its receiver asked for time.
pub async fn a_delivery_that_waits_for_its_receiver_is_not_released_by_its_media(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let event = append(stores, instance, &[held(picture(1))]).await[0];
    claim(stores, 0).await;
    let tried = deliveries(stores, HELD).await;
    let later = build::retry(build::moment(90));
    stores.settle(&[(tried[0].id, later)]).await;
    settle(stores, event, &stored("a"), 40).await;
    assert_eq!(stores.first_head().await, Some(build::moment(90)));
    assert_eq!(deliveries(stores, 89).await, []);
    assert_eq!(events_of(&deliveries(stores, 90).await), [event]);
}

/// Each waits for its own media.
pub async fn deliveries_of_other_events_stay_held(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let made = append(stores, instance, &[held(picture(1)), held(picture(2))]).await;
    claim(stores, 0).await;
    settle(stores, made[1], &stored("b"), 3).await;
    let given = deliveries(stores, HELD - 1).await;
    assert_eq!(events_of(&given), [made[1]]);
    stores.settle(&[(given[0].id, build::delivered())]).await;
    assert_eq!(stores.first_head().await, Some(build::moment(HELD)));
}

/// Appends, uploads and deliveries at once: in the end each delivery was given once and in order.
pub async fn a_release_beside_deliveries_strands_nothing(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    stores.with_webhook(instance, "second").await;
    let deliverer = Arc::new(Deliverer::of(stores));
    let given: Arc<Mutex<Given>> = Arc::default();
    let uploads = at_once(4, |person| {
        let (stores, deliverer, given) = (stores.clone(), deliverer.clone(), given.clone());
        let person = u8::try_from(person).unwrap();
        async move {
            for _ in 0..8 {
                append(&stores, instance, &[held(picture(person)), text(person)]).await;
                for job in stores.media_jobs.claim(build::moment(1), 3, MOST).await.unwrap() {
                    settle(&stores, job.event, &stored("a"), 1).await;
                }
                deliver_all(&deliverer, &given).await;
            }
        }
    });
    uploads.await;
    for job in claim(stores, 1).await {
        settle(stores, job.event, &stored("a"), 1).await;
    }
    while deliver_all(&deliverer, &given).await > 0 {}
    assert_eq!(stores.first_head().await, None);
    assert_eq!(next_job(stores).await, None);
    let given = given.lock().await;
    assert_eq!(given.len(), 4 * 2);
    for sequences in given.values() {
        assert_eq!(sequences.len(), 8 * 2);
        assert!(sequences.is_sorted_by(|earlier, later| earlier < later), "{sequences:?}");
    }
}

/// The sequences of what was given, by lane.
type Given = HashMap<SinkLane, Vec<i64>>;

/// Takes what is due at the first second and settles it; says how many there were.
async fn deliver_all(deliverer: &Deliverer, given: &Mutex<Given>) -> usize {
    let taken = deliverer.take(1, &Room::of(10, 10)).await;
    for one in &taken {
        given.lock().await.entry(one.sink_lane()).or_default().push(one.event.sequence);
    }
    let done: Vec<_> = taken.iter().map(|one| (one.id, build::delivered())).collect();
    deliverer.settle(&done).await;
    done.len()
}

/// Claimed, waiting or done; those of others stay.
pub async fn a_removed_instance_takes_its_jobs_along(stores: &Stores) {
    let (gone, stays) = (with_bucket(stores, "gone").await, with_bucket(stores, "stays").await);
    let of_gone = append(stores, gone, &[1, 2, 3].map(|n| held(picture(n)))).await;
    assert_eq!(stores.media_jobs.claim(build::moment(0), 2, MOST).await.unwrap().len(), 2);
    settle(stores, of_gone[0], &stored("a"), 0).await;
    let of_stays = append(stores, stays, &[held(picture(1))]).await;
    assert!(stores.instances.remove(gone).await.unwrap());
    for event in &of_gone {
        assert_eq!(progress(stores, *event).await, None);
        settle(stores, *event, &stored("a"), 0).await;
    }
    assert_eq!(jobs(&claim(stores, 1_000).await), of_stays);
}

/// Once that is pruned, which it is not while there is something to do.
pub async fn a_job_goes_with_its_event(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let s3 = [InstanceChange::S3(Some(bucket()))];
    assert!(stores.instances.update(instance, &s3, build::moment(0)).await.unwrap());
    let message = picture(1);
    let event = append(stores, instance, &[held(message.clone())]).await[0];
    let keep = EventRetention { before: Some(build::moment(10)), ..EventRetention::default() };
    assert_eq!(stores.events.prune(&keep, 10).await.unwrap().events, 0);
    assert_eq!(jobs(&claim(stores, 1).await), [event]);
    assert_eq!(stores.events.prune(&keep, 10).await.unwrap().events, 0);
    settle(stores, event, &stored("a"), 1).await;
    assert_eq!(stores.events.prune(&keep, 10).await.unwrap().events, 1);
    assert_eq!(progress(stores, event).await, None);
    let told = stores.media_jobs.progress_of_message(instance, &message.id).await.unwrap();
    assert_eq!(told, None);
    assert_eq!(claim(stores, 1_000).await, []);
}

/// Nobody can do it any more, and its deliveries do not wait for it.
pub async fn a_job_whose_message_is_gone_is_given_up(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let message = Message { timestamp: build::moment(-1_000), ..picture(1) };
    let event = append(stores, instance, &[held(message), held(picture(2))]).await;
    let before = Some(build::moment(-500));
    assert_eq!(stores.messages.prune(before, build::moment(0), 10).await.unwrap(), 1);
    assert_eq!(jobs(&claim(stores, 3).await), event[1..]);
    let told = progress(stores, event[0]).await;
    assert!(matches!(told, Some(MediaProgress::Failed(_))), "{told:?}");
    assert_eq!(events_of(&deliveries(stores, 3).await), event[..1]);
}
