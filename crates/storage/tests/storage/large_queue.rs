//! A receiver that was away for long: thousands wait, and order and cost stay what they are.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use wharf_domain::{
    delivery::{Delivery, DeliveryState, Replay},
    event::{EventId, Lane, NewEvent},
    ports::{DeliveryFilter, DeliveryQueue, EventRetention, LogStart, Room},
    webhook::Webhook,
};
use wharf_sql::{Config, Database, testing::PostgresSchema};
use wharf_testkit::{Stores, build};

use crate::home::{file_in, open, stores_on};

const CHATS: usize = 50;
const EVENTS: usize = 4000;

/// Thousands of events in a few dozen lanes of one webhook; gives the ids lane by lane.
async fn fill(stores: &Stores) -> HashMap<Lane, Vec<EventId>> {
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let instance = build::instance(account.id, "sales");
    stores.instances.insert(&instance, Some(&build::webhook("crm"))).await.unwrap();
    let mut lanes: HashMap<Lane, Vec<EventId>> = HashMap::new();
    for batch in 0..EVENTS / 500 {
        let events: Vec<NewEvent> = (0..500)
            .map(|index| {
                let from = build::phone(&format!("55119999{:05}", (index * 7 + batch) % CHATS));
                build::message_event(build::incoming(&from, "hi"))
            })
            .collect();
        for event in &events {
            lanes.entry(event.body.lane()).or_default().push(event.id);
        }
        stores.events.append(instance.id, &events).await.unwrap();
    }
    lanes
}

async fn drain(queue: &dyn DeliveryQueue) -> HashMap<Lane, Vec<EventId>> {
    let mut given: HashMap<Lane, Vec<EventId>> = HashMap::new();
    loop {
        let due = queue.due(build::moment(60), &Room::of(200, 8)).await.unwrap();
        if due.is_empty() {
            return given;
        }
        let delivered: Vec<_> = due.iter().map(|one| (one.id, build::delivered())).collect();
        for one in due {
            given.entry(one.lane).or_default().push(one.event.id);
        }
        queue.settle(&delivered).await.unwrap();
    }
}

async fn thousands_are_given_once_each_lane_in_order(stores: Stores) {
    let expected = fill(&stores).await;
    assert_eq!(expected.len(), CHATS);
    assert!(drain(&*stores.deliveries).await == expected, "order or number differ");
}

