//! Who is behind a LID.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::TimeDelta;
use wharf_domain::{
    Timestamp,
    address::{Jid, Party, Server},
    event::EventBody,
    instance::InstanceId,
    ports::{Clock, WhatsApp},
};

/// How many answers are remembered, at most twice over.
const REMEMBERED: usize = 10_000;
/// How long an answer is remembered, at most twice over: people change their numbers.
const FRESH: TimeDelta = TimeDelta::hours(1);

/// Takes note, in what is about to be told, of the phone JIDs of people who were known by LID only when it was recorded.
///
/// Only what is known is remembered: what is not may be learnt at any moment. That somebody's number cannot be looked up is
/// no reason to keep an event back.
#[derive(Clone)]
pub(crate) struct Hidden {
    whatsapp: Arc<dyn WhatsApp>,
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Known>>,
}

/// The newer answers and the older ones, which go as a whole once the newer ones are many or old.
struct Known {
    newer: HashMap<(InstanceId, Jid), Jid>,
    older: HashMap<(InstanceId, Jid), Jid>,
    since: Timestamp,
}

impl Known {
    fn get(&self, instance: InstanceId, lid: &Jid) -> Option<&Jid> {
        let key = (instance, lid.clone());
        self.newer.get(&key).or_else(|| self.older.get(&key))
    }

    fn age(&mut self, now: Timestamp) {
        if self.newer.len() >= REMEMBERED || now - self.since >= FRESH {
            self.older = std::mem::take(&mut self.newer);
            self.since = now;
        }
    }
}

impl Hidden {
    pub(crate) fn new(whatsapp: Arc<dyn WhatsApp>, clock: Arc<dyn Clock>) -> Self {
        let known = Known { newer: HashMap::new(), older: HashMap::new(), since: clock.now() };
        Self { whatsapp, clock, known: Arc::new(Mutex::new(known)) }
    }

    /// Takes note of them in an event of an instance.
    pub(crate) async fn learn(&self, instance: InstanceId, body: &mut EventBody) {
        self.learn_all(instance, [body]).await;
    }

