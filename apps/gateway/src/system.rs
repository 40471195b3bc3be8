//! Time and randomness, from the system.

use std::time::Duration;

use async_trait::async_trait;
use chrono::SubsecRound as _;
use ring::rand::SecureRandom;
use wharf_domain::{
    Timestamp,
    ports::{Clock, Random},
};

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        // As exact as it is stored: what is told from memory is told the same from the database.
        chrono::Utc::now().trunc_subsecs(6)
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

/// The system's randomness.
#[derive(Clone, Debug)]
pub struct SystemRandom(ring::rand::SystemRandom);

impl Default for SystemRandom {
    fn default() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Random for SystemRandom {
    /// # Panics
    ///
    /// Panics when the system has no randomness to give: nothing safe can be done without it.
    #[expect(clippy::expect_used, reason = "tokens that can be guessed are worse than no server")]
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the system gives random bytes");
    }
}
