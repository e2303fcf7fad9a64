//! Every view over a year of a shop: latency over ever other ranges, zones and parameters, by the size of the
//! shop; the same questions to `ClickHouse`; and which answers stay known while activities come in.
//!
//! [`shop`] makes the events; [`question`] draws the questions; [`facts`] writes the same events as tables,
//! which [`chdb`] loads; [`sql`], [`bought`] and [`visits`] are the questions as SQL; [`beside`] compares;
//! [`polls`] polls.

pub mod beside;
mod bought;
pub mod chdb;
pub mod facts;
pub mod polls;
pub mod question;
pub mod shop;
pub mod sql;
mod visits;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use adaptive_bi::app::App;
use adaptive_bi::command::grouped;
use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::say;
use anyhow::bail;
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::ask::Asker;
use crate::feed::publish;
use crate::latency::Latencies;
use crate::stand::{Scratch, Stand};
use chdb::{ClickHouse, Library};
use facts::Facts;
use question::{Questions, View};

/// The numbers of orders.
const SIZES: [u64; 2] = [100_000, 1_000_000];

/// Asks at each size.
///
/// # Errors
/// Fails if a server does not answer, or figures differ from those of `ClickHouse`.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    let library = match Library::install().await {
        Ok(library) => Some(library),
        Err(error) => {
            say!("\nClickHouse is not asked: {error:#}");
            None
        }
    };
    let mut sizes = Vec::new();
    for &orders in arguments.sizes_or(&SIZES) {
        sizes.push(at(stand, arguments, orders, library.as_ref()).await?);
    }
    let growth = growth(&sizes);
    let (app, key) = stand.serve(&[Scope::MetricsRead]).await?;
    let polls = polls::run(stand, &Asker::new(app.address, key), arguments).await?;
    app.stop().await?;
    let sizes: Vec<Value> = sizes.into_iter().map(|size| size.report).collect();
    Ok(json!({ "sizes": sizes, "growth": growth, "polls": polls }))
}

/// The measurements at one number of orders.
struct Size {
    orders: u64,
    views: Vec<Asked>,
    report: Value,
}

/// The measurements of one view.
struct Asked {
    view: String,
    latencies: Latencies,
    /// The length of the longest answer, and of all.
    bytes: (usize, usize),
    refused: u64,
    /// The longest time, and the parameters that were asked with then.
    slowest: (Duration, String),
}

async fn at(
    stand: &mut Stand,
    arguments: &Arguments,
    orders: u64,
    library: Option<&Library>,
) -> anyhow::Result<Size> {
    stand.fresh("views").await?;
    let end = chrono::Utc::now().timestamp_millis();
    let folder = Scratch::named("tables");
    let events = fill(stand, orders, end, library.is_some().then_some(&folder)).await?;
    let (app, key) = stand.serve(&[Scope::MetricsRead]).await?;
    read_ahead(&app).await?;
    let client = Asker::new(app.address, key);
    let document = client.get("/api/openapi.json", &BTreeMap::new()).await?;
    let all = View::all(&serde_json::from_slice(&document.body)?);
    let asked = ask(&client, &all, arguments.questions.get(), end).await?;
    say!("\nviews of {} orders ({} events), no question twice", grouped(orders), grouped(events));
    show(&asked);
    app.stop().await?;
    let clickhouse = match library {
        Some(library) => {
            // One that has answered none of these questions.
            let (app, key) = stand.serve(&[Scope::MetricsRead]).await?;
            read_ahead(&app).await?;
            let mut clickhouse = ClickHouse::load(library, &folder.0).await?;
            let (client, asked) =
                (Asker::new(app.address, key), (&all[..], arguments.questions.get()));
            let compared = beside::run(&client, &mut clickhouse, asked, end).await?;
            clickhouse.end().await?;
            app.stop().await?;
            compared
        }
        None => Value::Null,
    };
    let rows: Vec<Value> = asked.iter().map(Asked::json).collect();
    let report =
        json!({ "orders": orders, "events": events, "views": rows, "clickhouse": clickhouse });
    Ok(Size { orders, views: asked, report })
}

