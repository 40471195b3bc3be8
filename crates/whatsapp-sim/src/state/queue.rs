//! What waits for a device. A stanza leaves only by the device's own word that it has it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use wacore_binary::{Jid, Node};

use crate::stanza::fields::Fields as _;

/// How many acknowledged messages are remembered, for the fault that sends one again.
const REMEMBERED: usize = 64;

/// What a client's acknowledgement names.
#[derive(Clone, Debug)]
pub(crate) struct Receiving<'s> {
    /// The stanza's tag.
    pub(crate) class: &'s str,
    /// Its id.
    pub(crate) id: &'s str,
    /// Whom it came from.
    pub(crate) from: &'s Jid,
    /// Which member of the group it came from wrote it.
    pub(crate) participant: Option<&'s Jid>,
    /// Its `type`, where ids repeat: receipts of several types name one message.
    pub(crate) kind: Option<&'s str>,
}

/// The stanzas a device has not acknowledged, in order.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<u64, Arc<Node>>,
    by_id: HashMap<String, Vec<u64>>,
    next: u64,
    acknowledged: VecDeque<Arc<Node>>,
}

impl Queue {
    /// Appends a stanza and says its place.
    pub(crate) fn push(&mut self, stanza: Arc<Node>) -> u64 {
        let place = self.next;
        self.restore(place, stanza);
        place
    }

    /// Puts a stanza back where it was before a restart.
    pub(crate) fn restore(&mut self, place: u64, stanza: Arc<Node>) {
        let id = stanza.text("id").unwrap_or_default().into_owned();
        self.by_id.entry(id).or_default().push(place);
        self.waiting.insert(place, stanza);
        self.next = self.next.max(place + 1);
    }

    /// Removes what is acknowledged of the stanzas before the place `sent`, and says which places that
    /// were: what has not been sent cannot have arrived.
    pub(crate) fn acknowledge(&mut self, receiving: &Receiving<'_>, sent: u64) -> Vec<u64> {
        let Some(candidates) = self.by_id.get_mut(receiving.id) else { return Vec::new() };
        let waiting = &mut self.waiting;
        let mut done = Vec::new();
        candidates.retain(|place| {
            let meant =
                *place < sent && waiting.get(place).is_some_and(|stanza| means(receiving, stanza));
            if meant {
                done.push(*place);
            }
            !meant
        });
        if candidates.is_empty() {
            self.by_id.remove(receiving.id);
        }
        let gone = done.iter().filter_map(|place| self.waiting.remove(place));
        self.acknowledged.extend(gone.filter(|stanza| stanza.tag == "message"));
        while self.acknowledged.len() > REMEMBERED {
            self.acknowledged.pop_front();
        }
        done
    }

    /// The first stanza at or after a place.
    pub(crate) fn after(&self, place: u64) -> Option<(u64, &Arc<Node>)> {
        self.waiting.range(place..).next().map(|(place, stanza)| (*place, stanza))
    }

    /// The stanza at a place.
    pub(crate) fn at(&self, place: u64) -> Option<&Arc<Node>> {
        self.waiting.get(&place)
    }

    /// The place after the last.
    pub(crate) fn end(&self) -> u64 {
        self.next
    }

    /// How many stanzas wait, by tag.
    pub(crate) fn census(&self) -> Census {
        let mut census = Census::default();
        for stanza in self.waiting.values() {
            census.total += 1;
            match stanza.tag.as_ref() {
                "message" => census.messages += 1,
                "receipt" => census.receipts += 1,
                "notification" => census.notifications += 1,
                "call" => census.calls += 1,
                _ => {}
            }
        }
        census
    }

    /// A message that is waiting or was acknowledged not long ago.
    pub(crate) fn find_message(&self, id: &str) -> Option<&Arc<Node>> {
        let waiting =
            self.by_id.get(id).into_iter().flatten().filter_map(|at| self.waiting.get(at));
        waiting
            .chain(self.acknowledged.iter().rev())
            .find(|stanza| stanza.tag == "message" && stanza.text("id").is_some_and(|it| it == id))
    }

    /// Everything that waits, with its place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Arc<Node>)> {
        self.waiting.iter().map(|(place, stanza)| (*place, stanza))
    }
}

/// What an `<offline_preview>` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) total: usize,
    pub(crate) messages: usize,
    pub(crate) receipts: usize,
    pub(crate) notifications: usize,
    pub(crate) calls: usize,
}

