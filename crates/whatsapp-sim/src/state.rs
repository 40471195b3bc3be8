//! What the server remembers.

pub(crate) mod account;
pub(crate) mod collection;
pub(crate) mod device;
pub(crate) mod groups;
pub(crate) mod journal;
pub(crate) mod ledger;
pub(crate) mod newsletters;
pub(crate) mod queue;
