//! The demo's generated events: made-up visitors of the real shop, so that a dashboard moves.
//!
//! Every id begins with `demo-`, which marks events of no real customer.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use projections::event::Kind;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::stream::Log;
use crate::stream::publish::Outgoing;

/// About three events a second.
const PAUSE: Duration = Duration::from_millis(330);
/// One order in so many is cancelled before it is paid, and of those that are paid; and of one in so
/// many a line is refunded once it is there.
const CANCELLED: u32 = 12;
const CANCELLED_PAID: u32 = 25;
const REFUNDED: u32 = 10;
/// The orders that move a step on with each visit: more than enter, as half of the visits are an order
/// of three steps.
const MOVED: usize = 2;
/// The orders that wait for their next step, so that there are some of each status.
const WAITING: usize = 6;

/// The products that visitors of the demo see, with their prices in 1/100 of the shop's currency.
const PRODUCTS: [(&str, u32); 12] = [
    ("85123A", 255),
    ("22423", 1_275),
    ("85099B", 195),
    ("47566", 495),
    ("20725", 165),
    ("84879", 169),
    ("22720", 495),
    ("22197", 85),
    ("21212", 55),
    ("22383", 165),
    ("20727", 165),
    ("22457", 295),
];
const COUNTRIES: [&str; 6] =
    ["United Kingdom", "United Kingdom", "United Kingdom", "Germany", "France", "Ireland"];

const METHODS: [&str; 3] = ["credit_card", "credit_card", "paypal"];
const DEVICES: [&str; 3] = ["mobile", "desktop", "tablet"];

/// Publishes until `stop`: views, carts, ratings, and orders that are paid, sent and received, or
/// cancelled, or refunded in part.
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
    /// Those whose statuses still move, the one that waits longest first.
    under_way: VecDeque<UnderWay>,
}

/// An order whose statuses still move.
struct UnderWay {
    id: String,
    user: String,
    lines: Vec<Line>,
    stage: Stage,
}

#[derive(Clone, Copy)]
struct Line {
    product: &'static str,
    cents: u32,
    quantity: u32,
}

/// The last that was told of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Placed,
    Paid,
    Shipped,
}

impl Visitors {
    fn new() -> Self {
        // Ids differ from run to run; otherwise the activities would be repeats.
        let run = format!("{:x}", chrono::Utc::now().timestamp());
        let random = SmallRng::seed_from_u64(4);
        Visitors { random, run, next: 0, under_way: VecDeque::new() }
    }

    fn visit(&mut self) -> Vec<Outgoing> {
        let seen = self.random.random_range(1..=4);
        let seen: Vec<_> = PRODUCTS.choose_multiple(&mut self.random, seen).copied().collect();
        let Some(&(first, _)) = seen.first() else { return vec![] };
        let user = format!("demo-{}", self.random.random_range(1..200));
        let session = self.id();
        let does = |visitors: &mut Self, product, what| {
            visitors.activity([&user, &session], product, what)
        };
        let mut events = vec![does(self, first, "viewed_product")];
        if self.random.random_bool(0.5) {
            for (product, _) in &seen {
                events.push(does(self, product, "added_to_cart"));
            }
            for (product, _) in &seen {
                events.push(does(self, product, "purchased"));
            }
            events.push(self.order(user, &seen));
        } else if self.random.random_bool(0.2) {
            events.push(self.rating(&user, first));
        }
        for _ in 0..MOVED {
            if self.under_way.len() > WAITING
                && let Some(order) = self.under_way.pop_front()
            {
                self.move_on(order, &mut events);
            }
        }
        events
    }

    fn id(&mut self) -> String {
        self.next += 1;
        format!("demo-{}-{}", self.run, self.next)
    }

