//! Pairing: codes to type, and giving up.

use std::sync::Arc;

use tokio::sync::oneshot;
use wharf_domain::{
    Error,
    address::PhoneNumber,
    ports::{History, Session},
    state::StateChange,
};

use super::{Next, Run, Supervisor, in_words, is_paired, warn};
use crate::sessions::{Refusal, Wish};

/// What waiting callers hear of an attempt that was given up.
const CANCELLED: &str = "the connection attempt was cancelled";

impl Supervisor {
    /// Serves somebody who wants to connect by the session under way, unless it was begun with too little history:
    /// the phone is told how much is wanted when it links, and never again.
    pub(super) async fn join(
        &mut self,
        run: &mut Run,
        wish: Wish,
        answer: oneshot::Sender<u64>,
    ) -> Option<Next> {
        if is_paired(&run.instance) {
            let _ = answer.send(self.attempt);
            return None;
        }
        let wants_more = wish.history.is_some_and(|days| run.history != History::Days(days));
        // Nobody is to type a code in vain.
        if wants_more && self.status.borrow().pairing.code.is_none() {
            let _ = answer.send(self.attempt + 1);
            self.wish = wish;
            self.going_down();
            self.end(run).await;
            return Some(Next::Connect);
        }
        if let Some(number) = wish.number {
            self.ask_pairing_code(&run.session, number);
        }
        let _ = answer.send(self.attempt);
        None
    }

    /// Asks for a pairing code without keeping the supervisor waiting; the status shows what came of it.
    ///
    /// What is shown of an earlier code goes first: it may have expired, and only the session knows.
    pub(super) fn ask_pairing_code(&self, session: &Arc<dyn Session>, number: PhoneNumber) {
        let (session, status) = (session.clone(), self.status.clone());
        self.status.send_modify(|status| {
            status.pairing.refused = None;
            status.pairing.code = None;
        });
        self.shared.tasks.spawn(async move {
            let answer = session.pairing_code(&number).await;
            status.send_if_modified(|status| {
                // An answer that comes after the end of its session is of no use to anybody.
                let is_current =
                    status.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, &session));
                if !is_current {
                    return false;
                }
                match answer {
                    Ok(code) => {
                        status.pairing.failed = None;
                        status.pairing.code = Some((number, code));
                    }
                    Err(e) => {
                        let code = if let Error::Refused { code } = e { Some(code) } else { None };
                        let reason = in_words(&e);
                        status.pairing.refused = Some(Refusal { number, code, reason });
                    }
                }
                true
            });
        });
    }

    /// Gives up the pairing under way. What is paired stays, and comes back by itself as ever.
    pub(super) async fn cancel(
        &mut self,
        run: &mut Run,
        answer: oneshot::Sender<()>,
    ) -> Option<Next> {
        if is_paired(&run.instance) {
            let _ = answer.send(());
            return None;
        }
        self.going_down();
        self.end(run).await;
        if is_paired(&run.instance) {
            // The phone was quicker.
            let _ = answer.send(());
            return Some(Next::Connect);
        }
        self.tell(StateChange::PairError { reason: CANCELLED.to_owned() }).await;
        self.give_up(answer);
        Some(Next::Rest)
    }

    /// Gives up a pairing of which nothing runs, and says whether there was one to give up.
    pub(super) async fn cancel_at_rest(&mut self, answer: oneshot::Sender<()>) -> bool {
        let is_pairing = match self.shared.instances.find_by_id(self.id).await {
            Ok(instance) => !instance.is_some_and(|instance| is_paired(&instance)),
            Err(e) => {
                warn(&e, "could not see whether there is a pairing to cancel");
                false
            }
        };
        if is_pairing {
            self.give_up(answer);
        } else {
            let _ = answer.send(());
        }
        is_pairing
    }

    fn give_up(&mut self, answer: oneshot::Sender<()>) {
        self.at_rest(Some(CANCELLED.to_owned()));
        self.wish = Wish::default();
        let _ = answer.send(());
    }
}
