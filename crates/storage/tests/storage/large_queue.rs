//! A receiver that was away for long: thousands wait, and order and cost stay what they are.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use wharf_domain::{
    event::{EventId, Lane, NewEvent},
    ports::{DeliveryQueue, Room},
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
        let claimed = queue.claim(build::moment(60), &Room::of(200, 8)).await.unwrap();
        if claimed.is_empty() {
            return given;
        }
        let delivered: Vec<_> = claimed.iter().map(|one| (one.id, build::delivered())).collect();
        for one in claimed {
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

/// What the planner says to the two statements of a claim.
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

async fn a_claim_reads_heads_alone(db: &Database) {
    let heads = "SELECT * FROM (SELECT id, head_due, sequence FROM delivery WHERE sink_id = (SELECT id FROM webhook)
        AND head_due <= 1 ORDER BY head_due, sequence LIMIT 9) AS of_0";
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
async fn a_claim_reads_heads_alone_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let db = crate::home::open_file(&directory).await;
    fill(&stores_on(&db, ()).await).await;
    a_claim_reads_heads_alone(&db).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_claim_reads_heads_alone_on_postgres() {
    let schema = PostgresSchema::create().await;
    let db = open(&schema.config()).await;
    fill(&stores_on(&db, ()).await).await;
    a_claim_reads_heads_alone(&db).await;
}

/// Statements over a log and a queue of which nearly everything is none of their business.
async fn nobody_looks_at_what_is_none_of_their_business(db: &Database) {
    let next_of_lane = "SELECT d.id FROM delivery d WHERE d.sink_id = (SELECT id FROM webhook)
        AND d.lane = 'x' AND d.status < 2 AND d.status = 0 ORDER BY d.sequence LIMIT 1";
    let page = "SELECT id, event_id FROM delivery WHERE id > (SELECT id FROM event LIMIT 1)
        AND sink_id = (SELECT id FROM webhook) AND status = 3 ORDER BY id LIMIT 9";
    let claimed = "SELECT lane FROM delivery WHERE status = 1
        AND sink_id IN (SELECT id FROM webhook)";
    let dead =
        "SELECT event_id AS id, sequence FROM delivery WHERE sink_id = (SELECT id FROM webhook)
        AND status = 2 AND sequence > 5 AND dead_since >= 5 ORDER BY sequence LIMIT 9";
    let old_dead = "SELECT id, instance_id, dead_since, dead_size FROM delivery
        WHERE dead_since IS NOT NULL AND dead_since < 5 ORDER BY dead_since LIMIT 9";
    let old = "SELECT id, recorded_at FROM event WHERE recorded_at >= 5 AND recorded_at < 1000
        AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event_id = event.id AND d.status <> 3)
        AND NOT EXISTS (SELECT 1 FROM media_job m WHERE m.event_id = event.id AND m.status < 2)
        ORDER BY recorded_at LIMIT 9";
    let read = "SELECT id, body FROM event WHERE instance_id = (SELECT id FROM instance)
        AND sequence > 5 AND recorded_at >= 5 ORDER BY sequence LIMIT 9";
    let middle =
        "SELECT sequence, recorded_at FROM event WHERE instance_id = (SELECT id FROM instance)
        AND sequence <= 50 AND sequence > 5 ORDER BY sequence DESC LIMIT 1";
    for (statement, indexes) in [
        (next_of_lane, &["delivery_lane"][..]),
        (page, &["delivery_state"]),
        (claimed, &["delivery_state"]),
        (dead, &["delivery_dead"]),
        (old_dead, &["delivery_dead_age"]),
        (old, &["event_age", "delivery_event"]),
        (read, &["event"]),
        (middle, &["event"]),
    ] {
        let plan = plan(db, statement).await;
        assert!(indexes.iter().all(|index| plan.contains(index)), "{statement}\n{plan}");
        // SQLite says so of a table that it reads whole; `SCAN x USING INDEX` goes along an index.
        let whole = plan.lines().find(|line| {
            line.contains("SCAN") && !line.contains("INDEX") && !line.contains("webhook")
        });
        assert_eq!(whole, None, "{statement}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
    }
}

#[tokio::test]
async fn nobody_looks_at_what_is_none_of_their_business_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let db = crate::home::open_file(&directory).await;
    fill(&stores_on(&db, ()).await).await;
    nobody_looks_at_what_is_none_of_their_business(&db).await;
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
    for (events, appending) in [(vec![event(0)], 1), ((0..20).map(event).collect(), 5)] {
        count.store(0, Ordering::SeqCst);
        stores.events.append(instance.id, &events).await.unwrap();
        assert_eq!(count.swap(0, Ordering::SeqCst), appending, "append of {}", events.len());
        // Which sinks, which heads, what is behind them; and the one that claims.
        let room = Room::of(100, 1);
        let claimed = stores.deliveries.claim(build::moment(60), &room).await.unwrap();
        assert_eq!(claimed.len(), events.len());
        assert_eq!(count.swap(0, Ordering::SeqCst), 4, "claim of {}", events.len());
        let delivered: Vec<_> = claimed.iter().map(|one| (one.id, build::delivered())).collect();
        stores.deliveries.settle(&delivered).await.unwrap();
        assert_eq!(count.swap(0, Ordering::SeqCst), 1, "settlement of {}", events.len());
    }
}
