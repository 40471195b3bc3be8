//! What a process uses, as Linux tells it in `/proc`.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};

/// The kernel counts CPU time for user space in hundredths of a second on every architecture (`proc(5)`, `USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Memory in megabytes of a million bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    /// The most that was ever resident.
    pub(crate) peak: f64,
    /// The part of `resident` that is not the program's file or another one.
    pub(crate) anonymous: f64,
    pub(crate) threads: u64,
}

pub(crate) fn memory(process: u32) -> Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let number = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let text = line.and_then(|rest| rest.split_whitespace().next());
        text.and_then(|text| text.parse().ok()).with_context(|| format!("no {field} in the status"))
    };
    let megabytes = |field| number(field).map(|kibibytes: u64| bytes_as_mb(kibibytes * 1024));
    Ok(Memory {
        resident: megabytes("VmRSS")?,
        peak: megabytes("VmHWM")?,
        anonymous: megabytes("RssAnon")?,
        threads: number("Threads")?,
    })
}

/// The CPU time it has had so far, on all cores together.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything; the third field follows it.
    let (_, rest) = stat.rsplit_once(')').context("no name in the stat")?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks = |nth: usize| {
        let field = fields.get(nth - 3).context("too few fields in the stat")?;
        Ok::<u32, anyhow::Error>(field.parse()?)
    };
    Ok(TICK * (ticks(14)? + ticks(15)?))
}

/// Name and size in megabytes of every file right in a directory.
pub(crate) fn files(directory: &Path) -> Result<Vec<(String, f64)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let size = entry.metadata()?.len();
        files.push((entry.file_name().to_string_lossy().into_owned(), bytes_as_mb(size)));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn bytes_as_mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
