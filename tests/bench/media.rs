//! Media in with and without a bucket, and media out beside text.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Args;

use crate::{
    bucket::Bucket,
    comparison, resources,
    side::Side,
    table,
    through_gateway::ThroughGateway,
    traffic::Traffic,
    wait,
    world::{self, Place, World},
};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many messages of each kind
    #[arg(default_value_t = 300)]
    messages: usize,
    /// How many bytes each piece of media has
    #[arg(long, default_value_t = 200_000)]
    size: usize,
    /// How many phones write and are written to
    #[arg(long, default_value_t = 4)]
    phones: usize,
    /// How many messages are under way at once, over all phones
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
    /// How many messages of each kind go ahead unmeasured
    #[arg(long, default_value_t = 20)]
    warm_up: usize,
}

/// An instance whose messages are documents.
struct Documents {
    world: Arc<World>,
    gateway: Arc<ThroughGateway>,
    base64: Arc<str>,
}

impl Side for Documents {
    async fn incoming(&self, from: &str, text: &str) -> Result<()> {
        let posted = self.gateway.receiver().incoming.expect(text);
        let to = self.gateway.number();
        self.world.whatsapp.send_document(from, to, text, &self.base64).await?;
        Ok(posted.await?)
    }

    async fn outgoing(&self, to: &str, text: &str) -> Result<()> {
        self.world.gateway.send_document(self.gateway.name(), to, text, &self.base64).await
    }
}

pub(crate) async fn run(place: &Place, arguments: &Arguments) -> Result<()> {
    let Arguments { messages, size, phones, concurrency, warm_up } = *arguments;
    ensure!((1..=100_000).contains(&messages), "1 to 100000 messages");
    ensure!((1..=40_000_000).contains(&size), "1 to 40000000 bytes");
    ensure!((1..=1000).contains(&phones), "1 to 1000 phones");
    ensure!((1..=1000).contains(&concurrency), "1 to 1000 messages at once");
    let world = Arc::new(World::start(place).await?);
    let bucket = Bucket::start(&place.parent).await?;
    let numbers: Arc<[String]> = (0..phones).map(|nth| world::number(nth + 10)).collect();
    for number in numbers.iter() {
        world.whatsapp.phone(number, "Bench").await?;
    }
    for nth in [1, 2] {
        world.whatsapp.phone(&world::number(nth), "Own").await?;
    }
    let base64: Arc<str> = BASE64_STANDARD.encode(noise(size)).into();
    let documents = |gateway: &Arc<ThroughGateway>| {
        let (world, gateway) = (world.clone(), gateway.clone());
        Arc::new(Documents { world, gateway, base64: base64.clone() })
    };
    let plain = Arc::new(ThroughGateway::pair(world.clone(), "plain", world::number(1)).await?);
    let kept = Arc::new(ThroughGateway::pair(world.clone(), "kept", world::number(2)).await?);
    world.gateway.keep_media(kept.name(), bucket.configuration()).await?;
    let (without, with) = (documents(&plain), documents(&kept));

    let traffic = Traffic { numbers, concurrency };
    for (count, warm) in [(warm_up, true), (messages, false)] {
        let round = if warm { "warm" } else { "measured" };
        let in_without = traffic.incoming(&without, &format!("{round} without"), count).await?;
        let in_with = traffic.incoming(&with, &format!("{round} with"), count).await?;
        let out_text = traffic.outgoing(&plain, &format!("{round} text"), count).await?;
        let out_media = traffic.outgoing(&without, &format!("{round} document"), count).await?;
        for gateway in [&plain, &kept] {
            gateway.receiver().wait_for_quiet().await?;
        }
        if !warm {
            println!(
                "{messages} documents of {size} bytes each way, {} phones, {concurrency} under way at once, after \
                 {warm_up} to warm up\n",
                traffic.numbers.len(),
            );
            table::print(&comparison::rows(&[
                ("phone → webhook, kept in a bucket", &in_with, "the same, not kept", &in_without),
                ("API → phone, document", &out_media, "API → phone, text", &out_text),
            ]));
        }
    }
    // An event goes out without its media where the bucket is slow, so this is not said by their having come.
    let whole = u64::try_from(size)?;
    let expected = messages + warm_up;
    wait::until(
        "the bucket has it all",
        Duration::from_mins(2),
        Duration::from_millis(100),
        || async { Ok((bucket.objects(whole)? == expected).then_some(())) },
    )
    .await?;
    let memory = resources::memory(world.gateway.process())?;
    println!(
        "\ngateway: {:.1} MB resident afterwards (peak {:.1}); every document is in the bucket",
        memory.resident, memory.peak,
    );
    Ok(())
}

/// Bytes that nobody can compress, the same at every run.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}
