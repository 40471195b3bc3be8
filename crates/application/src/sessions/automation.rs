//! What a session does by itself as its settings say: shows presence, confirms what was read, rejects calls.
//!
//! Each action is tried once, within a time, beside the others: none holds up another, nor what the session takes in.

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use wharf_domain::{
    Error, Result,
    address::Jid,
    instance::InstanceId,
    message::{ChatKind, Content, Direction, Message, MessageId},
    ports::{Clock, IncomingCall, Session},
};

use super::{
    Shared,
    live::{Follower, LiveSettings},
    status::Status,
};
use crate::call_replies::CallReply;

/// How long an action may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many actions of a kind run at once in a session.
const AT_ONCE: usize = 8;
/// How many messages may wait for their receipts.
const UNREAD: usize = 1024;
/// How many calls may wait for their rejection.
const CALLS: usize = 64;
/// How many calls are remembered: an offer may come more than once.
const REMEMBERED: usize = 64;

/// A message whose author is to be told that it was read.
struct Unread {
    chat: Jid,
    /// Needed in groups.
    author: Option<Jid>,
    id: MessageId,
}

/// Where what calls for an action is put in.
pub(super) struct Outlet {
    unread: mpsc::Sender<Unread>,
    calls: mpsc::Sender<IncomingCall>,
}

/// Where it comes out.
pub(super) struct Inlet {
    unread: mpsc::Receiver<Unread>,
    calls: mpsc::Receiver<IncomingCall>,
}

pub(super) fn channel() -> (Outlet, Inlet) {
    let (unread, unread_out) = mpsc::channel(UNREAD);
    let (calls, calls_out) = mpsc::channel(CALLS);
    (Outlet { unread, calls }, Inlet { unread: unread_out, calls: calls_out })
}

impl Outlet {
    /// Has the author of a message told that it was read, where there is somebody to tell.
    pub(super) fn arrived(&self, message: &Message) {
        let is_talk = matches!(message.chat.kind, ChatKind::Private | ChatKind::Group);
        let is_shown = !matches!(
            message.content,
            Content::Reaction { .. } | Content::Edit { .. } | Content::Revoke { .. }
        );
        if message.direction != Direction::Incoming || !is_talk || !is_shown {
            return;
        }
        let author = (message.chat.kind == ChatKind::Group).then(|| message.sender.jid.clone());
        let (chat, id) = (message.chat.party.jid.clone(), message.id.clone());
        if self.unread.try_send(Unread { chat, author, id }).is_err() {
            tracing::warn!("too many messages wait for their receipts, one goes without");
        }
    }

    /// Has a call rejected.
    pub(super) fn rings(&self, call: IncomingCall) {
        if self.calls.try_send(call).is_err() {
            tracing::warn!("too many calls wait for their rejection, one rings on");
        }
    }
}

/// All that the actions of a session need.
pub(super) struct Acting {
    pub(super) shared: Arc<Shared>,
    pub(super) instance: InstanceId,
    pub(super) session: Arc<dyn Session>,
    pub(super) settings: Arc<LiveSettings>,
    pub(super) status: watch::Sender<Status>,
    /// Whether the session was started so that it shows itself.
    pub(super) is_online: bool,
}

impl Inlet {
    /// Begins to act; ends when the guard is dropped.
    pub(super) fn act(self, acting: Acting) -> DropGuard {
        let (over, acting) = (CancellationToken::new(), Arc::new(acting));
        let tasks = &acting.shared.tasks;
        let spawn = |action: futures::future::BoxFuture<'static, ()>| {
            let over = over.clone();
            tasks.spawn(async move {
                over.run_until_cancelled(action).await;
            });
        };
        spawn(Box::pin(confirm(acting.clone(), self.unread)));
        spawn(Box::pin(reject(acting.clone(), self.calls)));
        spawn(Box::pin(show(acting.clone(), acting.settings.follow())));
        over.drop_guard()
    }
}