    fn activity(
        &mut self,
        [user, session]: [&str; 2],
        product: &str,
        activity_type: &str,
    ) -> Outgoing {
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
            "sessionId": session,
        });
        outgoing(Kind::Activity, id, &body)
    }

    fn order(&mut self, user: String, products: &[(&'static str, u32)]) -> Outgoing {
        let (id, at) = (self.id(), now());
        let mut line = |&(product, cents)| {
            let quantity = self.random.random_range(1..6);
            Line { product, cents, quantity }
        };
        let lines: Vec<Line> = products.iter().map(&mut line).collect();
        let line = |(number, line): (u32, &Line)| {
            json!({
                "lineId": number.to_string(),
                "productId": line.product,
                "quantity": line.quantity,
                "price": in_pounds(line.cents),
            })
        };
        let body = json!({
            "orderId": id,
            "userId": user,
            "orderDate": at,
            "updatedAt": at,
            "lines": (1..).zip(&lines).map(line).collect::<Vec<_>>(),
            "orderStatus": "pending",
            "paymentStatus": "pending",
            "deliveryStatus": "pending",
            "paymentMethod": METHODS.choose(&mut self.random),
            "shippingAddress": { "country": COUNTRIES.choose(&mut self.random) },
        });
        self.under_way.push_back(UnderWay { id: id.clone(), user, lines, stage: Stage::Placed });
        outgoing(Kind::Order, id, &body)
    }

    /// Tells what becomes of an order next, and keeps it if there is more to come.
    fn move_on(&mut self, mut order: UnderWay, events: &mut Vec<Outgoing>) {
        let (statuses, next) = match order.stage {
            Stage::Placed if self.random.random_ratio(1, CANCELLED) => {
                (json!({ "orderStatus": "cancelled" }), None)
            }
            Stage::Placed => {
                (json!({ "orderStatus": "processing", "paymentStatus": "paid" }), Some(Stage::Paid))
            }
            Stage::Paid if self.random.random_ratio(1, CANCELLED_PAID) => {
                (json!({ "orderStatus": "cancelled" }), None)
            }
            Stage::Paid => (
                json!({ "orderStatus": "shipped", "deliveryStatus": "picked" }),
                Some(Stage::Shipped),
            ),
            Stage::Shipped => {
                (json!({ "orderStatus": "delivered", "deliveryStatus": "delivered" }), None)
            }
        };
        events.push(status(&order.id, statuses));
        if let Some(stage) = next {
            order.stage = stage;
            self.under_way.push_back(order);
        } else if matches!(order.stage, Stage::Shipped) && self.random.random_ratio(1, REFUNDED) {
            events.extend(self.refund(&order));
        }
    }

    /// A line of an order is given back whole.
    fn refund(&mut self, order: &UnderWay) -> Option<Outgoing> {
        let id = self.id();
        let lines: Vec<_> = (1_u32..).zip(&order.lines).collect();
        let (number, line) = lines.choose(&mut self.random)?;
        let body = json!({
            "refundId": id,
            "orderId": order.id,
            "lineId": number.to_string(),
            "productId": line.product,
            "userId": order.user,
            "quantity": line.quantity,
            "amount": in_pounds(line.cents * line.quantity),
            "at": now(),
            "reason": "Generated by the demo.",
        });
        Some(outgoing(Kind::Refund, id, &body))
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

/// Newer statuses of an order.
fn status(order: &str, mut statuses: Value) -> Outgoing {
    statuses["orderId"] = order.into();
    statuses["at"] = now().into();
    outgoing(Kind::OrderStatus, order.to_owned(), &statuses)
}

fn in_pounds(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn outgoing(kind: Kind, entity: String, body: &Value) -> Outgoing {
    let body = Bytes::from(body.to_string());
    Outgoing { kind, entity, body, message_id: None, replay_of: None }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use projections::event::{Event, Limits, parse};
    use projections::orders::status::{OrderStep, Step};
    use projections::time::Time;

    use super::*;

    #[test]
    fn every_event_is_understood_and_orders_move_from_status_to_status() {
        let limits = Limits { latest: Time(i64::MAX), currency: "GBP" };
        let mut visitors = Visitors::new();
        let mut orders: HashMap<String, Vec<OrderStep>> = HashMap::new();
        let (mut lengths, mut ends) = (BTreeMap::<usize, u32>::new(), BTreeMap::new());
        let mut refunds = 0;
        for event in (0..4_000).flat_map(|_| visitors.visit()) {
            assert!(event.entity.starts_with("demo-"), "{}", event.entity);
            match parse(event.kind, &event.body, &limits).expect("it is understood") {
                Event::Order(order) => {
                    assert!(
                        order.user_id.starts_with("demo-") && !order.adjusted.rounded,
                        "{order:?}"
                    );
                    *lengths.entry(order.lines.len()).or_default() += 1;
                    orders.insert(
                        order.order_id.into_owned(),
                        order.order_status.into_iter().collect(),
                    );
                }
                Event::OrderStatus(patch) => {
                    let steps = orders.get_mut(&*patch.order_id).expect("it was placed");
                    let step = patch.order_status.expect("stated");
                    assert!(step.follows(*steps.last().expect("pending")), "{steps:?} {step:?}");
                    steps.push(step);
                }
                Event::Refund(refund) => {
                    let order = refund.order_id.expect("stated");
                    assert_eq!(orders[&*order].last(), Some(&OrderStep::Delivered));
                    refunds += 1;
                }
                Event::Activity(_) | Event::Feedback(_) => {}
                other => panic!("{other:?}"),
            }
        }
        for steps in orders.values() {
            *ends.entry(steps.last().map(|it| it.as_str())).or_insert(0) += 1;
        }
        assert_eq!(lengths.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
        let stages: Vec<_> = visitors.under_way.iter().map(|it| it.stage).collect();
        assert!((WAITING..100).contains(&stages.len()), "{stages:?}");
        assert!(stages.contains(&Stage::Placed) && stages.contains(&Stage::Shipped), "{stages:?}");
        let (delivered, cancelled) = (ends[&Some("delivered")], ends[&Some("cancelled")]);
        assert!(delivered > 10 * refunds / 2 && refunds > delivered / 20, "{refunds}: {ends:?}");
        assert!(delivered > 4 * cancelled && cancelled > 100, "{ends:?}");
    }
}