    /// Takes note of them in events of one instance, with one question for all.
    pub(crate) async fn learn_all<'a>(
        &self,
        instance: InstanceId,
        bodies: impl IntoIterator<Item = &'a mut EventBody>,
    ) {
        let mut bodies: Vec<_> = bodies.into_iter().collect();
        // Of those whose messages a receipt speaks of there is nothing but an address.
        let mut authors: Vec<_> = bodies.iter().map(|body| author(body)).collect();
        let hidden = bodies.iter_mut().flat_map(|body| body.hidden());
        let parties = hidden.chain(authors.iter_mut().flatten()).collect();
        self.learn_parties(instance, parties).await;
        for (body, known) in bodies.into_iter().zip(authors) {
            if let (EventBody::Receipt(receipt), Some(known)) = (body, known) {
                receipt.author = Some(known.jid);
            }
        }
    }

    /// Takes note of them in whom an instance's caller is told of.
    pub(crate) async fn learn_parties(&self, instance: InstanceId, mut parties: Vec<&mut Party>) {
        parties.retain(|party| party.jid.server() == Server::Lid);
        if parties.is_empty() {
            return;
        }
        let unknown: Vec<_> = {
            let mut known = self.known();
            known.age(self.clock.now());
            let lids: HashSet<_> = parties.iter().map(|party| &party.jid).collect();
            lids.into_iter().filter(|lid| known.get(instance, lid).is_none()).cloned().collect()
        };
        if !unknown.is_empty() {
            match self.whatsapp.phones(instance, &unknown).await {
                Ok(learnt) => {
                    let learnt = learnt.into_iter().map(|(lid, phone)| ((instance, lid), phone));
                    self.known().newer.extend(learnt);
                }
                Err(e) => {
                    let error = &e as &dyn std::error::Error;
                    tracing::debug!(instance = %instance.0, error, "could not look up who is behind a LID");
                }
            }
        }
        let known = self.known();
        for party in parties {
            if let Some(phone) = known.get(instance, &party.jid) {
                party.learn(phone.clone());
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is complete by itself.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who wrote what a receipt speaks of.
fn author(body: &EventBody) -> Option<Party> {
    let EventBody::Receipt(receipt) = body else { return None };
    receipt.author.clone().map(|author| Party::of(author, None, None))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wharf_domain::event::ReceiptKind;
    use wharf_testkit::{InMemoryWhatsApp, ManualClock, build};

    use super::*;

    struct Scene {
        whatsapp: Arc<InMemoryWhatsApp>,
        clock: Arc<ManualClock>,
        hidden: Hidden,
        instance: InstanceId,
    }

    impl Scene {
        fn new() -> Self {
            let whatsapp = Arc::new(InMemoryWhatsApp::default());
            let clock = Arc::new(ManualClock::default());
            let hidden = Hidden::new(whatsapp.clone(), clock.clone());
            Self { whatsapp, clock, hidden, instance: InstanceId(build::uuid()) }
        }

        async fn told(&self, lid: &Jid) -> Party {
            let mut party = Party::of(lid.clone(), None, None);
            self.hidden.learn_parties(self.instance, vec![&mut party]).await;
            party
        }
    }

    fn lid() -> Jid {
        Jid::parse("123@lid").unwrap()
    }

    #[tokio::test]
    async fn a_number_that_is_learnt_later_is_told_from_then_on() {
        let scene = Scene::new();
        assert_eq!(scene.told(&lid()).await.jid, lid());
        let phone = build::phone("5511999990001");
        scene.whatsapp.learn_phone(scene.instance, &lid(), &phone);
        let expected = Party { jid: phone, lid: Some(lid()), name: None };
        assert_eq!(scene.told(&lid()).await, expected);
    }

    #[tokio::test]
    async fn what_is_known_is_asked_for_once_and_after_hours_anew() {
        let scene = Scene::new();
        scene.whatsapp.learn_phone(scene.instance, &lid(), &build::phone("5511999990001"));
        scene.told(&lid()).await;
        scene.told(&lid()).await;
        assert_eq!(scene.whatsapp.phone_questions(), 1);
        let moved = build::phone("5511999990002");
        scene.whatsapp.learn_phone(scene.instance, &lid(), &moved);
        for _ in 0..2 {
            scene.clock.advance(Duration::from_hours(1));
            scene.told(&build_lid("9")).await;
        }
        assert_eq!(scene.told(&lid()).await.jid, moved);
    }

    #[tokio::test]
    async fn of_many_answers_the_oldest_are_forgotten() {
        let scene = Scene::new();
        let lids: Vec<_> = (0..3 * REMEMBERED).map(|n| build_lid(&n.to_string())).collect();
        for lid in &lids {
            scene.whatsapp.learn_phone(scene.instance, lid, &build::phone("5511999990001"));
        }
        for lid in &lids {
            scene.told(lid).await;
        }
        let known = scene.hidden.known();
        assert_eq!(known.newer.len() + known.older.len(), 2 * REMEMBERED);
    }

    #[tokio::test]
    async fn one_instances_answers_are_not_anothers() {
        let mut scene = Scene::new();
        scene.whatsapp.learn_phone(scene.instance, &lid(), &build::phone("5511999990001"));
        scene.told(&lid()).await;
        scene.instance = InstanceId(build::uuid());
        assert_eq!(scene.told(&lid()).await.jid, lid());
    }

    #[tokio::test]
    async fn all_in_events_are_asked_for_at_once_also_the_authors_of_what_was_read() {
        let scene = Scene::new();
        let (ana, bia) = (build::phone("5511999990001"), build::phone("5511999990002"));
        scene.whatsapp.learn_phone(scene.instance, &build_lid("1"), &ana);
        scene.whatsapp.learn_phone(scene.instance, &build_lid("2"), &bia);
        let receipt = build::receipt_event(ReceiptKind::Read, &build_lid("1"), &[]);
        let EventBody::Receipt(mut receipt) = receipt.body else { unreachable!("built as one") };
        receipt.author = Some(build_lid("2"));
        let mut bodies = [
            EventBody::Receipt(receipt),
            EventBody::Message(Box::new(build::incoming(&build_lid("2"), "hello"))),
        ];
        scene.hidden.learn_all(scene.instance, &mut bodies).await;
        assert_eq!(scene.whatsapp.phone_questions(), 1);
        let [EventBody::Receipt(receipt), EventBody::Message(message)] = bodies else {
            unreachable!("they were built so")
        };
        assert_eq!((&receipt.from.jid, receipt.author.as_ref()), (&ana, Some(&bia)));
        assert_eq!((&message.sender.jid, &message.chat.party.jid), (&bia, &bia));
        assert_eq!(message.sender.lid, Some(build_lid("2")));
    }

    fn build_lid(user: &str) -> Jid {
        Jid::parse(&format!("{user}@lid")).unwrap()
    }
}
