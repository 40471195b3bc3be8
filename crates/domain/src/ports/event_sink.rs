use async_trait::async_trait;

use crate::delivery::{Attempt, Dispatch, Probe};

/// Carries an event to the outside, once.
///
/// It makes one attempt and says how that went. Waiting, trying again and giving up are its caller's business.
/// The event's id goes along in a form that is the same at every attempt, so that a receiver can tell a repeat.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Makes one attempt. Nothing secret is in the outcome's reason.
    async fn deliver(&self, dispatch: &Dispatch<'_>) -> Attempt;

    /// Makes one attempt at delivering a test event, signed and authorized like any other.
    async fn probe(&self, probe: &Probe<'_>) -> Attempt;
}
