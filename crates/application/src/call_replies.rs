//! What is written to callers whose calls were rejected.

use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wharf_domain::{
    Error, Resource, Result,
    instance::InstanceId,
    message::SendText,
    ports::{IncomingCall, InstanceStore},
};

use crate::messages::MessageService;

/// The tag of these messages.
const SOURCE: &str = "auto-reject";
/// How many may wait to be written.
const WAITING: usize = 1024;
/// How many are written at once.
const AT_ONCE: usize = 32;

/// A text for somebody whose call was rejected.
pub(crate) struct CallReply {
    pub(crate) instance: InstanceId,
    pub(crate) call: IncomingCall,
    pub(crate) text: String,
}

/// Where sessions put replies in: they know nothing of sending.
#[derive(Clone)]
pub(crate) struct ReplyBox(mpsc::Sender<CallReply>);

impl ReplyBox {
    pub(crate) fn put(&self, reply: CallReply) {
        if self.0.try_send(reply).is_err() {
            tracing::warn!("too many rejected callers wait for an answer, one goes without");
        }
    }
}

/// Makes the box and what empties it.
pub(crate) fn channel() -> (ReplyBox, mpsc::Receiver<CallReply>) {
    let (replies, waiting) = mpsc::channel(WAITING);
    (ReplyBox(replies), waiting)
}

/// Writes to callers as anybody writes through the API.
#[derive(Clone)]
pub(crate) struct CallReplies {
    messages: MessageService,
    instances: Arc<dyn InstanceStore>,
    waiting: Arc<Mutex<mpsc::Receiver<CallReply>>>,
    turns: Arc<Semaphore>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl CallReplies {
    pub(crate) fn new(
        messages: MessageService,
        instances: Arc<dyn InstanceStore>,
        waiting: mpsc::Receiver<CallReply>,
    ) -> Self {
        Self {
            messages,
            instances,
            waiting: Arc::new(Mutex::new(waiting)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn start(&self) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let closing = this.closing.clone();
            closing.run_until_cancelled(this.run()).await;
        });
    }

    /// Lets what is being written be written.
    pub(crate) async fn stop(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn run(&self) {
        let mut waiting = self.waiting.lock().await;
        while let Some(reply) = waiting.recv().await {
            // The semaphore is never closed.
            let Ok(turn) = self.turns.clone().acquire_owned().await else { return };
            let this = self.clone();
            self.tasks.spawn(async move {
                if let Err(e) = this.write(&reply).await {
                    let (instance, error) = (reply.instance.0, &e as &dyn std::error::Error);
                    tracing::warn!(%instance, error, "could not write to a rejected caller");
                }
                drop(turn);
            });
        }
    }

    async fn write(&self, reply: &CallReply) -> Result<()> {
        let instance = self.instances.find_by_id(reply.instance).await?;
        let instance = instance.ok_or(Error::NotFound(Resource::Instance))?;
        let to = reply.call.from.jid.to_string();
        let source = Some(SOURCE.to_owned());
        let text = SendText::parse(&to, reply.text.clone(), None, None, source)?;
        // The offer of a call may come again with the next session: one call is one message.
        let key = format!("{SOURCE}:{}", reply.call.id);
        self.messages.send_text(&instance, text, Some(key)).await.map(drop)
    }
}
