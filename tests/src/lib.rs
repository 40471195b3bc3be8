#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a failed set-up should fail the test"
)]

mod answer;
mod caller;
mod gateway;
mod health;

pub use answer::Answer;
pub use caller::Caller;
pub use gateway::{OWN_NUMBER, TestGateway};
pub use health::SwitchedCheck;
