//! The yardstick: a projector in its simplest form, with one majority-acknowledged upsert for each
//! document that an event touches, one after the other. It is not even correct: an event that is
//! read twice counts twice.

use std::time::Instant;

use adaptive_bi::stream::hole::Accepted;
use adaptive_bi::stream::read::Next;
use adaptive_bi::stream::subject;
use projections::event::{self, Event, Kind, Limits};
use projections::sales::Status;
use projections::time::Time;

use super::cpu::Cpu;
use super::rate::Rate;
use super::stand::Stand;
use super::yardstick;

/// Projects `events` messages after position `after`.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn run(stand: &Stand, after: u64, events: u64) -> anyhow::Result<Rate> {
    let mut reader = stand.log.read_after(after, Accepted::default()).await?;
    let (started, before) = (Instant::now(), Cpu::now());
    let mut done = 0;
    while done < events
        && let Next::Message(record) = reader.next().await?
    {
        let prefix = &stand.log.settings.prefix;
        let kind = subject::kind_of(prefix, &record.subject).unwrap_or(Kind::Activity);
        let limits = Limits { latest: Time(i64::MAX), currency: "GBP" };
        if let Ok(event) = event::parse(kind, &record.payload, &limits) {
            for (model, id, sums) in touched(&event) {
                yardstick::naive_upsert(&stand.store, model, &id, &sums).await?;
            }
        }
        done += 1;
    }
    Ok(Rate { events: done, took: started.elapsed(), cpu: Cpu::now().since(&before) })
}

type Upsert = (&'static str, String, Vec<(&'static str, i64)>);

/// The documents that an event touches, and the sums in each.
fn touched(event: &Event<'_>) -> Vec<Upsert> {
    match event {
        Event::Transaction(sale) => {
            let revenue = if sale.status == Status::Completed { sale.total_price.0 } else { 0 };
            let sums = vec![("orders", 1), ("revenue", revenue)];
            let day = sale.at.0 / 86_400_000;
            vec![
                ("transactions", sale.transaction_id.to_string(), sums.clone()),
                ("sales", format!("{day}/{}", sale.payment_method), sums.clone()),
                ("customers", sale.user_id.to_string(), sums.clone()),
                ("products", sale.product_id.as_deref().unwrap_or("(none)").to_owned(), sums),
            ]
        }
        Event::Activity(activity) => {
            let day = activity.at.unwrap_or_default().0 / 86_400_000;
            let mut upserts = vec![
                ("activities", activity.activity_id.to_string(), vec![("count", 1)]),
                ("customers", activity.user_id.to_string(), vec![("activities", 1)]),
                ("behaviour", format!("{day}/{}", activity.activity_type), vec![("count", 1)]),
            ];
            if let Some(product) = &activity.product_id {
                upserts.push(("products", product.to_string(), vec![("activities", 1)]));
            }
            upserts
        }
        Event::Feedback(rating) => vec![
            ("feedback", rating.feedback_id.to_string(), vec![("rating", rating.rating.into())]),
            ("customers", rating.user_id.to_string(), vec![("ratings", 1)]),
            ("products", rating.product_id.to_string(), vec![("ratings", 1)]),
        ],
        // The load has no other kinds than those above.
        _ => vec![],
    }
}
