//! What an [`EventLog`](wharf_domain::ports::EventLog) promises to whoever reads it.

use chrono::TimeDelta;
use wharf_domain::{
    call::{CallAction, CallUpdate},
    event::{Event, EventBody, EventId, NewEvent},
    group::{GroupAction, GroupChange},
    instance::InstanceId,
    label::{LabelAction, LabelChange},
    message::{Content, Message},
    ports::{EventRetention, LogStart},
};

use crate::{Stores, build};

/// Makes a test of each thing an `EventLog` promises to whoever reads it.
#[macro_export]
macro_rules! event_reading_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(event_reading, $stores, [$($attribute),*], [
            the_log_is_read_in_its_order_page_by_page,
            whatever_happened_is_read_back_whole,
            reading_goes_on_after_an_event,
            after_an_event_that_is_not_in_the_log_reading_begins_at_its_moment,
            an_event_of_another_instance_is_not_in_the_log,
            reading_begins_at_a_moment_whatever_the_disorder,
            reading_at_a_moment_of_a_long_log_finds_it,
            the_end_is_behind_everything_and_before_what_comes,
            a_log_of_no_instance_is_empty,
            nobody_misses_what_is_appended_while_they_read,
        ]);
    };
}

fn at(seconds: i64) -> NewEvent {
    NewEvent { recorded_at: build::moment(seconds), ..build::state_event() }
}

async fn read(stores: &Stores, instance: InstanceId, from: LogStart) -> Vec<Event> {
    stores.events.read(instance, from, 1_000).await.unwrap()
}

fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

