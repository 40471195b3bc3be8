//! Labels: few, and of few values each.

use prometheus_client::metrics::family::Family;
use wharf_domain::delivery::Outcome;

/// `N` names, each with its value.
pub(crate) type Labels<const N: usize> = [(&'static str, &'static str); N];

/// One measure for each combination of the values of `N` labels.
pub(crate) type By<const N: usize, M> = Family<Labels<N>, M, fn() -> M>;

/// The sink that webhooks are.
pub(crate) const WEBHOOK: (&str, &str) = ("sink", "webhook");

/// Every outcome of an attempt.
pub(crate) const OUTCOMES: [&str; 5] = ["delivered", "retry", "refused", "gone", "failed"];

/// How an outcome is spelled.
pub(crate) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Refused { .. } => "refused",
        Outcome::Gone { .. } => "gone",
        Outcome::Failed { .. } => "failed",
    }
}
