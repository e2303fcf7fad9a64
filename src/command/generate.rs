//! The demo's generated events: made-up visitors of the real shop, so that a dashboard moves.
//!
//! Every id begins with `demo-`, which marks events of no real customer.

use std::time::Duration;

use bytes::Bytes;
use projections::event::Kind;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::stream::Log;
use crate::stream::publish::Outgoing;

/// About three events a second.
const PAUSE: Duration = Duration::from_millis(330);
/// One visit in so many ends with a sale that is corrected later.
const CORRECTED: u32 = 10;

/// The products that visitors of the demo see, with their prices in the shop's currency.
pub const PRODUCTS: [(&str, &str); 12] = [
    ("85123A", "2.55"),
    ("22423", "12.75"),
    ("85099B", "1.95"),
    ("47566", "4.95"),
    ("20725", "1.65"),
    ("84879", "1.69"),
    ("22720", "4.95"),
    ("22197", "0.85"),
    ("21212", "0.55"),
    ("22383", "1.65"),
    ("20727", "1.65"),
    ("22457", "2.95"),
];
const COUNTRIES: [&str; 6] =
    ["United Kingdom", "United Kingdom", "United Kingdom", "Germany", "France", "Ireland"];

const DEVICES: [&str; 3] = ["mobile", "desktop", "tablet"];

/// Publishes until `stop`: views, carts, ratings and sales, some of which are pending first.
pub async fn run(log: Log, stop: CancellationToken) {
    let mut visitors = Visitors::new();
    while !stop.is_cancelled() {
        for event in visitors.visit() {
            match log.publish(event).await {
                Ok(answer) => {
                    if let Err(refusal) = answer.await {
                        debug!(%refusal, "a generated event was not taken");
                    }
                }
                Err(refusal) => debug!(%refusal, "a generated event was not taken"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

struct Visitors {
    random: SmallRng,
    run: String,
    next: u64,
}

impl Visitors {
    fn new() -> Self {
        // Ids differ from run to run; otherwise the activities would be repeats.
        let run = format!("{:x}", chrono::Utc::now().timestamp());
        Visitors { random: SmallRng::seed_from_u64(4), run, next: 0 }
    }

    fn visit(&mut self) -> Vec<Outgoing> {
        let Some(&(product, price)) = PRODUCTS.choose(&mut self.random) else { return vec![] };
        let user = format!("demo-{}", self.random.random_range(1..200));
        let mut events = vec![self.activity(&user, product, "viewed_product")];
        if self.random.random_bool(0.5) {
            events.push(self.activity(&user, product, "added_to_cart"));
            let quantity = self.random.random_range(1..6);
            let id = self.id();
            if self.random.random_ratio(1, CORRECTED) {
                events.push(self.sale(&id, &user, product, price, quantity, "pending"));
            }
            events.push(self.sale(&id, &user, product, price, quantity, "completed"));
            if self.random.random_ratio(1, CORRECTED) {
                events.push(self.sale(&id, &user, product, price, quantity, "returned"));
            }
        } else if self.random.random_bool(0.2) {
            events.push(self.rating(&user, product));
        }
        events
    }

    fn id(&mut self) -> String {
        self.next += 1;
        format!("demo-{}-{}", self.run, self.next)
    }

    fn activity(&mut self, user: &str, product: &str, activity_type: &str) -> Outgoing {
        let id = self.id();
        let device = DEVICES.choose(&mut self.random);
        let body = json!({
            "activityId": id,
            "userId": user,
            "activityType": activity_type,
            "timestamp": now(),
            "productId": product,
            "device": device,
            "page": format!("/products/{product}"),
        });
        outgoing(Kind::Activity, id, &body)
    }

    fn sale(
        &mut self,
        id: &str,
        user: &str,
        product: &str,
        price: &str,
        quantity: u32,
        status: &str,
    ) -> Outgoing {
        let cents: u64 = price.replace('.', "").parse().unwrap_or(100);
        let total = cents * u64::from(quantity);
        let country = COUNTRIES.choose(&mut self.random);
        let body = json!({
            "transactionId": id,
            "userId": user,
            "productId": product,
            "quantity": quantity,
            "totalPrice": format!("{}.{:02}", total / 100, total % 100),
            "transactionDate": now(),
            "status": status,
            "shippingAddress": { "country": country },
        });
        outgoing(Kind::Transaction, id.to_owned(), &body)
    }

    fn rating(&mut self, user: &str, product: &str) -> Outgoing {
        let id = self.id();
        let rating = self.random.random_range(3..=5);
        let body = json!({
            "feedbackId": id,
            "userId": user,
            "productId": product,
            "rating": rating,
            "feedbackDate": now(),
            "comment": "Generated by the demo.",
        });
        outgoing(Kind::Feedback, id, &body)
    }
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn outgoing(kind: Kind, entity: String, body: &serde_json::Value) -> Outgoing {
    let body = Bytes::from(body.to_string());
    Outgoing { kind, entity, body, message_id: None, replay_of: None }
}