#[tokio::test]
async fn thousands_are_given_once_each_lane_in_order_on_sqlite() {
    thousands_are_given_once_each_lane_in_order(crate::home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn thousands_are_given_once_each_lane_in_order_on_postgres() {
    thousands_are_given_once_each_lane_in_order(crate::home::postgres().await).await;
}

/// What the planner says to a statement.
async fn plan(db: &Database, sql: &str) -> String {
    let explain = match db.backend() {
        DbBackend::Postgres => format!("EXPLAIN {sql}"),
        _ => format!("EXPLAIN QUERY PLAN {sql}"),
    };
    let rows = db.reader().query_all_raw(Statement::from_string(db.backend(), explain)).await;
    let column = if db.backend() == DbBackend::Postgres { "QUERY PLAN" } else { "detail" };
    let lines = rows.unwrap();
    let lines = lines.iter().map(|row| row.try_get::<String>("", column).unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

async fn whoever_asks_what_is_due_reads_heads_alone(db: &Database) {
    let heads = "SELECT * FROM (SELECT id, sink_id, lane, head_due, sequence FROM delivery
        WHERE sink_id = (SELECT id FROM webhook) AND head_due <= 1
        ORDER BY head_due, sequence LIMIT 9) AS of_0";
    let next_sink =
        "SELECT sink_id FROM delivery WHERE head_due IS NOT NULL ORDER BY sink_id LIMIT 1";
    for statement in [heads, next_sink] {
        let plan = plan(db, statement).await;
        assert!(plan.contains("delivery_sink_head"), "{plan}");
        // PostgreSQL may sort the few heads it expects of a sink.
        let sorts = plan.to_lowercase().contains("sort") || plan.contains("TEMP B-TREE");
        assert!(!sorts || (db.backend() == DbBackend::Postgres && statement == heads), "{plan}");
    }
}

#[tokio::test]
async fn whoever_asks_what_is_due_reads_heads_alone_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let db = crate::home::open_file(&directory).await;
    fill(&stores_on(&db, ()).await).await;
    whoever_asks_what_is_due_reads_heads_alone(&db).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn whoever_asks_what_is_due_reads_heads_alone_on_postgres() {
    let schema = PostgresSchema::create().await;
    let db = open(&schema.config()).await;
    fill(&stores_on(&db, ()).await).await;
    whoever_asks_what_is_due_reads_heads_alone(&db).await;
}

/// Everything that is done to log and queue.
async fn do_everything(stores: &Stores) {
    let instance = stores.instances.standings().await.unwrap()[0].0;
    let webhook = stores.webhooks.list(instance).await.unwrap().remove(0);
    let now = build::moment(60);
    let due = stores.deliveries.due(now, &Room::of(40, 5)).await.unwrap();
    let settlements: Vec<_> = due
        .iter()
        .zip([build::delivered(), build::retry(now), build::dead("no")].into_iter().cycle())
        .map(|(one, settlement)| (one.id, settlement))
        .collect();
    stores.deliveries.settle(&settlements).await.unwrap();
    let served: HashSet<_> = due[..9].iter().map(Delivery::sink_lane).collect();
    for served in [HashSet::new(), served] {
        stores.deliveries.heads(&served).await.unwrap();
        let room = Room { served, ..Room::of(40, 5) };
        assert!(!stores.deliveries.due(now, &room).await.unwrap().is_empty());
    }
    let event = build::message_event(build::incoming(&build::phone("5511999990001"), "hi"));
    stores.events.append(instance, std::slice::from_ref(&event)).await.unwrap();
    let id = event.id;
    for from in [LogStart::Oldest, LogStart::AfterEvent(id), LogStart::Since(now)] {
        stores.events.read(instance, from, 9).await.unwrap();
    }
    for state in DeliveryState::ALL.map(Some).into_iter().chain([None]) {
        let filter = DeliveryFilter { state, ..DeliveryFilter::default() };
        stores.ledger.list(instance, &filter, 9).await.unwrap();
    }
    for replay in [Replay::Events(vec![id]), Replay::Dead(None), Replay::Since(build::moment(0))] {
        stores.ledger.requeue(instance, webhook.id, &replay, 0, 200, now).await.unwrap();
    }
    for state in [DeliveryState::Pending, DeliveryState::Dead] {
        stores.ledger.discard(instance, webhook.id, state, 9).await.unwrap();
    }
    stores.ledger.depths().await.unwrap();
    let target = Some(build::target("http://127.0.0.1:9/other"));
    let other = Webhook { target, ..webhook.clone() };
    stores.webhooks.upsert(instance, &other, now).await.unwrap();
    let keep = EventRetention {
        before: Some(now),
        max_bytes: Some(9_999),
        dead_before: Some(now),
        dead_max_bytes: Some(9_999),
    };
    stores.events.prune(&keep, 9).await.unwrap();
    let acknowledged = [build::message_id()];
    stores.messages.unacknowledged(instance, &acknowledged).await.unwrap();
    stores.webhooks.remove(instance, &webhook.label).await.unwrap();
}

/// Whether all that an instance has ever had is gone over.
fn is_of_whole_instance(line: &str) -> bool {
    let tables = ["SEARCH e ", "SEARCH event ", "SEARCH m ", "SEARCH message "];
    line.ends_with("(instance_id=?)") && tables.iter().any(|table| line.starts_with(table))
}

/// What the planner makes of every statement there is: none goes over rows that are none of its business, though nearly
/// all are. PostgreSQL knows how many there are and decides anew each time.
#[tokio::test]
async fn no_statement_goes_over_rows_that_are_none_of_its_business() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(file_in(&directory).to_str().unwrap());
    let seen: Arc<Mutex<HashSet<String>>> = Arc::default();
    let told = seen.clone();
    config.observer = Some(Arc::new(move |observed| {
        told.lock().unwrap().extend(observed.sql.split(';').map(|one| one.trim().to_owned()));
    }));
    let db = open(&config).await;
    let stores = stores_on(&db, directory).await;
    fill(&stores).await;
    seen.lock().unwrap().clear();
    do_everything(&stores).await;
    let statements = std::mem::take(&mut *seen.lock().unwrap());
    // Along an index that has nothing but what is looked for, or for its first entry.
    let along = ["INDEX delivery_sink_head"];
    let lists = ["delivery_waiting_list", "delivery_dead_list", "delivery_delivered_list"];
    let by_state = [
        "AS run_0",
        "COUNT(*)",
        "ORDER BY id LIMIT ?",
        "AND status = 0 LIMIT ?",
        "AND status = 2 LIMIT ?",
        "AND status = 3 LIMIT ?",
    ];
    let sorting = ["AS of_0", "AS run_0", "FROM delivery h"];
    let rows = ["delivery", "d", "h", "x", "c", "event", "e", "message", "m", "media_job"];
    let mut explained = 0;
    let mut faults = Vec::new();
    for sql in statements {
        let verb = sql.split_whitespace().next().unwrap_or_default();
        if !["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb) {
            continue;
        }
        explained += 1;
        let plan = plan(&db, &sql).await;
        let is_fault = |line: &str| {
            let is_one_of = |known: &[&str]| known.iter().any(|one| sql.contains(one));
            let table = line.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            table.is_some_and(|table| rows.contains(&table))
                && !along.iter().any(|index| line.contains(index))
                || lists.iter().any(|list| line.contains(list)) && !is_one_of(&by_state)
                || is_of_whole_instance(line) && !is_one_of(&["MIN(sequence)"])
                || line.contains("TEMP B-TREE") && !is_one_of(&sorting)
        };
        if plan.lines().map(str::trim).any(is_fault) {
            faults.push(format!("{sql}\n{plan}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(explained > 40, "only {explained} statements were seen");
}

/// A long history does not keep the writer from everybody else until all of it is gone.
#[tokio::test]
async fn a_large_instance_and_a_large_webhook_go_a_few_rows_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let db = crate::home::open_file(&directory).await;
    let stores = stores_on(&db, directory).await;
    fill(&stores).await;
    let count = async |table: &str| -> i64 {
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        let row = db.reader().query_one_raw(Statement::from_string(db.backend(), sql)).await;
        row.unwrap().unwrap().try_get("", "n").unwrap()
    };
    let many = i64::try_from(EVENTS).unwrap();
    for table in ["event", "message", "delivery"] {
        assert_eq!(count(table).await, many, "{table}");
    }
    let instance = stores.instances.standings().await.unwrap()[0].0;
    let label = stores.webhooks.list(instance).await.unwrap()[0].label.clone();
    let before = db.commits().unwrap();
    assert!(stores.webhooks.remove(instance, &label).await.unwrap());
    assert_eq!((count("webhook").await, count("delivery").await), (0, 0));
    assert!(db.commits().unwrap() - before >= 3);
    let before = db.commits().unwrap();
    assert!(stores.instances.remove(instance).await.unwrap());
    assert!(db.commits().unwrap() - before >= 2);
    for table in ["instance", "event", "message"] {
        assert_eq!(count(table).await, 0, "{table}");
    }
}

/// How many statements were run of those that read or write, by the observer of a database.
async fn counting(directory: &tempfile::TempDir) -> (Database, Arc<AtomicUsize>) {
    let mut config = Config::new(file_in(directory).to_str().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    config.observer = Some(Arc::new(move |observed| {
        let verb = observed.sql.split_whitespace().next().unwrap_or_default();
        if ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    }));
    (open(&config).await, count)
}

#[tokio::test]
async fn an_event_is_few_statements_from_its_append_to_its_delivery() {
    let directory = tempfile::tempdir().unwrap();
    let (db, count) = counting(&directory).await;
    let stores = stores_on(&db, directory).await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let instance = build::instance(account.id, "sales");
    stores.instances.insert(&instance, Some(&build::webhook("crm"))).await.unwrap();
    let from = |person: usize| build::phone(&format!("55119999{person:05}"));
    let event = |person| build::message_event(build::incoming(&from(person), "hi"));
    let due = async || {
        let room = Room::of(100, 1);
        stores.deliveries.due(build::moment(60), &room).await.unwrap()
    };
    let settle = async |due: &[Delivery]| {
        let delivered: Vec<_> = due.iter().map(|one| (one.id, build::delivered())).collect();
        stores.deliveries.settle(&delivered).await.unwrap()
    };
    for (events, appending) in [(vec![event(0)], 5), ((0..20).map(event).collect(), 5)] {
        count.store(0, Ordering::SeqCst);
        let appended = stores.events.append(instance.id, &events).await.unwrap();
        assert_eq!(count.swap(0, Ordering::SeqCst), appending, "append of {}", events.len());
        let given = due().await;
        assert_eq!(given.len(), events.len());
        // Which sinks, which heads, and what is behind them.
        assert_eq!(count.swap(0, Ordering::SeqCst), 3, "what is due of {}", events.len());
        // Nobody has to ask for it.
        let told = appended[0].queued.as_ref().map(|queued| queued.deliveries[0].id);
        assert!(told == Some(given[0].id) || told.is_none() && events.len() > 1, "{appended:?}");
        assert_eq!(settle(&given).await, []);
        assert_eq!(count.swap(0, Ordering::SeqCst), 1, "settlement of {}", events.len());
    }
    stores.events.append(instance.id, &[event(0), event(0)]).await.unwrap();
    for (behind, settling) in [(1, 2), (0, 1)] {
        let given = due().await;
        count.store(0, Ordering::SeqCst);
        assert_eq!(settle(&given).await.len(), behind);
        // The next of the lane becomes its head.
        assert_eq!(count.load(Ordering::SeqCst), settling, "settlement with {behind} behind");
    }
}

/// Lane by lane, as a chain.
#[tokio::test]
async fn what_is_told_of_single_events_makes_up_the_queue() {
    let stores = crate::home::sqlite().await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let instance = build::instance(account.id, "sales");
    stores.instances.insert(&instance, Some(&build::webhook("crm"))).await.unwrap();
    let mut told: HashMap<Lane, Vec<(i64, Option<i64>)>> = HashMap::new();
    for index in 0..40 {
        let from = build::phone(&format!("55119999{:05}", index % 4));
        let event = build::message_event(build::incoming(&from, "hi"));
        let appended = stores.events.append(instance.id, std::slice::from_ref(&event)).await;
        let queued = appended.unwrap().remove(0).queued.unwrap();
        let [delivery] = queued.deliveries[..] else { panic!("{queued:?}") };
        told.entry(event.body.lane()).or_default().push((queued.sequence, delivery.after));
    }
    let mut given: HashMap<Lane, Vec<(i64, Option<i64>)>> = HashMap::new();
    for one in stores.deliveries.due(build::moment(60), &Room::of(9, 99)).await.unwrap() {
        let line = given.entry(one.lane).or_default();
        line.push((one.event.sequence, line.last().map(|(sequence, _)| *sequence)));
    }
    assert_eq!(given.len(), 4);
    assert_eq!(given, told);
}

/// However many sinks are busy, one more is found, though it has waited shorter than all of them.
#[tokio::test]
async fn sinks_whose_lanes_are_served_keep_no_other_waiting_however_many_they_are() {
    let stores = crate::home::sqlite().await;
    let account = build::account("acme");
    stores.accounts.insert(&account, &build::token()).await.unwrap();
    let add = async |number: i64| {
        let instance = build::instance(account.id, &format!("sales-{number}"));
        stores.instances.insert(&instance, Some(&build::webhook("crm"))).await.unwrap();
        let recorded_at = build::moment(number);
        let event = NewEvent { recorded_at, ..build::state_event() };
        stores.events.append(instance.id, std::slice::from_ref(&event)).await.unwrap();
        event.id
    };
    for number in 0..420 {
        add(number).await;
    }
    let now = build::moment(1_000);
    let due = async |room: Room| stores.deliveries.due(now, &room).await.unwrap();
    let mut served = HashSet::new();
    for expected in [400, 20, 0] {
        let given = due(Room { served: served.clone(), ..Room::of(1_000, 1) }).await;
        assert_eq!(given.len(), expected);
        served.extend(given.iter().map(Delivery::sink_lane));
    }
    let newest = add(500).await;
    let given = due(Room { served: served.clone(), ..Room::of(1, 1) }).await;
    assert_eq!(given.iter().map(|one| one.event.id).collect::<Vec<_>>(), [newest]);
    assert_eq!(stores.deliveries.heads(&served).await.unwrap().len(), 1);
}