fn means(receiving: &Receiving<'_>, stanza: &Node) -> bool {
    let kind_agrees = || match stanza.tag.as_ref() {
        "receipt" => stanza.text("type").as_deref() == receiving.kind,
        _ => true,
    };
    let author_agrees = || match (stanza.jid("participant"), receiving.participant) {
        (Some(author), Some(given)) => author.user == given.user && author.server == given.server,
        _ => true,
    };
    stanza.tag == receiving.class
        && kind_agrees()
        && author_agrees()
        && stanza.jid("from").is_some_and(|from| {
            from.user == receiving.from.user && from.server == receiving.from.server
        })
}

#[cfg(test)]
mod tests {
    use wacore_binary::builder::NodeBuilder;

    use super::*;

    fn stanza(tag: &'static str, id: &str, from: &str, kind: Option<&str>) -> Arc<Node> {
        let builder = NodeBuilder::new(tag).attr("id", id).attr("from", from);
        Arc::new(match kind {
            Some(kind) => builder.attr("type", kind).build(),
            None => builder.build(),
        })
    }

    fn acknowledge(
        queue: &mut Queue,
        class: &str,
        id: &str,
        from: &str,
        kind: Option<&str>,
    ) -> usize {
        let from = from.parse().unwrap();
        let sent = queue.end();
        let receiving = Receiving { class, id, from: &from, participant: None, kind };
        queue.acknowledge(&receiving, sent).len()
    }

    const ANA: &str = "5511999990001:2@s.whatsapp.net";
    const BIA: &str = "5511999990002@s.whatsapp.net";

    #[test]
    fn only_the_acknowledged_stanza_leaves() {
        let mut queue = Queue::default();
        queue.push(stanza("message", "A", ANA, Some("text")));
        queue.push(stanza("message", "A", BIA, Some("text")));
        queue.push(stanza("message", "B", ANA, Some("text")));
        assert_eq!(acknowledge(&mut queue, "message", "A", BIA, None), 1);
        assert_eq!(acknowledge(&mut queue, "receipt", "A", ANA, None), 0);
        assert_eq!(acknowledge(&mut queue, "message", "C", ANA, None), 0);
        assert_eq!(queue.census().total, 2);
        assert_eq!(acknowledge(&mut queue, "message", "A", ANA, Some("text")), 1);
        assert_eq!(queue.after(0).unwrap().0, 2);
    }

    #[test]
    fn receipts_of_one_message_are_told_apart_by_type() {
        let mut queue = Queue::default();
        queue.push(stanza("receipt", "A", BIA, None));
        queue.push(stanza("receipt", "A", BIA, Some("read")));
        assert_eq!(acknowledge(&mut queue, "receipt", "A", BIA, Some("read")), 1);
        assert_eq!(queue.census(), Census { total: 1, receipts: 1, ..Census::default() });
        assert_eq!(acknowledge(&mut queue, "receipt", "A", BIA, None), 1);
    }

    #[test]
    fn what_several_members_of_a_group_say_is_told_apart_by_member() {
        let mut queue = Queue::default();
        let group: Jid = "120363000000000001@g.us".parse().unwrap();
        for member in [ANA, BIA] {
            let receipt = NodeBuilder::new("receipt").attr("id", "A").attr("from", &group);
            queue.push(Arc::new(receipt.attr("participant", member).build()));
        }
        let (ana, sent) = (ANA.parse().unwrap(), queue.end());
        let participant = Some(&ana);
        let receiving =
            Receiving { class: "receipt", id: "A", from: &group, participant, kind: None };
        assert_eq!(queue.acknowledge(&receiving, sent), [0]);
        assert_eq!(queue.census().receipts, 1);
    }

    #[test]
    fn what_has_not_been_sent_stays() {
        let mut queue = Queue::default();
        queue.push(stanza("message", "A", ANA, None));
        queue.push(stanza("message", "A", ANA, None));
        let from = ANA.parse().unwrap();
        let receiving =
            Receiving { class: "message", id: "A", from: &from, participant: None, kind: None };
        assert_eq!(queue.acknowledge(&receiving, 1), [0]);
        assert_eq!(queue.acknowledge(&receiving, 1), [] as [u64; 0]);
        assert_eq!(queue.acknowledge(&receiving, 2), [1]);
    }

    #[test]
    fn a_message_is_found_while_it_waits_and_for_a_while_after() {
        let mut queue = Queue::default();
        queue.push(stanza("message", "A", ANA, None));
        assert!(queue.find_message("A").is_some());
        acknowledge(&mut queue, "message", "A", ANA, None);
        assert!(queue.find_message("A").is_some());
        assert!(queue.find_message("B").is_none());
        // Receipts do not crowd it out.
        for _ in 0..2 * REMEMBERED {
            queue.push(stanza("receipt", "R", ANA, None));
        }
        acknowledge(&mut queue, "receipt", "R", ANA, None);
        assert!(queue.find_message("A").is_some());
    }
}
