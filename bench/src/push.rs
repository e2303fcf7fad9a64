//! The time from the publication of a sale until every subscriber has it, by each transport; what
//! deliveries and connections cost; and the same of a server of socket.io in Node.
//!
//! The service is a process of its own, so its processor time and memory are its own: they are of all
//! that it does, the fold of what comes in included. The servers, what is published and the
//! subscribers share the machine with it.

mod connections;
mod node;
mod phase;
mod subscribers;
mod wire;

use std::time::Duration;

use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::say;
use anyhow::{Context, ensure};
use projections::time::Time;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::node::Node;
use self::phase::{Cost, Counting, Measured, Published, measure, measured, number};
use self::subscribers::{Subscribers, Target};
use self::wire::Transport;
use super::arguments::Arguments;
use super::feed::publish;
use super::latency::Latencies;
use super::load::Load;
use super::service::{Commits, Service};
use super::stand::Stand;

/// The events that are folded before, so that figures have their usual length.
const BEFORE: u32 = 50_000;
/// The views that one subscriber follows besides, before it reads nothing: more than the network between
/// holds for long.
const VIEWS: u32 = 20;
/// The time between two updates of a topic.
const TICK: Duration = Duration::from_millis(250);

/// Measures the latency of updates while nothing else happens, so that each is the first frame after a
/// quiet time; while the mixed load comes in; and then with one subscriber that reads nothing. Then the
/// cost of connections, and a server in Node.
///
/// # Errors
/// Fails if a server does not answer, or an update does not come.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    let each = arguments.subscribers.get();
    let all = each.checked_mul(Transport::COUNT).context("too many subscribers")?;
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    ensure!(
        files.is_none_or(|files| files > u64::from(all) + 500),
        "{all} subscribers need as many open files and 500 more, and the limit is {files:?}; raise \
         it (ulimit -n), or name fewer --subscribers"
    );
    stand.fresh("push").await?;
    fill(stand).await?;
    say!("\npush: {each} subscribers by each of three transports, who all follow the sales");
    let (deliveries, update) = follow(stand, arguments, all).await?;
    say!("  resident memory of the service for a connection");
    let memory = connections::memory(stand, each).await?;
    say!("  processor time of the service for connections");
    let idle = connections::idle(stand, arguments.idle).await?;
    let node = match Node::start().await {
        Ok(node) => beside(node, &update, arguments, all).await?,
        Err(why) => {
            say!("  nothing to compare with: {why:#}");
            Value::Null
        }
    };
    Ok(json!({
        "deliveries": deliveries, "bytesOfAConnection": memory, "idle": idle, "node": node,
    }))
}

/// Folds the catalogue and some events.
async fn fill(stand: &Stand) -> anyhow::Result<()> {
    let mut load = Load::new("before", 11);
    let now = Time(chrono::Utc::now().timestamp_millis());
    let events = Load::catalogue().chain((0..BEFORE).map(|_| load.next(now)));
    let last = publish(&stand.log, events, None).await?;
    let mut folding = stand.project(BatchLimits::default());
    folding.reach(last).await?;
    folding.stop().await;
    Ok(())
}

/// Measures what subscribers hear of sales; the figures, and the last update of Socket.IO.
async fn follow(
    stand: &Stand,
    arguments: &Arguments,
    all: u32,
) -> anyhow::Result<(Value, Vec<u8>)> {
    let (each, rate) = (arguments.subscribers.get(), arguments.rate);
    let lasts = Duration::from_secs(arguments.seconds);
    let service = Service::start(stand, all + 1).await?;
    service.read_ahead().await?;
    let subscribers = Subscribers::start()?;
    let transports = Transport::ALL.map(|transport| (transport, each));
    let mut figures = Map::new();
    let none = (&subscribers, &[][..]);
    let nobody = measure(&stand.log, &service, none, rate, lasts).await?.cost;
    for transport in Transport::ALL {
        subscribers.connect(Target::of(&service, transport, each)).await?;
    }
    say!("  {:<44} {}", "from publication until each has it", Latencies::head());
    let to = (&subscribers, &transports[..]);
    let quiet = measure(&stand.log, &service, to, 0, lasts).await?;
    say_latencies("after a quiet time", &quiet.latencies);
    let busy = measure(&stand.log, &service, to, rate, lasts).await?;
    say_latencies(&format!("{rate} events/s"), &busy.latencies);
    let one = Target::of(&service, Transport::Sse, 1).remove(0);
    let stall = subscribers.connect_one_of(one, VIEWS).await?;
    let reading = measure(&stand.log, &service, to, rate, lasts).await?;
    say_latencies(&format!("one follows {VIEWS} views besides"), &reading.latencies);
    stall.cancel();
    let stalled = measure(&stand.log, &service, to, rate, lasts).await?;
    say_latencies("that one reads nothing", &stalled.latencies);
    for (name, it) in
        [("quiet", &quiet), ("busy", &busy), ("one more", &reading), ("one stalled", &stalled)]
    {
        say_commits(name, &it.commits);
    }
    let update = subscribers.take()?.update;
    subscribers.end().await;
    service.stop().await?;
    say!("  {:<44} {}", "from the first that has it until each does", Latencies::head());
    say_latencies(&format!("{rate} events/s"), &busy.spread);
    let grew = [&busy, &reading, &stalled].map(|it| it.cost.grew / 1_000_000);
    let [before, reads, stalls] = grew;
    say!(
        "  the service grew by {before} MB, {reads} MB with that one, {stalls} MB as it read nothing"
    );
    say_cost(&format!("{all} subscribers, {rate} events/s"), &busy.cost);
    let beyond = busy.cost.per_core_second_beyond(&nobody);
    say!(
        "    {:.3} cores fold the same for nobody; beyond that {beyond:.0} a core-second",
        nobody.cores()
    );
    for (name, it) in
        [("quiet", &quiet), ("busy", &busy), ("oneMore", &reading), ("oneStalled", &stalled)]
    {
        figures.insert(name.to_owned(), json_of(it));
    }
    figures.insert("nobody".to_owned(), nobody.json());
    figures.insert("aCoreSecondBeyondTheFold".to_owned(), json!(beyond));
    Ok((Value::Object(figures), update))
}

