//! Idle sessions: what each costs, and how long they take to come back.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::time::{Instant, sleep};

use crate::{
    load,
    resources::{self, Memory},
    table::{self, row},
    wait,
    world::{self, Place, World},
};

/// How long all sessions may take to connect.
const PATIENCE: Duration = Duration::from_mins(10);

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many paired instances
    #[arg(default_value_t = 500)]
    sessions: usize,
    /// How many are paired at the same time
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
    /// How many seconds to leave them alone
    #[arg(long, default_value_t = 30)]
    idle: u64,
    /// How many seconds to wait before that, for what follows a connection
    #[arg(long, default_value_t = 10)]
    settle: u64,
}

/// A gateway that has been left alone.
struct Idle {
    sessions: usize,
    connected_after: Duration,
    /// The share of one core it took while idle.
    cpu: f64,
    memory: Memory,
}

pub(crate) async fn run(place: &Place, arguments: &Arguments) -> Result<()> {
    let Arguments { sessions, concurrency, .. } = *arguments;
    ensure!((2..=world::NUMBERS).contains(&sessions), "2 to {} sessions", world::NUMBERS);
    ensure!((1..=256).contains(&concurrency), "1 to 256 pairings at the same time");
    let (world, _) = pair(World::start(place).await?, 0, 1, 1).await?;
    let (world, base) = measure(world, 1, arguments).await?;
    let (world, paired_in) = pair(world, 1, sessions, concurrency).await?;
    let (world, all) = measure(world, sessions, arguments).await?;
    print(&base, &all, paired_in, concurrency);
    println!("\ndata directory:");
    let files = resources::files(&world.gateway.data_dir())?;
    let rows = files.iter().map(|(name, size)| row([name, &format!("{size:.1} MB")]));
    table::print(&rows.collect::<Vec<_>>());
    let simulator = resources::memory(world.whatsapp.process())?;
    println!("\nsimulated WhatsApp meanwhile: {:.1} MB resident", simulator.resident);
    Ok(())
}

/// Pairs instances `from` to `to`.
async fn pair(world: World, from: usize, to: usize, at_once: usize) -> Result<(World, Duration)> {
    let world = Arc::new(world);
    let shared = world.clone();
    let pairings = load::run(to - from, at_once, move |nth| {
        let (world, nth) = (shared.clone(), from + nth);
        async move {
            let number = world::number(nth);
            world.whatsapp.phone(&number, &format!("Phone {nth}")).await?;
            let name = format!("bench-{nth}");
            let paired = world.gateway.pair(&name, None, &world.whatsapp, &number).await;
            paired.with_context(|| format!("`{name}` cannot be paired"))
        }
    })
    .await?;
    let world = Arc::into_inner(world).ok_or_else(|| anyhow::anyhow!("a pairing still runs"))?;
    Ok((world, pairings.took()))
}

/// Restarts the gateway, waits until all sessions are connected, leaves it alone and looks.
async fn measure(world: World, sessions: usize, arguments: &Arguments) -> Result<(World, Idle)> {
    let (world, start) = world.restart_gateway().await?;
    // The simulator is asked first, so that the gateway is not measured answering.
    let every = Duration::from_millis(50);
    wait::until("all sessions log in", PATIENCE, every, || async {
        Ok((world.whatsapp.connected().await? >= sessions).then_some(()))
    })
    .await?;
    wait::until("all sessions are connected", PATIENCE, every, || async {
        Ok((world.gateway.connected().await? == sessions).then_some(()))
    })
    .await?;
    let connected_after = start.elapsed();
    sleep(Duration::from_secs(arguments.settle)).await;
    let process = world.gateway.process();
    let (before, start) = (resources::cpu_time(process)?, Instant::now());
    sleep(Duration::from_secs(arguments.idle)).await;
    let cpu = resources::cpu_time(process)?.saturating_sub(before);
    let idle = Idle {
        sessions,
        connected_after,
        cpu: cpu.as_secs_f64() / start.elapsed().as_secs_f64(),
        memory: resources::memory(process)?,
    };
    let connected = world.gateway.connected().await?;
    ensure!(connected == sessions, "only {connected} of {sessions} are connected after the wait");
    Ok((world, idle))
}

fn print(base: &Idle, all: &Idle, paired_in: Duration, concurrency: usize) {
    let mut rows = vec![row([
        "sessions",
        "resident",
        "anonymous",
        "peak",
        "threads",
        "idle CPU",
        "connected after",
    ])];
    for Idle { sessions, connected_after, cpu, memory } in [base, all] {
        rows.push(row([
            &sessions.to_string(),
            &format!("{:.1} MB", memory.resident),
            &format!("{:.1} MB", memory.anonymous),
            &format!("{:.1} MB", memory.peak),
            &memory.threads.to_string(),
            &format!("{:.2} %", cpu * 100.0),
            &format!("{:.2} s", connected_after.as_secs_f64()),
        ]));
    }
    table::print(&rows);
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let each = (all.memory.resident - base.memory.resident) / (all.sessions - base.sessions) as f64;
    println!(
        "\nbase {:.1} MB, total {:.1} MB, {each:.3} MB a session; all paired in {:.1} s, {concurrency} at a time",
        base.memory.resident,
        all.memory.resident,
        paired_in.as_secs_f64(),
    );
}
