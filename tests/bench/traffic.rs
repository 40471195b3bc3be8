//! Messages both ways, spread over phones.

use std::sync::Arc;

use anyhow::Result;

use crate::{load, samples::Samples, side::Side};

/// Who writes and is written to, and how much of that is under way at once.
pub(crate) struct Traffic {
    pub(crate) numbers: Arc<[String]>,
    pub(crate) concurrency: usize,
}

impl Traffic {
    /// So many messages in. `name` tells their texts from all others.
    pub(crate) async fn incoming<S: Side>(
        &self,
        side: &Arc<S>,
        name: &str,
        count: usize,
    ) -> Result<Samples> {
        let (side, numbers, name) = (side.clone(), self.numbers.clone(), name.to_owned());
        load::run(count, self.concurrency, move |nth| {
            let (side, from) = (side.clone(), numbers[nth % numbers.len()].clone());
            let text = format!("{name} in {nth}");
            async move { side.incoming(&from, &text).await }
        })
        .await
    }

    /// So many messages out.
    pub(crate) async fn outgoing<S: Side>(
        &self,
        side: &Arc<S>,
        name: &str,
        count: usize,
    ) -> Result<Samples> {
        let (side, numbers, name) = (side.clone(), self.numbers.clone(), name.to_owned());
        load::run(count, self.concurrency, move |nth| {
            let (side, to) = (side.clone(), numbers[nth % numbers.len()].clone());
            let text = format!("{name} out {nth}");
            async move { side.outgoing(&to, &text).await }
        })
        .await
    }
}
