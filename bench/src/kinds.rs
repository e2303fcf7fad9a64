//! The cost of folding an event of each kind. What it names is known before.

use adaptive_bi::command::grouped;
use adaptive_bi::say;
use adaptive_bi::stream::publish::Outgoing;
use projections::event::Kind;
use projections::time::Time;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::catch_up::fold_after;
use super::load::{Keys, Load};
use super::rate::{Rate, Rates, whole};
use super::stand::Stand;

/// The lines of an order of the load.
const LINES: f64 = 3.0;

/// Folds a log of each kind.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    let events = (arguments.events / 10).max(1);
    say!("\nkinds: catch-up over {} events of each", grouped(events));
    let mut figures = Vec::new();
    for kind in Kind::ALL {
        let mut rounds = Vec::new();
        for _ in 0..arguments.rounds.get() {
            rounds.push(fold(stand, kind, events).await?);
        }
        let rates = Rates::of(rounds);
        let median = rates.median();
        let each: Vec<_> =
            median.cpu_each().map(|(process, each)| format!("{process} {each:.1}")).collect();
        let rate = median.per_second();
        say!(
            "  {:<12} {:>10} events/s  core-us/event: {}",
            kind.as_str(),
            whole(rate),
            each.join(", ")
        );
        if kind == Kind::Order {
            say!("  {:<12} {:>10} lines/s", "", whole(rate * LINES));
        }
        figures.push(json!({ "kind": kind.as_str(), "rate": rates.json() }));
    }
    Ok(Value::Array(figures))
}

async fn fold(stand: &mut Stand, kind: Kind, events: u64) -> anyhow::Result<Rate> {
    let now = chrono::Utc::now().timestamp_millis();
    let begin = now - i64::try_from(events)? * 10;
    let dated = move |n: u64| Time(begin + i64::try_from(n).unwrap_or_default() * 10);
    let mut load = Load::new("kinds", 12);
    let each = |of: fn(&mut Load, Time) -> Outgoing, mut load: Load| {
        (0..events).map(move |n| of(&mut load, dated(n)))
    };
    let catalogue = Load::catalogue();
    match kind {
        Kind::Transaction => fold_after(stand, catalogue, each(Load::transaction, load)).await,
        Kind::Order => fold_after(stand, catalogue, each(Load::order, load)).await,
        Kind::OrderStatus | Kind::Refund => {
            let orders: Vec<_> = (0..events).map(|n| load.order(dated(n))).collect();
            let of = if kind == Kind::Refund { Load::refund } else { Load::shipped };
            let then: Vec<_> = orders.iter().map(|order| of(order, Time(now))).collect();
            fold_after(stand, catalogue.chain(orders), then.into_iter()).await
        }
        Kind::Activity => fold_after(stand, catalogue, each(Load::activity, load)).await,
        Kind::Session => fold_after(stand, catalogue, each(Load::session, load)).await,
        Kind::Feedback => fold_after(stand, catalogue, each(Load::feedback, load)).await,
        Kind::Rate => fold_after(stand, catalogue, each(Load::rate, load)).await,
        Kind::Stock => fold_after(stand, catalogue, each(Load::stock, load)).await,
        Kind::Customer => fold_after(stand, catalogue, each(Load::account, load)).await,
        Kind::Product => {
            let products = u32::try_from(events)?;
            let keys = Keys { products, ..Keys::default() };
            fold_after(stand, std::iter::empty(), Load::catalogue_of(keys)).await
        }
    }
}
