//! Many jobs, a number of them at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::samples::Samples;

/// How long one job may take; longer than what it waits for.
const PATIENCE: Duration = Duration::from_mins(3);

/// Runs jobs 0 to `count`, `at_once` of them at a time, each as soon as an earlier one is done. The first failure ends it.
pub(crate) async fn run<J>(
    count: usize,
    at_once: usize,
    job: impl Fn(usize) -> J + Clone + Send + 'static,
) -> Result<Samples>
where
    J: Future<Output = Result<()>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..at_once {
        let (next, job) = (next.clone(), job.clone());
        workers.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= count {
                    return anyhow::Ok(latencies);
                }
                let start = Instant::now();
                timeout(PATIENCE, job(nth)).await.context("one of many took too long")??;
                latencies.push(start.elapsed());
            }
        });
    }
    let mut latencies = Vec::with_capacity(count);
    while let Some(worker) = workers.join_next().await {
        latencies.extend(worker??);
    }
    Ok(Samples::new(start.elapsed(), latencies))
}
