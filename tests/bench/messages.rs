//! Text in and out through the gateway, and the same with the bare library.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    bare::Bare,
    comparison, resources,
    samples::Samples,
    side::Side,
    table,
    through_gateway::ThroughGateway,
    traffic::Traffic,
    wait,
    world::{self, Place, World},
};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many messages each way
    #[arg(default_value_t = 2000)]
    messages: usize,
    /// How many phones write and are written to
    #[arg(long, default_value_t = 8)]
    phones: usize,
    /// How many messages are under way at once, over all phones
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// How many messages each way go ahead unmeasured
    #[arg(long, default_value_t = 200)]
    warm_up: usize,
}

/// What one side did, and the CPU time the gateway had meanwhile.
struct Outcome {
    incoming: Samples,
    incoming_cpu: Duration,
    outgoing: Samples,
    outgoing_cpu: Duration,
}

pub(crate) async fn run(place: &Place, arguments: &Arguments) -> Result<()> {
    let Arguments { messages, phones, concurrency, warm_up } = *arguments;
    ensure!((1..=1_000_000).contains(&messages), "1 to 1000000 messages");
    ensure!((1..=1000).contains(&phones), "1 to 1000 phones");
    ensure!((1..=1000).contains(&concurrency), "1 to 1000 messages at once");
    let world = Arc::new(World::start(place).await?);
    let numbers: Arc<[String]> = (0..phones).map(|nth| world::number(nth + 10)).collect();
    for number in numbers.iter() {
        world.whatsapp.phone(number, "Bench").await?;
    }
    for nth in [1, 2] {
        world.whatsapp.phone(&world::number(nth), "Own").await?;
    }
    let gateway = Arc::new(ThroughGateway::pair(world.clone(), "bench", world::number(1)).await?);
    let bare = Arc::new(Bare::pair(world.clone(), world::number(2)).await?);

    let bench = Bench { world: &world, traffic: Traffic { numbers, concurrency } };
    bench.round(&gateway, "warm gateway", warm_up).await?;
    bench.round(&bare, "warm bare", warm_up).await?;
    gateway.receiver().wait_for_quiet().await?;

    let told_before = gateway.receiver().outgoing();
    let through_gateway = bench.round(&gateway, "gateway", messages).await?;
    // Its events of what was sent are still being posted; they must not slow the other side.
    gateway.receiver().wait_for_quiet().await?;
    let told = gateway.receiver().outgoing() - told_before;
    ensure!(told >= messages, "{told} of {messages} outgoing messages were told");
    let memory = resources::memory(world.gateway.process())?;
    let by_library = bench.round(&bare, "bare", messages).await?;

    println!(
        "{messages} messages each way, {phones} phones, {concurrency} under way at once, after {warm_up} to warm up; \
         one linked device a side\n"
    );
    print_comparison(&through_gateway, &by_library);
    println!(
        "\ngateway: {} of CPU a message in, {} out; {:.1} MB resident afterwards (peak {:.1})",
        per_message(through_gateway.incoming_cpu, messages),
        per_message(through_gateway.outgoing_cpu, messages),
        memory.resident,
        memory.peak,
    );
    println!("every message was shown on its phone, and every one sent was told to the webhook");
    Ok(())
}

struct Bench<'a> {
    world: &'a World,
    traffic: Traffic,
}

impl Bench<'_> {
    /// So many messages in, then as many out, spread over the phones. `name` tells its texts from all others.
    async fn round<S: Side>(&self, side: &Arc<S>, name: &str, count: usize) -> Result<Outcome> {
        let (incoming, incoming_cpu) =
            self.with_cpu(self.traffic.incoming(side, name, count)).await?;
        let (outgoing, outgoing_cpu) =
            self.with_cpu(self.traffic.outgoing(side, name, count)).await?;
        let limit = Duration::from_mins(1);
        wait::until("phones show what was sent", limit, Duration::from_millis(20), || async {
            let mut shown = 0;
            for number in self.traffic.numbers.iter() {
                shown += self.world.whatsapp.shown(number, &format!("{name} out ")).await?;
            }
            Ok((shown == count).then_some(()))
        })
        .await?;
        Ok(Outcome { incoming, incoming_cpu, outgoing, outgoing_cpu })
    }

    async fn with_cpu<T>(&self, work: impl Future<Output = Result<T>>) -> Result<(T, Duration)> {
        let before = resources::cpu_time(self.world.gateway.process())?;
        let done = work.await?;
        Ok((done, resources::cpu_time(self.world.gateway.process())?.saturating_sub(before)))
    }
}

fn print_comparison(gateway: &Outcome, library: &Outcome) {
    let pairs = [
        ("phone → webhook", &gateway.incoming, "phone → handler, bare library", &library.incoming),
        ("API → phone", &gateway.outgoing, "send → phone, bare library", &library.outgoing),
    ];
    table::print(&comparison::rows(&pairs));
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn per_message(cpu: Duration, messages: usize) -> String {
    format!("{:.2} ms", cpu.as_secs_f64() * 1000.0 / messages as f64)
}
