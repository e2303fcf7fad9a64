//! What visitors and customers do, generated.

use chrono::{DateTime, TimeZone, Utc};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

pub const USERS: u32 = 40;
const DEVICES: [&str; 3] = ["phone", "desktop", "tablet"];
pub const DAY: i64 = 24 * 3600;

#[derive(Debug, Clone)]
pub struct Activity {
    pub user: String,
    pub kind: &'static str,
    pub at: i64,
    pub session: Option<String>,
    pub device: &'static str,
    pub category: &'static str,
}

/// A purchase as it stands in the end.
#[derive(Debug, Clone)]
pub struct Purchase {
    pub user: String,
    pub at: i64,
    /// In cents.
    pub amount: i64,
    pub status: &'static str,
}

/// A rating as it stands in the end.
#[derive(Debug, Clone)]
pub struct Rating {
    pub product: &'static str,
    pub stars: i64,
    pub at: i64,
    pub comment: Option<String>,
}

/// What happens in the end, and the events that tell it.
pub struct Made {
    pub bodies: Vec<Value>,
    pub activities: Vec<Activity>,
    pub purchases: Vec<Purchase>,
    pub ratings: Vec<Rating>,
}

fn iso(at: i64) -> String {
    DateTime::<Utc>::from_timestamp(at, 0).expect("a time").to_rfc3339()
}

/// Everything that happens.
pub fn made() -> Made {
    let mut random = SmallRng::seed_from_u64(14);
    let begin = Utc.with_ymd_and_hms(2024, 9, 10, 0, 0, 0).unwrap().timestamp();
    let mut bodies = Vec::new();
    for (product, category) in PRODUCTS {
        let data =
            json!({ "productId": product, "name": product, "category": category, "price": 5 });
        bodies.push(json!({ "kind": "product", "data": data }));
    }
    let mut activities = Vec::new();
    let mut now = begin;
    for n in 0..2_500 {
        now += random.random_range(0..2_800);
        // One in ten is late, by hours or by days.
        let late = match random.random_range(0..20) {
            0 => random.random_range(DAY..3 * DAY),
            1 => random.random_range(0..DAY / 2),
            _ => 0,
        };
        let user = random.random_range(0..USERS);
        let (product, category) = PRODUCTS[random.random_range(0..PRODUCTS.len())];
        let kind = ["viewed_product", "viewed_product", "added_to_cart", "purchased", "searched"]
            [random.random_range(0..5)];
        let session =
            random.random_bool(0.8).then(|| format!("s{user}-{}", random.random_range(0..4)));
        let activity = Activity {
            user: format!("u{user}"),
            kind,
            at: now - late,
            session,
            device: DEVICES[random.random_range(0..3)],
            category,
        };
        bodies.push(json!({ "kind": "activity", "data": {
            "activityId": format!("a{n}"), "userId": activity.user, "activityType": activity.kind,
            "timestamp": iso(activity.at), "sessionId": activity.session, "device": activity.device,
            "productId": product,
        } }));
        activities.push(activity);
    }
    let purchases = purchases(&mut random, begin, &mut bodies);
    let ratings = ratings(&mut random, begin, &mut bodies);
    Made { bodies, activities, purchases, ratings }
}

const PRODUCTS: [(&str, &str); 5] =
    [("mug", "Kitchen"), ("pan", "Kitchen"), ("ball", "Toys"), ("kite", "Toys"), ("lamp", "Light")];

/// Purchases, of which some are corrected later.
fn purchases(random: &mut SmallRng, begin: i64, bodies: &mut Vec<Value>) -> Vec<Purchase> {
    let mut purchases = Vec::new();
    for n in 0..400 {
        let mut purchase = Purchase {
            user: format!("u{}", random.random_range(0..USERS)),
            at: begin + random.random_range(0..75 * DAY),
            amount: random.random_range(100..100_000),
            status: ["completed", "completed", "completed", "pending", "failed"]
                [random.random_range(0..5)],
        };
        let mut times = 1;
        if random.random_bool(0.2) {
            times = 2;
        }
        for time in 0..times {
            if time == 1 {
                purchase.status = ["completed", "failed", "returned"][random.random_range(0..3)];
                if purchase.status != "returned" {
                    purchase.at = begin + random.random_range(0..75 * DAY);
                }
            }
            let amount = format!("{}.{:02}", purchase.amount / 100, purchase.amount % 100);
            bodies.push(json!({ "kind": "transaction", "data": {
                "transactionId": format!("t{n}"), "userId": purchase.user, "totalPrice": amount,
                "transactionDate": iso(purchase.at), "status": purchase.status, "productId": "mug",
            } }));
        }
        purchases.push(purchase);
    }
    purchases
}

/// Ratings, of which some are corrected later.
fn ratings(random: &mut SmallRng, begin: i64, bodies: &mut Vec<Value>) -> Vec<Rating> {
    let mut ratings = Vec::new();
    for n in 0..300 {
        let (product, _) = PRODUCTS[random.random_range(0..PRODUCTS.len())];
        let user = format!("u{}", random.random_range(0..USERS));
        let mut rating = None;
        for _ in 0..random.random_range(1..3) {
            let stars = random.random_range(1..6);
            let comment = random.random_bool(0.4).then(|| format!("comment {n} of {stars}"));
            // No two at one time, so that the newest are in one order.
            let at = begin + random.random_range(0..75 * DAY / 300) * 300 + n;
            bodies.push(json!({ "kind": "feedback", "data": {
                "feedbackId": format!("f{n}"), "userId": user, "productId": product, "rating": stars,
                "feedbackDate": iso(at), "comment": comment,
            } }));
            rating = Some(Rating { product, stars, at, comment });
        }
        ratings.extend(rating);
    }
    ratings
}
