use std::time::Duration;

/// What a receiver may take. Receivers are to accept quickly and work later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// From the name look-up to the end of the TLS handshake.
    pub connect_timeout: Duration,
    /// For a whole attempt, connecting included. One that carries media has the time besides that this takes to travel.
    pub timeout: Duration,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), timeout: Duration::from_secs(30) }
    }
}

/// The slowest that an envelope with media in it may travel, in bytes a second.
const SLOWEST: usize = 256 * 1024;

impl WebhookConfig {
    /// What one attempt with a body of so many bytes may take: media does not travel in no time.
    pub(crate) fn time_for(&self, body: usize) -> Duration {
        let travelling = u32::try_from(body / SLOWEST).unwrap_or(u32::MAX);
        self.timeout + Duration::from_secs(travelling.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_has_the_time_it_takes_to_travel() {
        let config = WebhookConfig::default();
        assert_eq!(config.time_for(2_000), Duration::from_secs(30));
        // Sixteen megabytes as base64.
        assert_eq!(config.time_for(22_369_622), Duration::from_secs(30 + 85));
    }
}
