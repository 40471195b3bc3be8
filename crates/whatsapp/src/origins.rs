use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wacore::types::message::MessageSource;
use wacore_binary::Jid as LibraryJid;
use wharf_domain::{
    address::Jid,
    message::{Direction, Message, MessageId},
};

use crate::convert::to_library;

/// How many messages are remembered. They are marked as read soon, or else by the addresses that the caller knows.
const ROOM: usize = 256;

/// How WhatsApp addressed what came lately. We go by phone numbers, but a receipt has to come from where it was asked for.
#[derive(Default)]
pub(crate) struct Origins(Mutex<VecDeque<(MessageId, Jid, Origin)>>);

/// A chat and an author, as WhatsApp addresses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) chat: LibraryJid,
    pub(crate) sender: LibraryJid,
}

impl Origins {
    /// Remembers where a message came from, unless it goes by the same addresses here.
    pub(crate) fn note(&self, message: &Message, source: &MessageSource) {
        let origin = Origin { chat: source.chat.to_non_ad(), sender: source.sender.to_non_ad() };
        let chat = &message.chat.party.jid;
        let is_here_too =
            origin.chat == to_library(chat) && origin.sender == to_library(&message.sender.jid);
        if message.direction == Direction::Outgoing || is_here_too {
            return;
        }
        let mut recent = self.lock();
        if recent.len() == ROOM {
            recent.pop_front();
        }
        recent.push_back((message.id.clone(), chat.clone(), origin));
    }

    /// Sorts messages of a chat by where they came from; those that are not remembered came from where it says.
    pub(crate) fn of<'a>(
        &self,
        chat: &Jid,
        author: Option<&Jid>,
        ids: &'a [MessageId],
    ) -> Vec<(Origin, Vec<&'a str>)> {
        let here = Origin { chat: to_library(chat), sender: to_library(author.unwrap_or(chat)) };
        let recent = self.lock();
        let mut sorted: Vec<(Origin, Vec<&str>)> = Vec::new();
        for id in ids {
            let known = recent.iter().rev().find(|(known, at, _)| known == id && at == chat);
            let origin = known.map_or(&here, |(_, _, origin)| origin);
            match sorted.iter_mut().find(|(other, _)| other == origin) {
                Some((_, ids)) => ids.push(id.as_str()),
                None => sorted.push((origin.clone(), vec![id.as_str()])),
            }
        }
        sorted
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(MessageId, Jid, Origin)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use wharf_domain::{
        Timestamp,
        address::Party,
        message::{Chat, ChatKind, Content},
    };

    use super::*;

    const ANA: &str = "5511999990001@s.whatsapp.net";
    const GROUP: &str = "120363000000000001@g.us";

    fn id(raw: &str) -> MessageId {
        MessageId::parse(raw).unwrap()
    }

    fn message(name: &str, chat: &str) -> Message {
        let party = |jid: &str| Party::of(Jid::parse(jid).unwrap(), None, None);
        Message {
            id: id(name),
            direction: Direction::Incoming,
            timestamp: Timestamp::UNIX_EPOCH,
            chat: Chat { party: party(chat), kind: ChatKind::Private, is_community: false },
            sender: party(ANA),
            recipient: None,
            content: Content::Text(String::new()),
            quote: None,
            mentions: Vec::new(),
            is_forwarded: false,
            source: None,
        }
    }

    fn origin(chat: &str, sender: &str) -> Origin {
        Origin { chat: chat.parse().unwrap(), sender: sender.parse().unwrap() }
    }

    fn note(origins: &Origins, name: &str, told: &str, chat: &str, sender: &str) {
        let source = MessageSource {
            chat: chat.parse().unwrap(),
            sender: sender.parse().unwrap(),
            ..MessageSource::default()
        };
        origins.note(&message(name, told), &source);
    }

    #[test]
    fn messages_are_answered_where_they_came_from() {
        let origins = Origins::default();
        note(&origins, "a", ANA, "101@lid", "101:3@lid");
        note(&origins, "b", ANA, ANA, ANA);
        let ana = Jid::parse(ANA).unwrap();
        let ids = [id("a"), id("b"), id("c")];
        let expected =
            [(origin("101@lid", "101@lid"), vec!["a"]), (origin(ANA, ANA), vec!["b", "c"])];
        assert_eq!(origins.of(&ana, None, &ids), expected);
    }

    #[test]
    fn the_authors_in_a_group_are_addressed_as_it_addresses_them() {
        let origins = Origins::default();
        note(&origins, "a", GROUP, GROUP, "101:3@lid");
        let (group, ana) = (Jid::parse(GROUP).unwrap(), Jid::parse(ANA).unwrap());
        let ids = [id("a")];
        assert_eq!(origins.of(&group, Some(&ana), &ids), [(origin(GROUP, "101@lid"), vec!["a"])]);
        // The same id in another chat is another message.
        assert_eq!(origins.of(&ana, None, &ids), [(origin(ANA, ANA), vec!["a"])]);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let origins = Origins::default();
        for i in 0..=ROOM {
            note(&origins, &i.to_string(), ANA, "101@lid", "101@lid");
        }
        assert_eq!(origins.lock().len(), ROOM);
        let ana = Jid::parse(ANA).unwrap();
        assert_eq!(origins.of(&ana, None, &[id("0")])[0].0, origin(ANA, ANA));
    }
}
