//! What Prometheus is given to read.

#![expect(clippy::unwrap_used, reason = "a text that cannot be read should panic")]

use std::time::Duration;

use chrono::TimeDelta;
use wharf_domain::{
    Timestamp,
    delivery::{DeliveryState, Depth, Outcome},
    event::EventKind,
    ports::Meter,
    state::ConnectionState,
};
use wharf_metrics::{PrometheusMeter, Reading};

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn meter() -> PrometheusMeter {
    PrometheusMeter::new("1.2.3", START)
}

fn later(seconds: i64) -> Timestamp {
    START + TimeDelta::seconds(seconds)
}

fn unread() -> Reading {
    Reading::at(later(90))
}

/// The value of a measure; fails when it is not there exactly once.
fn value(text: &str, measure: &str) -> f64 {
    let values: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix(measure)?.strip_prefix(' ')).collect();
    assert_eq!(values.len(), 1, "`{measure}` in\n{text}");
    values[0].parse().unwrap()
}

fn assert_value(text: &str, measure: &str, wanted: f64) {
    let value = value(text, measure);
    assert!((value - wanted).abs() < 1e-9, "{measure} is {value} and not {wanted}");
}

#[test]
fn everything_is_there_at_nought_from_the_start() {
    let text = meter().text(&unread());
    for kind in EventKind::ALL {
        for result in ["new", "repeated"] {
            let event = kind.as_str();
            let measure = format!("wharf_events_total{{event=\"{event}\",result=\"{result}\"}}");
            assert_value(&text, &measure, 0.0);
        }
    }
    for outcome in ["delivered", "retry", "refused", "gone", "failed"] {
        let labels = format!("{{sink=\"webhook\",outcome=\"{outcome}\"}}");
        assert_value(&text, &format!("wharf_delivery_attempts_total{labels}"), 0.0);
    }
    for measure in [
        "wharf_delivery_attempt_seconds_count{sink=\"webhook\"}",
        "wharf_dead_letters_total",
        "wharf_pruned_total{what=\"events\"}",
        "wharf_pruned_total{what=\"dead_letters\"}",
        "wharf_sinks_away",
        "wharf_reconnects_total",
        "wharf_websocket_readers",
        "wharf_websocket_sent_total",
        "wharf_websocket_too_slow_total",
        "wharf_store_write_seconds_count{result=\"ok\"}",
        "wharf_store_write_seconds_count{result=\"failed\"}",
    ] {
        assert_value(&text, measure, 0.0);
    }
}

