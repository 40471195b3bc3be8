//! What a supervisor says of its instance.

use std::{fmt, sync::Arc};

use wharf_domain::{
    address::PhoneNumber,
    pairing::{PairingCode, QrCode},
    ports::Session,
    state::ConnectionState,
};

/// What a supervisor says of its instance, now.
#[derive(Clone, Default)]
pub struct Status {
    /// The state; `None` while at rest, when the stored standing says more.
    pub state: Option<ConnectionState>,
    /// The codes a person can use now.
    pub pairing: Pairing,
    /// Whether the device shows itself as online.
    pub is_online: bool,
    /// Why the latest attempt came to nothing, with its number.
    pub problem: Option<(u64, String)>,
    pub(crate) session: Option<Arc<dyn Session>>,
}

/// The codes a person can use now.
#[derive(Clone, Debug, Default)]
pub struct Pairing {
    /// The code to scan.
    pub qr: Option<QrCode>,
    /// The code to type, and the number it is for.
    pub code: Option<(PhoneNumber, PairingCode)>,
    /// Why there is no code to type for a number that was asked for.
    pub refused: Option<Refusal>,
    /// Why the latest pairing in this session failed; it may be tried again.
    pub failed: Option<String>,
}

/// Why there is no code to type for a number that was asked for.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The number.
    pub number: PhoneNumber,
    /// WhatsApp's code, when it refused.
    pub code: Option<u16>,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status")
            .field("state", &self.state)
            .field("pairing", &self.pairing)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}
