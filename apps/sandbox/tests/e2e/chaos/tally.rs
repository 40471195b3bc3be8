//! What was sent, what arrived, and what that says.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use super::rough_receiver::{Fate, Request};

/// A message, told from all others by its text: the `nth` of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Sent {
    pub(super) phone: usize,
    pub(super) instance: usize,
    pub(super) nth: usize,
}

impl Sent {
    pub(super) fn text(&self) -> String {
        format!("{} to {} number {}", self.phone, self.instance, self.nth)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.find_map(|word| word.parse().ok());
        Some(Self { phone: number()?, instance: number()?, nth: number()? })
    }
}

/// The verdict on a night.
pub(super) struct Tally {
    sent: usize,
    arrived: usize,
    lost: Vec<Sent>,
    /// Deliveries beyond the first of messages that had been taken.
    duplicates: usize,
    /// Messages that came under more than one id, and ids that carried more than one message.
    confused: Vec<String>,
    /// Messages that were first taken after a later one of their chat.
    overtaken: Vec<String>,
    failed: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub(super) fn of(sent: &HashSet<Sent>, requests: &[Request]) -> Self {
        let mut tally = Self {
            sent: sent.len(),
            arrived: 0,
            lost: Vec::new(),
            duplicates: 0,
            confused: Vec::new(),
            overtaken: Vec::new(),
            failed: BTreeMap::new(),
        };
        let mut ids: HashMap<&str, &str> = HashMap::new();
        let mut texts: HashMap<&str, &str> = HashMap::new();
        let mut taken = HashSet::new();
        let mut newest: HashMap<(usize, usize), usize> = HashMap::new();
        for request in requests {
            let (id, text) = (request.webhook_id.as_str(), request.text.as_str());
            if *ids.entry(text).or_insert(id) != id || *texts.entry(id).or_insert(text) != text {
                tally.confused.push(format!("`{text}` under {id}"));
            }
            match request.fate {
                Fate::Taken => {}
                Fate::Refused => *tally.failed.entry("refused").or_default() += 1,
                Fate::Hung => *tally.failed.entry("hung").or_default() += 1,
                Fate::Dropped => *tally.failed.entry("dropped").or_default() += 1,
            }
            let Some(message) = Sent::parse(text).filter(|_| request.fate == Fate::Taken) else {
                continue;
            };
            if !taken.insert(message.clone()) {
                tally.duplicates += 1;
                continue;
            }
            let newest = newest.entry((message.phone, message.instance)).or_insert(message.nth);
            if message.nth < *newest {
                tally.overtaken.push(format!("`{text}` after number {newest}"));
            }
            *newest = message.nth.max(*newest);
        }
        tally.arrived = taken.intersection(sent).count();
        tally.lost = sent.difference(&taken).cloned().collect();
        tally
    }

    /// Whether everything has arrived.
    pub(super) fn is_complete(&self) -> bool {
        self.lost.is_empty()
    }

    /// Panics unless everything arrived, under one id each, in the order of its chat.
    pub(super) fn assert_well(&self) {
        assert!(
            self.lost.is_empty(),
            "lost {}: {:?}",
            self.lost.len(),
            &self.lost[..self.lost.len().min(20)]
        );
        assert!(self.confused.is_empty(), "ids: {:?}", self.confused);
        assert!(self.overtaken.is_empty(), "order: {:?}", self.overtaken);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, arrived, lost, duplicates, confused, overtaken, failed } = self;
        write!(
            f,
            "sent {sent}, received {arrived}, lost {}, duplicates {duplicates}, \
             under another id {}, out of order {}, attempts that failed {failed:?}",
            lost.len(),
            confused.len(),
            overtaken.len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(nth: usize, id: &str, fate: Fate) -> Request {
        let text = Sent { phone: 1, instance: 2, nth }.text();
        Request { webhook_id: id.to_owned(), text, fate }
    }

    fn sent(count: usize) -> HashSet<Sent> {
        (0..count).map(|nth| Sent { phone: 1, instance: 2, nth }).collect()
    }

    #[test]
    fn a_tally_sees_what_is_lost_doubled_confused_and_overtaken() {
        let requests = [
            request(0, "a", Fate::Hung),
            request(0, "a", Fate::Taken),
            request(0, "a", Fate::Taken),
            request(2, "c", Fate::Taken),
            request(1, "b", Fate::Taken),
            request(1, "x", Fate::Taken),
        ];
        let tally = Tally::of(&sent(4), &requests);
        assert_eq!((tally.arrived, tally.duplicates), (3, 2));
        assert_eq!(tally.lost, [Sent { phone: 1, instance: 2, nth: 3 }]);
        assert_eq!((tally.confused.len(), tally.overtaken.len()), (1, 1));
        assert_eq!(tally.failed["hung"], 1);
    }
}