#[test]
fn what_happens_is_counted_where_it_belongs() {
    let meter = meter();
    meter.event_recorded(EventKind::MessageExchange, true);
    meter.event_recorded(EventKind::MessageExchange, true);
    meter.event_recorded(EventKind::MessageExchange, false);
    let outcomes = [
        Outcome::Delivered,
        Outcome::Retry { reason: "hunter2".into(), after: None },
        Outcome::Refused { reason: "hunter2".into() },
        Outcome::Gone { reason: "hunter2".into() },
        Outcome::Failed { reason: "hunter2".into() },
    ];
    for outcome in &outcomes {
        meter.webhook_tried(outcome, Duration::from_millis(30));
    }
    meter.dead_letter();
    meter.pruned(7, 2);
    meter.sink_away(true);
    meter.sink_away(true);
    meter.sink_away(false);
    meter.reconnect_tried();
    meter.socket_readers(3);
    meter.socket_readers(-1);
    meter.socket_sent();
    meter.socket_too_slow();
    meter.store_written(Duration::from_millis(2), true);
    meter.store_written(Duration::from_secs(20), false);

    let text = meter.text(&unread());
    let exchange =
        |result| format!("wharf_events_total{{event=\"message.exchange\",result=\"{result}\"}}");
    let attempts = |outcome| {
        format!("wharf_delivery_attempts_total{{sink=\"webhook\",outcome=\"{outcome}\"}}")
    };
    for (measure, wanted) in [
        (exchange("new"), 2.0),
        (exchange("repeated"), 1.0),
        (attempts("delivered"), 1.0),
        (attempts("retry"), 1.0),
        (attempts("refused"), 1.0),
        (attempts("gone"), 1.0),
        (attempts("failed"), 1.0),
        ("wharf_delivery_attempt_seconds_count{sink=\"webhook\"}".into(), 5.0),
        ("wharf_delivery_attempt_seconds_bucket{le=\"0.025\",sink=\"webhook\"}".into(), 0.0),
        ("wharf_delivery_attempt_seconds_bucket{le=\"0.05\",sink=\"webhook\"}".into(), 5.0),
        ("wharf_dead_letters_total".into(), 1.0),
        ("wharf_pruned_total{what=\"events\"}".into(), 7.0),
        ("wharf_pruned_total{what=\"dead_letters\"}".into(), 2.0),
        ("wharf_sinks_away".into(), 1.0),
        ("wharf_reconnects_total".into(), 1.0),
        ("wharf_websocket_readers".into(), 2.0),
        ("wharf_websocket_sent_total".into(), 1.0),
        ("wharf_websocket_too_slow_total".into(), 1.0),
        ("wharf_store_write_seconds_bucket{le=\"0.0025\",result=\"ok\"}".into(), 1.0),
        ("wharf_store_write_seconds_bucket{le=\"10.0\",result=\"failed\"}".into(), 0.0),
        ("wharf_store_write_seconds_bucket{le=\"+Inf\",result=\"failed\"}".into(), 1.0),
    ] {
        assert_value(&text, &measure, wanted);
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_reading_tells_states_and_ages() {
    let depth = |state, count, oldest| Depth { state, count, oldest };
    let reading = Reading {
        at: later(90),
        sessions: Some(vec![(ConnectionState::Connected, 12), (ConnectionState::Banned, 1)]),
        depths: Some(vec![
            depth(DeliveryState::Pending, 40, Some(later(60))),
            depth(DeliveryState::Dead, 3, Some(later(0))),
        ]),
    };
    let text = meter().text(&reading);
    for (measure, wanted) in [
        ("wharf_sessions{state=\"connected\"}", 12.0),
        ("wharf_sessions{state=\"banned\"}", 1.0),
        ("wharf_sessions{state=\"disconnected\"}", 0.0),
        ("wharf_deliveries{state=\"pending\"}", 40.0),
        ("wharf_deliveries{state=\"dead\"}", 3.0),
        ("wharf_deliveries{state=\"held\"}", 0.0),
        ("wharf_deliveries_oldest_seconds{state=\"pending\"}", 30.0),
        ("wharf_deliveries_oldest_seconds{state=\"dead\"}", 90.0),
        ("wharf_deliveries_oldest_seconds{state=\"held\"}", 0.0),
        ("wharf_store_up", 1.0),
        ("wharf_uptime_seconds", 90.0),
        ("wharf_build_info{version=\"1.2.3\"}", 1.0),
        ("process_start_time_seconds", 0.0),
    ] {
        assert_value(&text, measure, wanted);
    }
}

#[test]
fn what_is_not_known_is_left_out_rather_than_told_as_nought() {
    let text = meter().text(&unread());
    assert_value(&text, "wharf_store_up", 0.0);
    for measure in ["wharf_sessions", "wharf_deliveries"] {
        assert!(!text.contains(measure), "{text}");
    }
}

/// Each measure once with its help and its type, then its samples, and the end last: readers take nothing else.
#[test]
fn the_text_is_well_formed() {
    let reading = Reading { sessions: Some(Vec::new()), depths: Some(Vec::new()), ..unread() };
    let text = meter().text(&reading);
    let mut lines = text.lines();
    assert_eq!(lines.next_back(), Some("# EOF"));
    let (mut seen, mut current) = (Vec::new(), "");
    for line in lines {
        if let Some(help) = line.strip_prefix("# HELP ") {
            current = help.split(' ').next().unwrap();
            assert!(!seen.contains(&current), "`{current}` twice");
            seen.push(current);
        } else if let Some(rest) = line.strip_prefix("# ") {
            assert_eq!(rest.split(' ').nth(1), Some(current), "{line}");
        } else {
            let (name, sample) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(current), "{line} under {current}");
            assert!(sample.parse::<f64>().is_ok(), "{line}");
        }
    }
    for name in &seen {
        assert!(name.starts_with("wharf_") || name.starts_with("process_"), "{name}");
    }
    assert!(seen.len() >= 20, "{seen:?}");
}