/// Waits until the service has read ahead, as it has moments after its start.
async fn read_ahead(app: &App) -> anyhow::Result<()> {
    let begun = Instant::now();
    for shop in &app.shops {
        shop.queries.ahead.clone().wait_for(Option::is_some).await?;
    }
    say!("\nread ahead of questions in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Puts the year on the log and folds it, and writes the tables if there is a folder for them; returns the
/// number of events.
async fn fill(
    stand: &mut Stand,
    orders: u64,
    end: i64,
    folder: Option<&Scratch>,
) -> anyhow::Result<u64> {
    let mut facts = match folder {
        Some(folder) => Some(Facts::begin(&folder.0)?),
        None => None,
    };
    let mut written = Ok(());
    let events = shop::year(orders, end).inspect(|event| {
        if let (Some(facts), Ok(())) = (&mut facts, &written) {
            written = facts.add(event);
        }
    });
    let last = publish(&stand.log, events, None).await?;
    written?;
    if let Some(facts) = facts {
        facts.end()?;
    }
    let mut folding = stand.project(BatchLimits::default());
    folding.reach(last).await?;
    folding.stop().await;
    stand.settle().await?;
    Ok(last)
}

/// Asks each view, one question after the other.
async fn ask(
    client: &Asker,
    views: &[View],
    questions: u32,
    end: i64,
) -> anyhow::Result<Vec<Asked>> {
    let mut all = Vec::new();
    for view in views {
        let mut drawn = Questions::new(31, end);
        let (latencies, view_name) = (Latencies::new()?, view.name().to_owned());
        let mut asked = Asked {
            view: view_name,
            latencies,
            bytes: (0, 0),
            refused: 0,
            slowest: (Duration::ZERO, String::new()),
        };
        for question in (0..questions).map_while(|_| drawn.draw(view)) {
            let answer = client.get(&question.path, &question.parameters).await?;
            let text = String::from_utf8_lossy(&answer.body);
            match answer.status {
                200 => {
                    asked.latencies.record(answer.took)?;
                    if answer.took > asked.slowest.0 {
                        asked.slowest = (answer.took, question.to_string());
                    }
                }
                // Parameters that do not go together are said so.
                400 => asked.refused += 1,
                status => bail!("{question:?}: {status}: {text}"),
            }
            let (longest, total) = asked.bytes;
            asked.bytes = (longest.max(answer.body.len()), total + answer.body.len());
        }
        all.push(asked);
    }
    Ok(all)
}

fn show(asked: &[Asked]) {
    let head = Latencies::head();
    say!("  {:<14} {:>6} {head} {:>10} {:>10}", "", "asked", "mean bytes", "max bytes");
    for it in asked {
        let (longest, mean) = (it.bytes.0, it.mean_bytes());
        let refused = match it.refused {
            0 => String::new(),
            refused => format!("  {refused} refused"),
        };
        let (count, row) = (it.latencies.count(), it.latencies.row());
        say!("  {:<14} {count:>6} {row} {mean:>10} {longest:>10}{refused}", it.view);
    }
    say!("  the slowest questions:");
    for it in asked {
        say!("  {:<14} {}", it.view, it.slowest.1);
    }
}

impl Asked {
    fn mean_bytes(&self) -> u64 {
        let asked = self.latencies.count() + self.refused;
        u64::try_from(self.bytes.1).unwrap_or(u64::MAX).checked_div(asked).unwrap_or_default()
    }

    fn json(&self) -> Value {
        json!({
            "view": self.view, "latency": self.latencies.json(), "refused": self.refused,
            "meanBytes": self.mean_bytes(), "maxBytes": self.bytes.0, "slowest": self.slowest.1,
        })
    }
}

/// The p99 of each view by size, and that of the last size against the first.
fn growth(sizes: &[Size]) -> Value {
    let [first, .., last] = sizes else { return Value::Null };
    say!("\np99 in ms, by orders");
    let names: Vec<String> = sizes.iter().map(|size| grouped(size.orders)).collect();
    let cells = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|it| format!("{it:>12}")).collect();
        cells.concat()
    };
    say!("  {:<14} {} {:>12}", "", cells(&names), "last / first");
    let mut rows = Vec::new();
    for (at, view) in first.views.iter().enumerate() {
        let p99 = |size: &Size| size.views[at].latencies.quantile(0.99);
        let each: Vec<f64> = sizes.iter().map(p99).collect();
        let ratio = p99(last) / p99(first);
        let texts: Vec<String> = each.iter().map(|it| format!("{it:.2}")).collect();
        say!("  {:<14} {} {ratio:>10.2} x", view.view, cells(&texts));
        rows.push(json!({ "view": view.view, "p99Ms": each, "ratio": ratio }));
    }
    Value::Array(rows)
}
