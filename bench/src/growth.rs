//! Whether the fold gets slower as a shop grows: ten times the events, and ten times the customers
//! and products, against a small shop.

use adaptive_bi::say;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::catch_up;
use super::load::{Keys, Mix};
use super::rate::{Rates, whole};
use super::stand::Stand;

/// A small shop.
const SMALL: Keys = Keys { customers: 5_000, products: 500 };
const TEN_TIMES: Keys = Keys { customers: 50_000, products: 5_000 };

/// Folds three logs from their beginnings.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn run(stand: &mut Stand, arguments: &Arguments) -> anyhow::Result<Value> {
    let few = (arguments.events / 10).max(1);
    let logs = [
        ("a small shop", few, SMALL),
        ("10 x events", few * 10, SMALL),
        ("10 x keys", few, TEN_TIMES),
    ];
    say!("\ngrowth: catch-up over three logs");
    let mut figures = Vec::new();
    let mut small = None;
    for (name, events, keys) in logs {
        let mut rounds = Vec::new();
        for _ in 0..arguments.rounds.get() {
            rounds.push(catch_up::fold(stand, events, keys, Mix::default()).await?);
        }
        let rates = Rates::of(rounds);
        let rate = rates.median().per_second();
        let ratio = rate / *small.get_or_insert(rate);
        say!("  {name:<14} {:>10} events/s {ratio:>6.2} of the first", whole(rate));
        figures.push(json!({
            "log": name, "customers": keys.customers, "products": keys.products,
            "ratio": ratio, "rate": rates.json(),
        }));
    }
    Ok(Value::Array(figures))
}
