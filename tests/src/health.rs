use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use wharf_domain::{Error, Result, ports::HealthCheck};

/// A part called `db` that works until it is switched off.
#[derive(Debug, Default)]
pub struct SwitchedCheck {
    is_off: AtomicBool,
}

impl SwitchedCheck {
    /// From now on the part does not work.
    pub fn switch_off(&self) {
        self.is_off.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl HealthCheck for SwitchedCheck {
    fn name(&self) -> &'static str {
        "db"
    }

    async fn check(&self) -> Result<()> {
        let is_off = self.is_off.load(Ordering::SeqCst);
        if is_off { Err(Error::unavailable("database", "connection refused")) } else { Ok(()) }
    }
}