/// Has a server in Node fan the same update out to as many subscribers of Socket.IO, as often.
async fn beside(
    mut node: Node,
    update: &[u8],
    arguments: &Arguments,
    all: u32,
) -> anyhow::Result<Value> {
    let transports = [(Transport::SocketIo, all)];
    let target =
        Target { address: node.address, key: String::new(), transport: Transport::SocketIo };
    say!("  {}, which fans updates out and does nothing else", node.version);
    let subscribers = Subscribers::start()?;
    let targets = vec![target; all as usize];
    let bytes = connections::connect(|| node.cost(), &subscribers, targets).await?;
    let row = format!("{all} idle, socketIo");
    say!("  {row:<44} {:>8.1} KB each", bytes / 1e3);
    let counting = Counting::begin(&subscribers, node.cost()?)?;
    let (mut ticks, mut published) = (interval(TICK), Vec::new());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let until = Instant::now() + Duration::from_secs(arguments.seconds);
    while Instant::now() < until {
        ticks.tick().await;
        let position = published.len() as u64 + 1;
        let update = wire::update_at(update, position).context("no update by Socket.IO came")?;
        published.push(Published { position, at: Instant::now() });
        node.send(&update).await?;
    }
    let (cost, mut heard) = counting.end(&subscribers, node.cost()?)?;
    subscribers.reach(published.len() as u64).await?;
    heard.extend(subscribers.take()?.heard);
    let measured = measured((cost, Commits::default()), heard, &published, &transports)?;
    say!("  {:<44} {}", "", Latencies::head());
    say_latencies("from hand-over until each has it,", &measured.latencies);
    say_latencies("from the first that has it,", &measured.spread);
    say_cost(&format!("{all} subscribers"), &measured.cost);
    subscribers.end().await;
    let version = node.version.clone();
    node.stop().await?;
    Ok(json!({
        "version": version, "bytesOfAConnection": bytes, "updates": published.len(),
        "deliveries": json_of(&measured),
    }))
}

fn say_latencies(name: &str, all: &[(Transport, Latencies)]) {
    for (transport, latencies) in all {
        let row = format!("{name}, {}", transport.name());
        say!("    {row:<42} {}", latencies.row());
    }
}

fn say_commits(name: &str, it: &Commits) {
    let each = |sum: f64| sum / it.number;
    say!(
        "    {name}: {:.0} commits of {:.0} events and {:.0} documents took {:.1} ms each",
        it.number,
        each(it.events),
        each(it.documents),
        each(it.seconds * 1e3),
    );
}

fn say_cost(name: &str, cost: &Cost) {
    let Cost { took, subscribers, .. } = cost;
    let clients = subscribers.as_secs_f64() / took.as_secs_f64();
    say!(
        "  {name}: {:.0} deliveries/s of {} bytes in {:.3} cores of the server, which {:.0} events/s \
         came in to ({clients:.3} cores of the subscribers)",
        cost.per_second(),
        cost.bytes_each(),
        cost.cores(),
        cost.rate,
    );
    say!("    {:.0} deliveries a core-second of the server", cost.per_core_second());
}

fn json_of(measured: &Measured) -> Value {
    let by_transport = |all: &[(Transport, Latencies)]| -> Value {
        let each =
            |(transport, it): &(Transport, Latencies)| (transport.name().to_owned(), it.json());
        Value::Object(all.iter().map(each).collect())
    };
    let mut figures = measured.cost.json();
    figures["latency"] = by_transport(&measured.latencies);
    figures["sinceTheFirst"] = by_transport(&measured.spread);
    figures["aCoreSecond"] =
        json!(number(measured.cost.deliveries) / measured.cost.server.as_secs_f64());
    figures
}
