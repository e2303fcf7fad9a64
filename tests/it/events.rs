//! The events that tests publish.

use std::sync::LazyLock;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// A sale of today, completed; `and` adds or replaces fields.
pub fn sale(id: &str, user: &str, amount: impl Into<Value>, and: Value) -> Value {
    let mut event = json!({
        "transactionId": id, "userId": user, "totalPrice": amount.into(), "transactionDate": now(),
    });
    merge(&mut event, and);
    event
}

/// Adds or replaces fields.
pub fn merge(event: &mut Value, and: Value) {
    if let (Value::Object(event), Value::Object(and)) = (event, and) {
        event.extend(and);
    }
}

/// The instant when these tests began, as producers write it: the same event is the same to the
/// byte.
pub fn now() -> String {
    static BEGAN: LazyLock<DateTime<Utc>> = LazyLock::new(Utc::now);
    BEGAN.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `count` events of every kind, the same for the same `seed`: new ones, changes, corrections,
/// repeats, stale ones and some that are invalid.
pub fn mixed(count: usize, seed: u64) -> Vec<(&'static str, Value)> {
    let mut dice = Dice(seed);
    (0..count).map(|_| one(&mut dice)).collect()
}

fn one(dice: &mut Dice) -> (&'static str, Value) {
    let (user, product) = (format!("u{}", dice.roll(25)), format!("p{}", dice.roll(12)));
    let at = format!(
        "2026-0{}-{:02}T{:02}:{:02}:00Z",
        1 + dice.roll(3),
        1 + dice.roll(28),
        dice.roll(24),
        dice.roll(60)
    );
    match dice.roll(13) {
        0..=5 => ("transaction", one_sale(dice, user, &product, &at)),
        6 | 7 => (
            "activity",
            json!({
                "activityId": format!("a{}", dice.roll(200)), "userId": user, "timestamp": at,
                "activityType":
                    dice.one_of(&["viewed_product", "added_to_cart", "purchased", "searched"]),
                "productId": product, "device": dice.one_of(&["phone", "desk.top"]),
                "page": format!("/page/{}", dice.roll(30)),
                "sessionId": dice.one_of(&[Some("s1"), Some("s2"), Some("s3"), None]),
            }),
        ),
        8 => {
            let id = dice.roll(40);
            (
                "feedback",
                json!({
                    "feedbackId": format!("f{id}"), "userId": format!("u{}", id % 25),
                    "productId": product, "rating": 1 + dice.roll(5), "feedbackDate": at,
                }),
            )
        }
        9 => (
            "product",
            json!({
                "productId": product, "name": format!("Thing {}", dice.roll(3)),
                "category": dice.one_of(&["Toys", "Books", "Food"]), "price": dice.roll(50),
            }),
        ),
        10 => (
            "session",
            json!({
                "sessionId": format!("s{}", dice.roll(20)), "userId": user, "startedAt": at,
                "device": dice.one_of(&["phone", "desk.top"]), "pages": dice.roll(4),
            }),
        ),
        11 => ("stock", json!({ "productId": product, "stock": dice.roll(60) })),
        _ if dice.roll(3) == 0 => ("transaction", json!({ "transactionId": "?" })),
        _ => ("customer", json!({ "userId": user, "username": format!("name{}", dice.roll(4)) })),
    }
}

fn one_sale(dice: &mut Dice, user: String, product: &str, at: &str) -> Value {
    let id = dice.roll(120);
    // A transaction keeps its customer, bar a few that are refused for it.
    let user = if dice.roll(40) == 0 { user } else { format!("u{}", id % 25) };
    let status = dice.one_of(&["completed", "completed", "pending", "failed", "returned"]);
    let amount = f64::from(u32::try_from(dice.roll(100_000)).unwrap_or(0)) / 100.0;
    let mut event = sale(
        &format!("t{id}"),
        &user,
        amount,
        json!({
            "transactionDate": at, "status": status, "quantity": 1 + dice.roll(9),
            "paymentMethod": dice.one_of(&["credit_card", "paypal", "cash"]),
            "shippingAddress": { "country": dice.one_of(&["France", "Norway", "a.b$c"]) },
        }),
    );
    if dice.roll(5) > 0 {
        merge(&mut event, json!({ "productId": product }));
    }
    if dice.roll(3) == 0 {
        let second = dice.roll(60);
        merge(&mut event, json!({ "updatedAt": format!("2026-05-01T00:00:{second:02}Z") }));
    }
    event
}

/// A small generator, so that the same seed gives the same log for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap_or(0)]
    }
}
