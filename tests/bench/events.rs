//! What the log costs: the same traffic through gateways that differ only in where they keep events and deliveries.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use clap::Args;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    load,
    postgres::Schema,
    receiver::Receiver,
    resources::{self, Memory},
    samples::Samples,
    table::{self, row},
    world::{self, Place, World},
};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many messages go through each gateway as fast as it takes them
    #[arg(default_value_t = 24_000)]
    messages: usize,
    /// How many instances are busy
    #[arg(long, default_value_t = 20)]
    instances: usize,
    /// How many phones write to each of them
    #[arg(long, default_value_t = 4)]
    phones: usize,
    /// How many messages are under way at once
    #[arg(long, default_value_t = 128)]
    concurrency: usize,
    /// For how many seconds messages come at half of the greatest rate
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// The gateways take turns that often. A machine that is slow for seconds strikes all of them in a round, and one of them alone
/// in few rounds.
const ROUNDS: usize = 12;
/// How many messages of each phone and instance go ahead unmeasured.
const WARM_UP: usize = 5;

/// One gateway with its own WhatsApp and receiver.
struct Contestant {
    name: &'static str,
    world: World,
    receiver: Arc<Receiver>,
    rounds: Vec<Samples>,
    cpu: Duration,
    unhurried: Option<Samples>,
    before: Option<Memory>,
    /// Gone after the gateway.
    _schema: Option<Schema>,
}

pub(crate) async fn run(place: &Place, arguments: &Arguments) -> Result<()> {
    let Arguments { messages, instances, phones, concurrency, seconds } = *arguments;
    ensure!((ROUNDS..=1_000_000).contains(&messages), "{ROUNDS} to 1000000 messages");
    ensure!((1..=500).contains(&instances), "1 to 500 instances");
    ensure!((1..=10).contains(&phones), "1 to 10 phones an instance");
    let mut contestants = vec![
        Contestant::start("in memory", place, arguments, &["--log-in-memory=kept"], None).await?,
        Contestant::start(
            "… without messages",
            place,
            arguments,
            &["--log-in-memory=put-down"],
            None,
        )
        .await?,
        Contestant::start("… alone", place, arguments, &["--log-in-memory=as-they-come"], None)
            .await?,
        Contestant::start("SQLite", place, arguments, &[], None).await?,
    ];
    match Schema::create()? {
        Some(schema) => {
            let name = if Schema::is_on_durable_server()? {
                "PostgreSQL"
            } else {
                "PostgreSQL, fsync off"
            };
            let one = Contestant::start(name, place, arguments, &[], Some(schema)).await?;
            contestants.push(one);
        }
        None => println!("no PostgreSQL answers on 127.0.0.1:5432, so it is not measured\n"),
    }
    for one in &mut contestants {
        one.load("warm", instances * phones * WARM_UP, arguments).await?;
        one.before = Some(one.memory()?);
    }
    for round in 0..ROUNDS {
        for one in &mut contestants {
            let cpu = one.cpu()?;
            let samples = one.load(&format!("round {round}"), messages / ROUNDS, arguments).await?;
            one.cpu += one.cpu()?.saturating_sub(cpu);
            one.rounds.push(samples);
        }
    }
    for one in &mut contestants {
        let samples = one.stroll(one.rate() / 2.0, Duration::from_secs(seconds), arguments).await?;
        one.unhurried = Some(samples);
    }
    println!(
        "{messages} messages in {ROUNDS} rounds to {instances} instances from {phones} phones each, {concurrency} under way at once; \
         then {seconds} s at half of the rate that gave\n"
    );
    print(&contestants)?;
    println!("\nevery message came to its webhook");
    Ok(())
}

impl Contestant {
    async fn start(
        name: &'static str,
        place: &Place,
        arguments: &Arguments,
        flags: &[&str],
        schema: Option<Schema>,
    ) -> Result<Self> {
        let settings: Vec<_> =
            schema.iter().map(|schema| ("WHARF_DATABASE_URL", schema.url())).collect();
        let world = World::start_with(place, flags, &settings).await?;
        let (receiver, url) = Receiver::start().await?;
        for instance in 0..arguments.instances {
            let own = own_number(instance);
            world.whatsapp.phone(&own, "Own").await?;
            let name = format!("bench-{instance}");
            world.gateway.pair(&name, Some(&url), &world.whatsapp, &own).await?;
        }
        for phone in 0..arguments.phones * arguments.instances {
            world.whatsapp.phone(&writer(phone), "Bench").await?;
        }
        Ok(Self {
            name,
            world,
            receiver,
            rounds: Vec::new(),
            cpu: Duration::ZERO,
            unhurried: None,
            before: None,
            _schema: schema,
        })
    }

