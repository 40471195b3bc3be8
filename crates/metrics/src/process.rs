//! The process as the system sees it, under the names that Prometheus's own clients use.

use std::fs;

use prometheus_client::{
    metrics::gauge::ConstGauge,
    registry::{Registry, Unit},
};
use wharf_domain::Timestamp;

/// What cannot be found out on this system is left out.
pub(crate) fn register(registry: &mut Registry, started: Timestamp) {
    registry.register_with_unit(
        "process_start_time",
        "When the process was started, since 1970",
        Unit::Seconds,
        ConstGauge::new(started.timestamp()),
    );
    if let Some(resident) = resident_memory() {
        registry.register_with_unit(
            "process_resident_memory",
            "Memory that the process has",
            Unit::Bytes,
            ConstGauge::new(resident),
        );
    }
    if let Some(open) = open_files() {
        registry.register(
            "process_open_fds",
            "Files and sockets that the process has open",
            ConstGauge::new(open),
        );
    }
}

/// In bytes, on Linux.
fn resident_memory() -> Option<u64> {
    resident(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Of `status` and not of `statm`, which counts in pages of a size that only the system knows.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

fn open_files() -> Option<u64> {
    // The one that is open for looking is not counted.
    let count = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u64::try_from(count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\twharf\nVmHWM:\t   40000 kB\nVmRSS:\t   30720 kB\n";
        assert_eq!(resident(status), Some(30 << 20));
        assert_eq!(resident("Name:\twharf\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_open_files() {
        assert!(resident_memory().unwrap() > 1 << 20);
        assert!(open_files().unwrap() >= 3);
    }
}
