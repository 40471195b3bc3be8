use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::TimeDelta;
use wharf_domain::{
    Timestamp,
    address::{Party, PhoneNumber},
};

/// How many answers are remembered.
const ROOM: usize = 256;
/// How long a registered number is taken for registered.
const FOUND: TimeDelta = TimeDelta::minutes(30);
/// How long an unregistered number is taken for unregistered.
const MISSING: TimeDelta = TimeDelta::minutes(1);

/// What WhatsApp said lately about numbers.
#[derive(Default)]
pub(crate) struct Lookups(Mutex<HashMap<PhoneNumber, Answer>>);

/// What is remembered of a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing, or nothing recent.
    Nothing,
    /// Nobody has it.
    Unregistered,
    /// Who has it.
    Registered(Party),
}

struct Answer {
    party: Option<Party>,
    until: Timestamp,
}

impl Lookups {
    /// What is remembered of a number.
    pub(crate) fn recall(&self, number: &PhoneNumber, now: Timestamp) -> Known {
        let answers = self.lock();
        let answer = answers.get(number).filter(|answer| now < answer.until);
        match answer.map(|answer| &answer.party) {
            None => Known::Nothing,
            Some(None) => Known::Unregistered,
            Some(Some(party)) => Known::Registered(party.clone()),
        }
    }

    /// Remembers an answer, in place of the one that would be forgotten first if need be.
    pub(crate) fn remember(&self, number: &PhoneNumber, party: Option<Party>, now: Timestamp) {
        let mut answers = self.lock();
        if answers.len() >= ROOM {
            answers.retain(|_, answer| now < answer.until);
        }
        if answers.len() >= ROOM
            && let Some((first, _)) = answers.iter().min_by_key(|(_, answer)| answer.until)
        {
            let first = first.clone();
            answers.remove(&first);
        }
        let until = now + if party.is_some() { FOUND } else { MISSING };
        answers.insert(number.clone(), Answer { party, until });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PhoneNumber, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use wharf_domain::address::Jid;

    use super::*;

    fn number(i: usize) -> PhoneNumber {
        PhoneNumber::parse(&format!("55119999{i:05}")).unwrap()
    }

    #[test]
    fn answers_are_forgotten_after_a_while_and_missing_numbers_sooner() {
        let (lookups, now) = (Lookups::default(), Timestamp::UNIX_EPOCH);
        let ana = Party::of(Jid::phone(&number(1)), None, None);
        lookups.remember(&number(1), Some(ana.clone()), now);
        lookups.remember(&number(2), None, now);
        assert_eq!(lookups.recall(&number(1), now), Known::Registered(ana.clone()));
        assert_eq!(lookups.recall(&number(2), now), Known::Unregistered);
        assert_eq!(lookups.recall(&number(1), now + MISSING), Known::Registered(ana));
        assert_eq!(lookups.recall(&number(2), now + MISSING), Known::Nothing);
        assert_eq!(lookups.recall(&number(1), now + FOUND), Known::Nothing);
    }

    #[test]
    fn there_is_room_for_so_many_and_the_oldest_go_first() {
        let lookups = Lookups::default();
        let at = |i: usize| Timestamp::UNIX_EPOCH + TimeDelta::milliseconds(i.try_into().unwrap());
        for i in 0..=ROOM {
            lookups.remember(&number(i), None, at(i));
        }
        assert_eq!(lookups.lock().len(), ROOM);
        assert_eq!(lookups.recall(&number(0), at(ROOM)), Known::Nothing);
        assert_eq!(lookups.recall(&number(ROOM), at(ROOM)), Known::Unregistered);
    }
}
