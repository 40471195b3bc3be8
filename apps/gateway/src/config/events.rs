//! How events are delivered and kept.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use anyhow::{Context, bail};

use crate::settings::Settings;

use super::values::{named, optional, retention, size_unless_unlimited};

/// How events are delivered to webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deliveries {
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long an attempt may take in all.
    pub timeout: Duration,
    /// The pause after the first failed attempt.
    pub first_retry: Duration,
    /// The longest pause between attempts.
    pub longest_retry: Duration,
    /// How long a delivery waits, added up, until it is given up.
    pub give_up_after: Duration,
    /// How often it is tried until it is given up; `None` is as often as time allows.
    pub max_attempts: Option<u32>,
    /// How many requests one receiver is sent at once.
    pub concurrency: usize,
}

/// What is kept, and for how long; `None` is for ever, or without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Messages.
    pub messages: Option<Duration>,
    /// Events.
    pub events: Option<Duration>,
    /// How large events may be together, in bytes.
    pub events_bytes: Option<u64>,
    /// Dead letters.
    pub dead: Option<Duration>,
    /// How large the events of dead letters may be together, in bytes.
    pub dead_bytes: Option<u64>,
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const GIB: u64 = 1 << 30;

impl Deliveries {
    pub(super) fn parse(settings: &Settings) -> anyhow::Result<Self> {
        let this = Self {
            connect_timeout: time(
                "webhook_connect_timeout",
                settings.webhook_connect_timeout.as_deref(),
                5 * SECOND,
                SECOND / 10..=300 * SECOND,
            )?,
            timeout: time(
                "webhook_timeout",
                settings.webhook_timeout.as_deref(),
                30 * SECOND,
                SECOND / 10..=600 * SECOND,
            )?,
            first_retry: time(
                "webhook_first_retry",
                settings.webhook_first_retry.as_deref(),
                5 * SECOND,
                SECOND / 100..=DAY,
            )?,
            longest_retry: time(
                "webhook_longest_retry",
                settings.webhook_longest_retry.as_deref(),
                DAY / 24,
                SECOND / 100..=DAY,
            )?,
            give_up_after: time(
                "webhook_give_up_after",
                settings.webhook_give_up_after.as_deref(),
                DAY,
                SECOND..=30 * DAY,
            )?,
            max_attempts: optional(
                "webhook_max_attempts",
                settings.webhook_max_attempts.as_deref(),
                attempts,
            )?
            .flatten(),
            concurrency: optional(
                "webhook_concurrency",
                settings.webhook_concurrency.as_deref(),
                concurrency,
            )?
            .unwrap_or(16),
        };
        if this.first_retry > this.longest_retry {
            let refusal = "must not be longer than WHARF_WEBHOOK_LONGEST_RETRY";
            return named("webhook_first_retry", Err(anyhow::Error::msg(refusal)));
        }
        Ok(this)
    }
}

impl Keep {
    pub(super) fn parse(settings: &Settings) -> anyhow::Result<Self> {
        let age = |key, raw: &Option<String>, default| -> anyhow::Result<Option<Duration>> {
            Ok(optional(key, raw.as_deref(), retention)?.unwrap_or(default))
        };
        let bytes = |key, raw: &Option<String>, default| -> anyhow::Result<Option<u64>> {
            Ok(optional(key, raw.as_deref(), size_unless_unlimited)?.unwrap_or(default))
        };
        Ok(Self {
            messages: age("message_retention", &settings.message_retention, None)?,
            events: age("event_retention", &settings.event_retention, Some(30 * DAY))?,
            events_bytes: bytes("event_max_size", &settings.event_max_size, Some(10 * GIB))?,
            dead: age("dead_letter_retention", &settings.dead_letter_retention, Some(30 * DAY))?,
            dead_bytes: bytes("dead_letter_max_size", &settings.dead_letter_max_size, Some(GIB))?,
        })
    }
}

/// A span of time within bounds.
pub(super) fn time(
    key: &str,
    raw: Option<&str>,
    default: Duration,
    bounds: RangeInclusive<Duration>,
) -> anyhow::Result<Duration> {
    let within = |raw: &str| {
        let time = humantime::parse_duration(raw)?;
        if !bounds.contains(&time) {
            let [least, most] =
                [bounds.start(), bounds.end()].map(|t| humantime::format_duration(*t));
            bail!("must be {least} to {most}");
        }
        Ok(time)
    };
    Ok(optional(key, raw, within)?.unwrap_or(default))
}

fn attempts(raw: &str) -> anyhow::Result<Option<u32>> {
    if raw == "unlimited" {
        return Ok(None);
    }
    let most: NonZeroU32 = raw.parse().context("must be a number of attempts, or `unlimited`")?;
    Ok(Some(most.get()))
}

fn concurrency(raw: &str) -> anyhow::Result<usize> {
    let most = raw.parse().ok().filter(|most| (1..=1000).contains(most));
    most.context("must be a number from 1 to 1000")
}