    /// So many messages, each from its phone until it is at the webhook.
    async fn load(&self, name: &str, count: usize, arguments: &Arguments) -> Result<Samples> {
        let (receiver, whatsapp) = (self.receiver.clone(), self.world.whatsapp.clone());
        let (instances, all) = (arguments.instances, arguments.instances * arguments.phones);
        let name = name.to_owned();
        let samples = load::run(count, arguments.concurrency, move |nth| {
            let (receiver, whatsapp) = (receiver.clone(), whatsapp.clone());
            let text = format!("{name} {nth}");
            async move {
                let posted = receiver.incoming.expect(&text);
                whatsapp
                    .send(&writer(nth % all), &own_number(nth % all % instances), &text)
                    .await?;
                Ok(posted.await?)
            }
        });
        samples.await
    }

    /// Messages at a steady rate, whether or not those before have arrived.
    async fn stroll(&self, rate: f64, length: Duration, arguments: &Arguments) -> Result<Samples> {
        let (instances, all) = (arguments.instances, arguments.instances * arguments.phones);
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut under_way = JoinSet::new();
        let start = Instant::now();
        let mut nth = 0;
        while start.elapsed() < length {
            ticks.tick().await;
            let text = format!("stroll {nth}");
            let (receiver, whatsapp) = (self.receiver.clone(), self.world.whatsapp.clone());
            under_way.spawn(async move {
                let sent = Instant::now();
                let posted = receiver.incoming.expect(&text);
                whatsapp
                    .send(&writer(nth % all), &own_number(nth % all % instances), &text)
                    .await?;
                posted.await?;
                anyhow::Ok(sent.elapsed())
            });
            nth += 1;
        }
        let latencies = under_way.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(Samples::new(start.elapsed(), latencies))
    }

    /// Deliveries a second over all rounds.
    fn rate(&self) -> f64 {
        let took: Duration = self.rounds.iter().map(Samples::took).sum();
        self.count() / took.as_secs_f64()
    }

    /// The rates as parts of another's in the same rounds, the least first.
    fn ratios(&self, other: &Self) -> Vec<f64> {
        let rounds = self.rounds.iter().zip(&other.rounds);
        let mut ratios: Vec<_> = rounds.map(|(own, other)| own.rate() / other.rate()).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    fn count(&self) -> f64 {
        self.rounds.iter().map(Samples::len).sum::<usize>() as f64
    }

    fn memory(&self) -> Result<Memory> {
        resources::memory(self.world.gateway.process())
    }

    fn cpu(&self) -> Result<Duration> {
        resources::cpu_time(self.world.gateway.process())
    }
}

fn print(contestants: &[Contestant]) -> Result<()> {
    let mut rows = vec![row([
        "log and deliveries",
        "messages/s",
        "ratio",
        "of rounds",
        "CPU a message",
        "p50 at half",
        "p99 at half",
        "anonymous MB before",
        "after",
    ])];
    for one in contestants {
        let ratios = contestants.first().map(|best| one.ratios(best)).unwrap_or_default();
        let ratio = |index: usize| ratios.get(index).copied().unwrap_or_default();
        let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        let half = |percent| one.unhurried.as_ref().map(|samples| samples.percentile(percent));
        rows.push(row([
            one.name,
            &format!("{:.0}", one.rate()),
            &format!("{:.2}", f64::midpoint(ratio(ROUNDS / 2 - 1), ratio(ROUNDS / 2))),
            &format!("{:.2} to {:.2}", ratio(0), ratio(ROUNDS - 1)),
            &format!("{:.2} ms", one.cpu.as_secs_f64() * 1000.0 / one.count()),
            &milliseconds(half(50).unwrap_or_default()),
            &milliseconds(half(99).unwrap_or_default()),
            &format!("{:.1}", one.before.map_or(0.0, |memory| memory.anonymous)),
            &format!("{:.1}", one.memory()?.anonymous),
        ]));
    }
    table::print(&rows);
    Ok(())
}

fn own_number(instance: usize) -> String {
    world::number(instance)
}

fn writer(phone: usize) -> String {
    world::number(1000 + phone)
}
