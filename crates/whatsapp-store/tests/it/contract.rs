//! The clauses, one file an area. Where the library's in-memory backend differs from the documentation
//! of its traits, the documentation holds and the clause is asked of the SQL backends alone.

pub mod app_sync;
pub mod contacts;
pub mod device;
pub mod groups;
pub mod messages;
pub mod msg_secrets;
pub mod prekeys;
pub mod signal;
pub mod tokens;
