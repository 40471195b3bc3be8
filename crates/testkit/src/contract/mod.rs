//! What the ports promise, clause by clause.
//!
//! A clause is a function that gets fresh [`Stores`](crate::Stores) and panics when something does not hold; the macro
//! of a port makes a test of each of its clauses.

pub mod account_store;
pub mod delivery_ledger;
pub mod delivery_queue;
pub mod delivery_settlement;
pub mod event_log;
pub mod event_queuing;
pub mod event_reading;
pub mod event_retention;
pub mod instance_store;
pub mod media_jobs;
pub mod media_shares;
pub mod media_store;
pub mod message_history;
pub mod message_store;
pub mod page_access;
mod setting;
pub mod webhook_store;

/// Makes a test of each clause of a contract; the macros of the ports name the clauses.
#[doc(hidden)]
#[macro_export]
macro_rules! contract {
    ($contract:ident, $stores:expr, $attributes:tt, [$($clause:ident),* $(,)?]) => {
        $($crate::contract!(@ $contract, $stores, $attributes, $clause);)*
    };
    (@ $contract:ident, $stores:expr, [$($attribute:meta),*], $clause:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$attribute])*
        async fn $clause() {
            let stores = ($stores)().await;
            $crate::contract::$contract::$clause(&stores).await;
        }
    };
}

#[cfg(test)]
mod tests {
    /// A clause that no macro names would never run.
    #[test]
    fn every_clause_is_named_in_its_macro() {
        let contracts = [
            include_str!("account_store.rs"),
            include_str!("delivery_ledger.rs"),
            include_str!("delivery_queue.rs"),
            include_str!("delivery_settlement.rs"),
            include_str!("event_log.rs"),
            include_str!("event_queuing.rs"),
            include_str!("event_reading.rs"),
            include_str!("event_retention.rs"),
            include_str!("instance_store.rs"),
            include_str!("media_jobs.rs"),
            include_str!("media_shares.rs"),
            include_str!("media_store.rs"),
            include_str!("message_history.rs"),
            include_str!("message_store.rs"),
            include_str!("page_access.rs"),
            include_str!("webhook_store.rs"),
        ];
        for contract in contracts {
            let (named, clauses) = contract.split_once("pub async fn ").unwrap();
            for clause in clauses.split("pub async fn ") {
                let name = clause.split('(').next().unwrap();
                assert!(named.contains(&format!("            {name},\n")), "{name}");
            }
        }
    }
}
