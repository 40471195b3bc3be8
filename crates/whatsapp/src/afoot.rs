use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::TimeDelta;
use wacore::types::{events::InboundMessage, message::MessageInfo};
use wacore_binary::{Jid, NodeRef};
use wharf_domain::Timestamp;

/// How many messages may be on their way. More are not read ahead.
const ROOM: usize = 2_048;
/// After so long a message of which nothing was heard is none that has to be put down: keys for a group, a duplicate.
const STALE: TimeDelta = TimeDelta::seconds(10);

/// The messages that the library has begun to read and not put down yet.
///
/// In between it has decrypted them, and may have saved the ratchet for the sake of another message, in particular as it
/// ends. What is not put down then comes again, is taken for a duplicate, and is lost.
#[derive(Default)]
pub(crate) struct Afoot(Mutex<VecDeque<Step>>);

struct Step {
    /// Messages of one line are read one after the other.
    line: Jid,
    id: String,
    since: Timestamp,
}

impl Afoot {
    /// Notes that a message is being read.
    pub(crate) fn note(&self, message: &NodeRef<'_>, now: Timestamp) {
        let mut attrs = message.attrs();
        let is_sealed = message.get_optional_child("enc").is_some();
        // What devices say to each other is not put down.
        let is_peer = attrs.optional_string("category").is_some_and(|category| category == "peer");
        let (Some(from), Some(id)) = (attrs.optional_jid("from"), attrs.optional_string("id"))
        else {
            return;
        };
        if !is_sealed || is_peer {
            return;
        }
        let mut steps = self.lock();
        if steps.len() == ROOM {
            steps.pop_front();
        }
        steps.push_back(Step { line: from.to_non_ad(), id: id.to_string(), since: now });
    }

    /// Notes that messages are put down.
    pub(crate) fn put_down(&self, messages: &[InboundMessage]) {
        for message in messages {
            self.settle(&message.info);
        }
    }

    /// Notes that a message needs not be put down any more, nor what came before it.
    pub(crate) fn settle(&self, info: &MessageInfo) {
        let source = &info.source;
        let line = if source.is_group { &source.chat } else { &source.sender }.to_non_ad();
        let mut steps = self.lock();
        let Some(place) = steps.iter().rposition(|step| step.line == line && step.id == info.id)
        else {
            return;
        };
        let mut passed = 0;
        steps.retain(|step| {
            passed += 1;
            passed > place + 1 || step.line != line
        });
    }

    /// Whether any message is being read that has to be put down.
    pub(crate) fn is_any(&self, now: Timestamp) -> bool {
        self.lock().iter().any(|step| now < step.since + STALE)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Step>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use wacore::types::message::MessageSource;
    use wacore_binary::builder::NodeBuilder;

    use super::*;

    const ANA: &str = "5511999990001@s.whatsapp.net";
    const GROUP: &str = "120363000000000001@g.us";
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn note(afoot: &Afoot, from: &str, id: &str) {
        let enc = NodeBuilder::new("enc").build();
        let node = NodeBuilder::new("message").attr("from", from).attr("id", id).children([enc]);
        afoot.note(&node.build().as_node_ref(), NOW);
    }

    fn info(chat: &str, sender: &str, id: &str) -> MessageInfo {
        let chat: Jid = chat.parse().unwrap();
        let is_group = chat.to_string() == GROUP;
        let sender = sender.parse().unwrap();
        let source = MessageSource { chat, sender, is_group, ..MessageSource::default() };
        MessageInfo { id: id.to_owned(), source, ..MessageInfo::default() }
    }

    #[test]
    fn what_came_before_in_the_same_line_is_settled_too() {
        let afoot = Afoot::default();
        for (from, id) in [("101:3@lid", "1"), (GROUP, "2"), ("101@lid", "3"), ("101@lid", "4")] {
            note(&afoot, from, id);
        }
        afoot.settle(&info("101@lid", "101:3@lid", "3"));
        let left: Vec<_> = afoot.lock().iter().map(|step| step.id.clone()).collect();
        assert_eq!(left, ["2", "4"]);
        afoot.settle(&info(GROUP, ANA, "2"));
        afoot.settle(&info(GROUP, ANA, "2"));
        assert!(afoot.is_any(NOW) && !afoot.is_any(NOW + STALE));
        afoot.settle(&info("101@lid", "101@lid", "4"));
        assert!(!afoot.is_any(NOW));
    }

    #[test]
    fn what_is_not_put_down_is_not_waited_for() {
        let afoot = Afoot::default();
        let plain =
            NodeBuilder::new("message").attr("from", "1@newsletter").attr("id", "1").build();
        afoot.note(&plain.as_node_ref(), NOW);
        let enc = NodeBuilder::new("enc").build();
        let peer = NodeBuilder::new("message").attr("from", ANA).attr("id", "2");
        let peer = peer.attr("category", "peer").children([enc]).build();
        afoot.note(&peer.as_node_ref(), NOW);
        assert!(!afoot.is_any(NOW));
        for i in 0..=ROOM {
            note(&afoot, ANA, &i.to_string());
        }
        assert_eq!(afoot.lock().len(), ROOM);
    }
}
