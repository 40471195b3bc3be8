//! Figures of what an instance has sent and received.

use std::collections::BTreeMap;

use crate::{Timestamp, message::MessageStatus};

/// Figures of the stored messages of an instance, or of several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// All messages.
    pub total: u64,
    /// Incoming ones.
    pub received: u64,
    /// Outgoing ones.
    pub sent: u64,
    /// By the names events have for kinds of messages: `text`, `image`, …
    pub by_type: BTreeMap<String, u64>,
    /// In groups.
    pub in_groups: u64,
    /// In private chats.
    pub in_private: u64,
    /// With media.
    pub with_media: u64,
    /// By the names events have for kinds of media: `image`, `ptt`, …
    pub by_media: BTreeMap<String, u64>,
    /// Outgoing ones by what became of them.
    pub by_status: BTreeMap<MessageStatus, u64>,
    /// Chats of whichever kind.
    pub chats: u64,
    /// Groups among the chats.
    pub groups: u64,
    /// People among the chats.
    pub contacts: u64,
    /// In the seven days before now.
    pub last_7_days: u64,
    /// In the thirty days before now.
    pub last_30_days: u64,
    /// When the first was sent.
    pub first_at: Option<Timestamp>,
    /// When the last was sent.
    pub last_at: Option<Timestamp>,
}

impl Metrics {
    /// Both together: numbers add up, times span both.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.total += other.total;
        self.received += other.received;
        self.sent += other.sent;
        self.in_groups += other.in_groups;
        self.in_private += other.in_private;
        self.with_media += other.with_media;
        self.chats += other.chats;
        self.groups += other.groups;
        self.contacts += other.contacts;
        self.last_7_days += other.last_7_days;
        self.last_30_days += other.last_30_days;
        add(&mut self.by_type, other.by_type);
        add(&mut self.by_media, other.by_media);
        add(&mut self.by_status, other.by_status);
        // `None` is less than any time, so the earliest of two is not simply the smaller one.
        self.first_at = match (self.first_at, other.first_at) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.last_at = self.last_at.max(other.last_at);
        self
    }
}

fn add<K: Ord>(sum: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (key, count) in more {
        *sum.entry(key).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_add_up_and_times_span_both() {
        let at = |seconds| Timestamp::from_timestamp(seconds, 0);
        let one = Metrics {
            total: 2,
            by_type: BTreeMap::from([("text".to_owned(), 2)]),
            first_at: at(10),
            last_at: at(20),
            ..Metrics::default()
        };
        let two = Metrics {
            total: 3,
            by_type: BTreeMap::from([("text".to_owned(), 1), ("image".to_owned(), 2)]),
            first_at: at(5),
            last_at: at(15),
            ..Metrics::default()
        };
        let sum = one.plus(two).plus(Metrics::default());
        assert_eq!(sum.total, 5);
        assert_eq!(sum.by_type, BTreeMap::from([("text".to_owned(), 3), ("image".to_owned(), 2)]));
        assert_eq!((sum.first_at, sum.last_at), (at(5), at(20)));
    }
}