/// Shows the device as online, or as not, whenever that changes.
async fn show(acting: Arc<Acting>, mut settings: Follower) {
    let clock = &*acting.shared.clock;
    let mut is_online = acting.is_online;
    loop {
        let wanted = settings.now().keep_online_status;
        if wanted == is_online {
            if !settings.changed().await {
                return;
            }
            continue;
        }
        match within(clock, acting.session.set_online(wanted)).await {
            Ok(()) => {
                is_online = wanted;
                acting.status.send_if_modified(|status| {
                    let is_live = status.session.as_ref();
                    let is_own = is_live.is_some_and(|live| Arc::ptr_eq(live, &acting.session));
                    if is_own {
                        status.is_online = wanted;
                    }
                    is_own
                });
            }
            Err(e) => {
                failed(&acting, &e, "could not change the presence");
                tokio::select! {
                    is_there = settings.changed() => if !is_there { return },
                    () = clock.sleep(PATIENCE) => {}
                }
            }
        }
    }
}

/// Tells authors that their messages were read, many at once where they wait.
async fn confirm(acting: Arc<Acting>, mut unread: mpsc::Receiver<Unread>) {
    let mut batch = Vec::new();
    while unread.recv_many(&mut batch, UNREAD).await > 0 {
        let mut by_author: Vec<(Jid, Option<Jid>, Vec<MessageId>)> = Vec::new();
        for Unread { chat, author, id } in batch.drain(..) {
            match by_author.iter_mut().find(|(c, a, _)| *c == chat && *a == author) {
                Some((_, _, ids)) => ids.push(id),
                None => by_author.push((chat, author, vec![id])),
            }
        }
        let confirming = stream::iter(by_author).for_each_concurrent(AT_ONCE, |group| {
            let acting = acting.clone();
            async move {
                let (chat, author, ids) = group;
                let told = acting.session.mark_read(&chat, author.as_ref(), &ids);
                if let Err(e) = within(&*acting.shared.clock, told).await {
                    failed(&acting, &e, "could not send a read receipt");
                }
            }
        });
        confirming.await;
    }
}

/// Rejects calls, and has their callers written to where there is something to say.
async fn reject(acting: Arc<Acting>, mut calls: mpsc::Receiver<IncomingCall>) {
    let mut recent = VecDeque::with_capacity(REMEMBERED);
    let calls = stream::poll_fn(move |context| calls.poll_recv(context));
    let new = calls.filter(|call| {
        let is_new = !recent.contains(&call.id);
        if is_new {
            recent.truncate(REMEMBERED - 1);
            recent.push_front(call.id.clone());
        }
        std::future::ready(is_new)
    });
    let rejecting = new.for_each_concurrent(AT_ONCE, |call| {
        let acting = acting.clone();
        async move {
            let rejected = acting.session.reject_call(&call);
            if let Err(e) = within(&*acting.shared.clock, rejected).await {
                return failed(&acting, &e, "could not reject a call");
            }
            tracing::info!(instance = %acting.instance.0, "call rejected");
            let text = acting.settings.now().call_reject_message.clone();
            if !call.is_group && !text.trim().is_empty() {
                acting.shared.replies.put(CallReply { instance: acting.instance, call, text });
            }
        }
    });
    rejecting.await;
}

/// Carries an action out. One that panics has failed, and the next one is tried all the same.
async fn within(clock: &dyn Clock, action: impl Future<Output = Result<()>>) -> Result<()> {
    let panicked = |_| Err(Error::unavailable("an action of a session", "it panicked"));
    tokio::select! {
        biased;
        outcome = AssertUnwindSafe(action).catch_unwind() => outcome.unwrap_or_else(panicked),
        () = clock.sleep(PATIENCE) => Err(Error::NotAcknowledged),
    }
}

fn failed(acting: &Acting, error: &Error, what: &'static str) {
    tracing::warn!(instance = %acting.instance.0, error = error as &dyn std::error::Error, "{what}");
}
