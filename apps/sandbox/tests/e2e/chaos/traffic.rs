//! Phones that write to instances, and the instances they write to.

use std::{collections::HashSet, time::Duration};

use tokio::{task::JoinSet, time::sleep};

use super::tally::Sent;
use crate::{Gateway, WhatsApp};

/// How much is sent, by whom and to whom.
#[derive(Clone, Copy)]
pub(super) struct Traffic {
    pub(super) messages: usize,
    pub(super) phones: usize,
    pub(super) instances: usize,
    /// How long a phone rests after each message.
    pub(super) rest: Duration,
}

impl Traffic {
    /// Makes the phones, and instances that are paired and post to that URL.
    pub(super) async fn set_up(&self, whatsapp: &WhatsApp, gateway: &Gateway, webhook: &str) {
        for phone in 0..self.phones {
            whatsapp.phone(&phone_number(phone), "Writer").await;
        }
        for instance in 0..self.instances {
            let (name, number) = (instance_name(instance), instance_number(instance));
            whatsapp.phone(&number, "Owner").await;
            gateway.create(&name, webhook).await;
            gateway.pair(&name, whatsapp, &number).await;
        }
    }

    /// Waits until every instance is connected.
    pub(super) async fn wait_until_connected(&self, gateway: &Gateway) {
        for instance in 0..self.instances {
            gateway.wait_for_state(&instance_name(instance), "connected").await;
        }
    }

    /// Sends all of it, each phone one message after the other to instances drawn by chance, and tells what was sent.
    pub(super) async fn send(self, whatsapp: &WhatsApp, seed: u64) -> HashSet<Sent> {
        let mut phones = JoinSet::new();
        for phone in 0..self.phones {
            let sender = whatsapp.sender(&phone_number(phone));
            let share =
                self.messages / self.phones + usize::from(phone < self.messages % self.phones);
            let mut chance = fastrand::Rng::with_seed(seed ^ (phone as u64 + 1));
            phones.spawn(async move {
                let mut next = vec![0; self.instances];
                let mut sent = Vec::with_capacity(share);
                for _ in 0..share {
                    let instance = chance.usize(0..self.instances);
                    let message = Sent { phone, instance, nth: next[instance] };
                    next[instance] += 1;
                    sender.send(&instance_number(instance), &message.text()).await;
                    sent.push(message);
                    sleep(self.rest).await;
                }
                sent
            });
        }
        phones.join_all().await.into_iter().flatten().collect()
    }
}

fn phone_number(nth: usize) -> String {
    format!("55119998{nth:05}")
}

fn instance_number(nth: usize) -> String {
    format!("55119997{nth:05}")
}

fn instance_name(nth: usize) -> String {
    format!("office-{nth}")
}
