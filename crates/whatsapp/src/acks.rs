use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use wacore::types::{events::Receipt, presence::ReceiptType as Kind};
use wharf_domain::{Timestamp, message::MessageId, ports::SessionEvent};

use crate::queue::Queue;

/// What the server said about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) refused: Option<u16>,
}

/// Brings acknowledgements to those who wait for them; the others are told to the observer.
#[derive(Clone)]
pub(crate) struct Acks {
    waiting: Arc<Mutex<HashMap<MessageId, oneshot::Sender<Ack>>>>,
    queue: Arc<Queue>,
}

impl Acks {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { waiting: Arc::default(), queue }
    }

    /// Waits for the acknowledgement of a message from now on. `None` when somebody does already.
    pub(crate) fn expect(&self, id: &MessageId) -> Option<Expected> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.contains_key(id) {
            return None;
        }
        waiting.insert(id.clone(), sender);
        drop(waiting);
        Some(Expected { acks: self.clone(), id: id.clone(), receiver })
    }

    /// Takes in what the server said.
    pub(crate) fn settle(&self, id: MessageId, ack: Ack) {
        let waiting = self.lock().remove(&id);
        let unclaimed = match waiting {
            Some(waiting) => waiting.send(ack).err(),
            None => Some(ack),
        };
        if let Some(ack) = unclaimed {
            self.tell(id, ack);
        }
    }

    /// Takes in a receipt, which proves that the server has a message even before it says so.
    pub(crate) fn prove(&self, receipt: &Receipt) {
        let proof = [Kind::Delivered, Kind::Inactive, Kind::Sender, Kind::Read, Kind::Played];
        if !proof.contains(&receipt.r#type) {
            return;
        }
        let mut waiting = self.lock();
        for id in &receipt.message_ids {
            let Ok(id) = MessageId::parse(id.as_str()) else { continue };
            if let Some(waiting) = waiting.remove(&id) {
                let _ = waiting.send(Ack { timestamp: Some(receipt.timestamp), refused: None });
            }
        }
    }

    fn tell(&self, id: MessageId, Ack { timestamp, refused }: Ack) {
        self.queue.push_own(SessionEvent::LateAck { id, timestamp, refused });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MessageId, oneshot::Sender<Ack>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wait for one acknowledgement. Once dropped, what comes is told to the observer.
pub(crate) struct Expected {
    acks: Acks,
    id: MessageId,
    receiver: oneshot::Receiver<Ack>,
}

impl Expected {
    /// Returns with the acknowledgement.
    pub(crate) async fn ack(&mut self) -> Ack {
        match (&mut self.receiver).await {
            Ok(ack) => ack,
            // Nobody but this drops the other end.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.acks.lock().remove(&self.id);
        // It may have come between the last look and now.
        self.receiver.close();
        if let Ok(ack) = self.receiver.try_recv() {
            self.acks.tell(self.id.clone(), ack);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::queue::Entry;

    fn setup() -> (Arc<Queue>, Acks, MessageId) {
        let queue = Arc::new(Queue::default());
        (queue.clone(), Acks::new(queue), MessageId::parse("3EB0A").unwrap())
    }

    const ACK: Ack = Ack { timestamp: None, refused: Some(463) };

    async fn late(queue: &Queue) -> bool {
        queue.close();
        let told = queue.next().await;
        let Some([Entry::Own(event)]) = told.as_deref() else { return false };
        matches!(**event, SessionEvent::LateAck { refused: Some(463), .. })
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_acknowledgement_and_nobody_else() {
        let (queue, acks, id) = setup();
        let mut expected = acks.expect(&id).unwrap();
        assert!(acks.expect(&id).is_none());
        acks.settle(id, ACK);
        assert_eq!(expected.ack().await, ACK);
        drop(expected);
        assert!(!late(&queue).await);
    }

    #[tokio::test]
    async fn an_acknowledgement_nobody_waits_for_is_told() {
        let (queue, acks, id) = setup();
        drop(acks.expect(&id));
        acks.settle(id, ACK);
        assert!(late(&queue).await);
    }

    #[tokio::test]
    async fn an_acknowledgement_that_comes_as_the_wait_is_given_up_is_told() {
        let (queue, acks, id) = setup();
        let mut expected = acks.expect(&id).unwrap();
        assert!(expected.ack().now_or_never().is_none());
        acks.settle(id, ACK);
        drop(expected);
        assert!(late(&queue).await);
    }

    #[tokio::test]
    async fn a_receipt_proves_that_a_message_was_sent_and_asks_for_no_more() {
        let (queue, acks, id) = setup();
        let receipt = |kind| {
            Receipt::builder()
                .message_ids(vec![id.as_str().to_owned()])
                .source(wacore::types::message::MessageSource::default())
                .timestamp(Timestamp::UNIX_EPOCH)
                .r#type(kind)
                .offline(false)
                .build()
        };
        let mut expected = acks.expect(&id).unwrap();
        acks.prove(&receipt(Kind::Retry));
        assert!(expected.ack().now_or_never().is_none());
        acks.prove(&receipt(Kind::Delivered));
        let sent = Ack { timestamp: Some(Timestamp::UNIX_EPOCH), refused: None };
        assert_eq!(expected.ack().await, sent);
        drop(expected);
        acks.prove(&receipt(Kind::Read));
        queue.close();
        assert!(queue.next().await.is_none());
    }
}