fn ids_of(events: &[NewEvent]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

/// Whoever goes on after the last one they got gets all, each once; other instances' are none of it.
pub async fn the_log_is_read_in_its_order_page_by_page(stores: &Stores) {
    let (instance, other) =
        (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    let mut expected = Vec::new();
    for count in [3, 1, 4] {
        let events: Vec<_> = (0..count).map(|_| build::state_event()).collect();
        expected.extend(ids_of(&events));
        stores.append(instance, &events).await;
        stores.append_one(other, build::state_event()).await;
    }
    let (mut from, mut given) = (LogStart::Oldest, Vec::new());
    loop {
        let page = stores.events.read(instance, from, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        from = LogStart::AfterSequence(last.sequence);
        given.extend(page);
    }
    assert_eq!(ids(&given), expected);
    assert!(given.is_sorted_by(|earlier, later| earlier.sequence < later.sequence));
    assert!(given.iter().all(|event| event.instance == instance));
    assert_eq!(read(stores, other, LogStart::Oldest).await.len(), 3);
    assert_eq!(stores.events.read(instance, LogStart::Oldest, 0).await.unwrap(), []);
}

/// Calls, groups and labels with all that can be known of them and with as little; polls and what people picked.
pub async fn whatever_happened_is_read_back_whole(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let bodies: Vec<_> = [calls(), groups(), labels(), contents()].concat();
    let events: Vec<_> = (0..).zip(bodies).map(|(n, body)| NewEvent { body, ..at(n) }).collect();
    stores.append(instance, &events).await;
    let given = read(stores, instance, LogStart::Oldest).await;
    assert_eq!(given.len(), events.len());
    for (given, expected) in given.iter().zip(&events) {
        assert_eq!(given.body, expected.body);
        assert_eq!((given.id, given.recorded_at), (expected.id, expected.recorded_at));
    }
}

fn ana() -> wharf_domain::address::Party {
    let lid = Some(build::jid("42@lid"));
    wharf_domain::address::Party { lid, ..build::party(build::phone("5511999990001"), Some("Ana")) }
}

fn group() -> wharf_domain::address::Party {
    build::party(build::jid("120363000000000001@g.us"), Some("Sales"))
}

fn calls() -> Vec<EventBody> {
    let bare = CallUpdate {
        action: CallAction::Offer,
        id: "CALL".to_owned(),
        from: ana(),
        group: None,
        is_group: false,
        is_video: false,
        reason: None,
        duration: None,
        timestamp: build::moment(7),
    };
    let full = CallUpdate {
        group: Some(group().jid),
        is_group: true,
        is_video: true,
        reason: Some("missed".to_owned()),
        duration: Some(61),
        ..bare.clone()
    };
    let actions = [
        CallAction::Offer,
        CallAction::Accepted,
        CallAction::Rejected,
        CallAction::Terminated,
        CallAction::Notification,
        CallAction::Latency,
    ];
    let all = actions.map(|action| CallUpdate { action, ..full.clone() });
    [bare].into_iter().chain(all).map(EventBody::Call).collect()
}

fn groups() -> Vec<EventBody> {
    let actions = [
        GroupAction::Created,
        GroupAction::Deleted,
        GroupAction::Joined,
        GroupAction::Left,
        GroupAction::Promoted,
        GroupAction::Demoted,
        GroupAction::NumberChanged,
        GroupAction::Name("Sales".to_owned()),
        GroupAction::Topic(Some("What we sell".to_owned())),
        GroupAction::Topic(None),
        GroupAction::Announce(true),
        GroupAction::Locked(false),
        GroupAction::Link,
        GroupAction::Ephemeral(86_400),
        GroupAction::Approval(true),
        GroupAction::MemberAddMode("admin_add".to_owned()),
        GroupAction::JoinRequested,
        GroupAction::JoinRequestRevoked,
        GroupAction::Other("growth_locked".to_owned()),
    ];
    let full = actions.map(|action| GroupChange {
        action,
        group: group(),
        author: Some(ana()),
        participants: vec![ana(), build::party(build::jid("43@lid"), None)],
        reason: Some("invite".to_owned()),
        timestamp: build::moment(7),
    });
    let bare =
        GroupChange { author: None, participants: Vec::new(), reason: None, ..full[0].clone() };
    [bare].into_iter().chain(full).map(EventBody::Group).collect()
}

fn labels() -> Vec<EventBody> {
    let actions = [
        LabelAction::Edited { name: "New".to_owned(), color: 3 },
        LabelAction::Deleted { name: Some("New".to_owned()), color: Some(3) },
        LabelAction::Deleted { name: None, color: None },
        LabelAction::Chat { chat: ana(), labeled: true },
        LabelAction::Chat { chat: group(), labeled: false },
    ];
    let change =
        |action| LabelChange { label: "5".to_owned(), action, timestamp: build::moment(7) };
    actions.map(change).map(EventBody::Label).to_vec()
}

fn contents() -> Vec<EventBody> {
    let contents = [
        Content::Poll {
            title: "When?".to_owned(),
            options: vec!["now".to_owned(), "never".to_owned()],
            selectable: 1,
        },
        Content::PollVote { target: build::message_id(), selected: vec!["now".to_owned()] },
        Content::PollVote { target: build::message_id(), selected: Vec::new() },
        Content::FlowReply {
            name: "address".to_owned(),
            params: "{\"a\":1}".to_owned(),
            text: "Sent".to_owned(),
        },
    ];
    let message = |content| Message { content, ..build::incoming(&ana().jid, "") };
    contents.map(|content| EventBody::Message(Box::new(message(content)))).to_vec()
}

/// However it is named.
pub async fn reading_goes_on_after_an_event(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    // Recorded against their order, which does not matter.
    let events = [at(30), at(20), at(10)];
    stores.append(instance, &events).await;
    let after = read(stores, instance, LogStart::AfterEvent(events[0].id)).await;
    assert_eq!(ids(&after), ids_of(&events[1..]));
    let place = LogStart::AfterSequence(after[0].sequence);
    assert_eq!(ids(&read(stores, instance, place).await), ids_of(&events[2..]));
    assert_eq!(read(stores, instance, LogStart::AfterEvent(events[2].id)).await, []);
}

/// An event of the time before last, which was pruned, or of another gateway.
pub async fn after_an_event_that_is_not_in_the_log_reading_begins_at_its_moment(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let gone = EventId(build::uuid());
    let around = [-1, 1].map(|seconds| NewEvent {
        recorded_at: gone.moment() + TimeDelta::seconds(seconds),
        ..build::state_event()
    });
    stores.append(instance, &around).await;
    let given = read(stores, instance, LogStart::AfterEvent(gone)).await;
    assert_eq!(ids(&given), ids_of(&around[1..]));
}

/// Its place is in a log of its own.
pub async fn an_event_of_another_instance_is_not_in_the_log(stores: &Stores) {
    let (instance, other) =
        (stores.with_instance("one").await.id, stores.with_instance("two").await.id);
    let mine = NewEvent { recorded_at: build::moment(86_400), ..build::state_event() };
    stores.append(instance, std::slice::from_ref(&mine)).await;
    let theirs: Vec<_> = (0..5).map(|_| build::state_event()).collect();
    stores.append(other, &theirs).await;
    let given = read(stores, instance, LogStart::AfterEvent(theirs[4].id)).await;
    assert_eq!(ids(&given), [mine.id]);
}

/// What was recorded then or later, in the order of the log.
pub async fn reading_begins_at_a_moment_whatever_the_disorder(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let events = [at(10), at(30), at(20), at(40), at(19)];
    stores.append(instance, &events).await;
    let since = |seconds| LogStart::Since(build::moment(seconds));
    assert_eq!(ids(&read(stores, instance, since(20)).await), ids_of(&events[1..4]));
    assert_eq!(ids(&read(stores, instance, since(0)).await), ids_of(&events));
    assert_eq!(read(stores, instance, since(41)).await, []);
}

/// Though much is before it, some of that is gone, and some places were never taken.
pub async fn reading_at_a_moment_of_a_long_log_finds_it(stores: &Stores) {
    const GONE: usize = 20;
    let instance = stores.with_instance("sales").await.id;
    let events: Vec<_> = (0..200).map(|hour| at(3_600 * hour)).collect();
    let repeated = build::message_event(build::incoming(&ana().jid, "hi"));
    for events in events.chunks(7) {
        stores.append(instance, events).await;
        stores.append_one(instance, NewEvent { id: at(0).id, ..repeated.clone() }).await;
    }
    let before = Some(events[GONE].recorded_at);
    let keep = EventRetention { before, ..EventRetention::default() };
    stores.events.prune(&keep, 1_000).await.unwrap();
    for hour in [0, GONE, GONE + 1, 63, 150, 199] {
        let since = LogStart::Since(events[hour].recorded_at);
        let given = ids(&read(stores, instance, since).await);
        assert_eq!(given, ids_of(&events[hour.max(GONE)..]), "since hour {hour}");
    }
    let none = LogStart::Since(build::moment(3_600 * 200));
    assert_eq!(read(stores, instance, none).await, []);
}

/// Whoever begins there gets what happens from now on, and nothing else.
pub async fn the_end_is_behind_everything_and_before_what_comes(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    assert_eq!(stores.events.end(instance).await.unwrap(), 0);
    stores.append(instance, &[build::state_event(), build::state_event()]).await;
    let end = stores.events.end(instance).await.unwrap();
    let last = read(stores, instance, LogStart::Oldest).await.pop().unwrap();
    assert_eq!(end, last.sequence);
    assert_eq!(read(stores, instance, LogStart::AfterSequence(end)).await, []);
    let next = build::state_event();
    stores.append_one(instance, next.clone()).await;
    assert_eq!(ids(&read(stores, instance, LogStart::AfterSequence(end)).await), [next.id]);
}

/// And has no end but its beginning.
pub async fn a_log_of_no_instance_is_empty(stores: &Stores) {
    let nobody = InstanceId(build::uuid());
    for from in [LogStart::Oldest, LogStart::Since(build::moment(0))] {
        assert_eq!(read(stores, nobody, from).await, []);
    }
    assert_eq!(stores.events.end(nobody).await.unwrap(), 0);
}

/// What was not there at one time comes at no later time before what was.
pub async fn nobody_misses_what_is_appended_while_they_read(stores: &Stores) {
    const APPENDERS: usize = 4;
    const APPENDS: usize = 15;
    let instance = stores.with_instance("sales").await.id;
    let mut appenders = tokio::task::JoinSet::new();
    for _ in 0..APPENDERS {
        let events = stores.events.clone();
        appenders.spawn(async move {
            for _ in 0..APPENDS {
                let batch = [build::state_event(), build::state_event()];
                events.append(instance, &batch).await.unwrap();
            }
        });
    }
    let (mut after, mut given) = (0, 0);
    while given < APPENDERS * APPENDS * 2 {
        let was_over = appenders.try_join_next().is_none() && appenders.is_empty();
        let page = stores.events.read(instance, LogStart::AfterSequence(after), 5).await.unwrap();
        assert!(!(was_over && page.is_empty()), "only {given} were given");
        given += page.len();
        after = page.last().map_or(after, |event| event.sequence);
        tokio::task::yield_now().await;
    }
    assert_eq!(stores.events.end(instance).await.unwrap(), after);
}
