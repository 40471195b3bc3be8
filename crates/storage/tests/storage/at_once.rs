//! Everything that touches the queue at the same time: nobody waits for ever, nothing is left behind.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use wharf_domain::{
    Error, Resource,
    delivery::{Delivery, SinkLane, SinkRef},
    event::{EventId, Lane, NewEvent},
    instance::InstanceId,
    ports::{LogStart, Room},
    webhook::WebhookId,
};
use wharf_testkit::{Stores, build};

const APPENDERS: usize = 4;
const APPENDS: usize = 25;

/// Some lanes in one order, the next time in the other.
async fn append(stores: Stores, instance: InstanceId) {
    for round in 0..APPENDS {
        let mut people: Vec<_> = (1..=4).collect();
        if round % 2 == 1 {
            people.reverse();
        }
        let events: Vec<_> = people
            .into_iter()
            .map(|person| build::phone(&format!("551199999000{person}")))
            .map(|from| build::message_event(build::incoming(&from, "hi")))
            .collect();
        stores.events.append(instance, &events).await.unwrap();
    }
}

async fn remove_and_add(stores: Stores, instance: InstanceId) {
    for _ in 0..APPENDS {
        let webhook = stores
            .webhooks
            .upsert(instance, &build::webhook("fickle"), build::moment(0))
            .await
            .unwrap();
        tokio::task::yield_now().await;
        assert!(stores.webhooks.remove(instance, &webhook.label).await.unwrap());
    }
}

/// The lanes that somebody serves. Who asks what is due keeps it until all of that is noted here.
type Served = tokio::sync::Mutex<HashSet<SinkLane>>;

/// Delivers most, gives some back and tries some again, until the work is over and nothing is left.
async fn deliver(
    stores: Stores,
    working: Arc<AtomicUsize>,
    served: Arc<Served>,
    delivered: Arc<Mutex<Vec<Delivery>>>,
) {
    let now = build::moment(60);
    loop {
        let was_over = working.load(Ordering::SeqCst) == 0;
        let mut lanes = served.lock().await;
        let room = Room { served: lanes.clone(), ..Room::of(20, 3) };
        let due = stores.deliveries.due(now, &room).await.unwrap();
        let own: HashSet<_> = due.iter().map(Delivery::sink_lane).collect();
        assert!(lanes.is_disjoint(&own), "what is served was given");
        lanes.extend(own.iter().cloned());
        drop(lanes);
        if due.is_empty() {
            if was_over && stores.deliveries.heads(&HashSet::new()).await.unwrap().is_empty() {
                return;
            }
            tokio::task::yield_now().await;
            continue;
        }
        let retry = build::retry(now);
        let mut settlements = Vec::new();
        let mut stopped: HashSet<SinkLane> = HashSet::new();
        for one in due {
            let lane = one.sink_lane();
            if stopped.contains(&lane) {
                continue;
            }
            if one.attempts == 0 && one.event.sequence % 5 == 0 {
                settlements.push((one.id, retry.clone()));
                stopped.insert(lane);
            } else {
                settlements.push((one.id, build::delivered()));
                delivered.lock().unwrap().push(one);
            }
        }
        let waiting: HashSet<_> =
            stores.deliveries.settle(&settlements).await.unwrap().into_iter().collect();
        assert!(waiting.is_subset(&own), "a lane was told that nothing was settled of");
        served.lock().await.retain(|lane| !own.contains(lane));
    }
}

async fn with_instance(stores: &Stores, name: &str) -> (InstanceId, WebhookId) {
    let account = build::account(name);
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let (instance, webhook) = (build::instance(account.id, name), build::webhook("steady"));
    stores.instances.insert(&instance, Some(&webhook)).await.unwrap();
    (instance.id, webhook.id)
}

async fn nothing_is_lost_repeated_or_out_of_order(stores: Stores) {
    let instances = [with_instance(&stores, "one").await, with_instance(&stores, "two").await];
    let working = Arc::new(AtomicUsize::new(APPENDERS + instances.len()));
    let served = Arc::<Served>::default();
    let delivered = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..APPENDERS {
        let (stores, working) = (stores.clone(), working.clone());
        let (instance, _) = instances[index % instances.len()];
        tasks.spawn(async move {
            append(stores, instance).await;
            working.fetch_sub(1, Ordering::SeqCst);
        });
    }
    for (instance, _) in instances {
        let (stores, working) = (stores.clone(), working.clone());
        tasks.spawn(async move {
            remove_and_add(stores, instance).await;
            working.fetch_sub(1, Ordering::SeqCst);
        });
    }
    for _ in 0..3 {
        tasks.spawn(deliver(stores.clone(), working.clone(), served.clone(), delivered.clone()));
    }
    tasks.join_all().await;

    let delivered = std::mem::take(&mut *delivered.lock().unwrap());
    for (_, webhook) in instances {
        let own = delivered.iter().filter(|one| one.sink == SinkRef::Webhook(webhook));
        let mut lanes: HashMap<&Lane, Vec<i64>> = HashMap::new();
        let mut events: HashSet<EventId> = HashSet::new();
        for one in own {
            lanes.entry(&one.lane).or_default().push(one.event.sequence);
            assert!(events.insert(one.event.id), "an event was delivered twice");
        }
        assert_eq!(events.len(), APPENDERS / instances.len() * APPENDS * 4);
        assert!(lanes.values().all(|sequences| sequences.is_sorted()), "{lanes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_repeated_or_out_of_order_on_sqlite() {
    nothing_is_lost_repeated_or_out_of_order(crate::home::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn nothing_is_lost_repeated_or_out_of_order_on_postgres() {
    nothing_is_lost_repeated_or_out_of_order(crate::home::postgres().await).await;
}

/// One of a group that is appended together is refused, and one is of no instance.
async fn an_append_that_fails_spoils_it_for_nobody_else(stores: Stores) {
    let (instance, _) = with_instance(&stores, "one").await;
    let from = build::phone("5511999990001");
    let event = || build::message_event(build::incoming(&from, "hi"));
    let there = NewEvent { key: None, ..event() };
    stores.events.append(instance, std::slice::from_ref(&there)).await.unwrap();
    let appends = (0..40).map(|nth| {
        let (events, again) = (stores.events.clone(), there.clone());
        let event = event();
        async move {
            match nth {
                13 => events.append(instance, &[again]).await,
                17 => events.append(InstanceId(build::uuid()), &[event]).await,
                _ => events.append(instance, &[event]).await,
            }
        }
    });
    let answers = futures::future::join_all(appends).await;
    for (nth, answer) in answers.into_iter().enumerate() {
        match (nth, answer) {
            (13, Err(_)) | (17, Err(Error::NotFound(Resource::Instance))) => {}
            (13 | 17, answer) => panic!("{nth}: {answer:?}"),
            (_, answer) => assert!(answer.unwrap()[0].is_new, "{nth}"),
        }
    }
    let log = stores.events.read(instance, LogStart::Oldest, 100).await.unwrap();
    assert_eq!(log.len(), 1 + 38);
    assert!(log.is_sorted_by_key(|event| event.sequence));
    let due = stores.deliveries.due(build::moment(60), &Room::of(9, 100)).await.unwrap();
    assert_eq!(due.len(), 1 + 38);
}

#[tokio::test]
async fn an_append_that_fails_spoils_it_for_nobody_else_on_sqlite() {
    an_append_that_fails_spoils_it_for_nobody_else(crate::home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn an_append_that_fails_spoils_it_for_nobody_else_on_postgres() {
    an_append_that_fails_spoils_it_for_nobody_else(crate::home::postgres().await).await;
}
