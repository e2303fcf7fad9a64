//! The dashboard, and the views that are of the last days where no range is given.

use adaptive_bi::app::App;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::figures::{ZONES, amount, count};
use super::rankings::{
    Totals, activity, ask, best_sellers, by_period, customers, insights, new_users, newcomers_by,
    overview, same, spenders,
};
use super::sold::{Line, Local, Sold};
use crate::harness::Shop;

const QUARTER_S: i64 = 15 * 60;
/// The age of the orders that come besides, in minutes: the last day has all but the first of them.
const AGES: [i64; 6] = [1_500, 1_300, 700, 200, 20, 1];

pub async fn assert_all(shop: &Shop, app: &App, mut sold: Sold) {
    publish(shop, &mut sold).await;
    for zone in ZONES {
        let tz = zone.parse::<Tz>().expect("a zone");
        // What is the last quarter hour, or today, may change between two looks at the clock.
        loop {
            let begun = Moment::now(tz);
            let found = Found::ask(shop, app, zone).await;
            if Moment::now(tz) == begun {
                found.assert(&begun, &sold, zone);
                break;
            }
        }
    }
}

/// Publishes orders of the last hours, and adds their lines.
async fn publish(shop: &Shop, sold: &mut Sold) {
    let now = Utc::now();
    let mut position = 0;
    for (number, age) in (1_i64..).zip(AGES) {
        let (order, at) = (format!("late-{number}"), now - TimeDelta::minutes(age));
        let user = format!("late-{}", number % 3);
        let mut lines = Vec::new();
        for (product, category, quantity) in [("late-a", "Late", number), ("late-b", "Lamps", 2)] {
            lines.push(json!({
                "productId": product, "category": category, "quantity": quantity, "price": "999.995",
            }));
            sold.add(Line {
                order: Some(order.clone()),
                at,
                user: user.clone(),
                product: product.to_owned(),
                category: category.to_owned(),
                country: "Malta".to_owned(),
                quantity,
                amount: quantity * 999_995,
            });
        }
        // Whole products, so that best sellers have a category to show.
        for (product, category) in [("late-a", "Late"), ("late-b", "Lamps")] {
            let body = json!({
                "productId": product, "name": product, "category": category, "price": 1_000,
            });
            shop.publish("product", body.to_string()).await;
        }
        let body = json!({
            "orderId": order, "userId": user, "orderDate": at.to_rfc3339(), "lines": lines,
            "shippingAddress": { "country": "Malta" },
        });
        position = shop.publish("order", body.to_string()).await;
    }
    shop.folded(position).await;
}

/// What answers depend on of the present.
#[derive(Debug, PartialEq)]
struct Moment {
    /// The beginning of the quarter hour after the present one.
    end: DateTime<Utc>,
    today: NaiveDate,
}

impl Moment {
    fn now(zone: Tz) -> Self {
        let now = Utc::now();
        let end = (now.timestamp().div_euclid(QUARTER_S) + 1) * QUARTER_S;
        let end = DateTime::from_timestamp(end, 0).expect("a time");
        Moment { end, today: now.with_timezone(&zone).date_naive() }
    }

    fn last(&self, days: u64) -> (NaiveDate, NaiveDate) {
        (self.today - Days::new(days - 1), self.today)
    }
}

/// What the views answer without a range.
struct Found {
    dashboard: Value,
    summary: Value,
    users: Value,
    customers: Value,
    products: Value,
}

impl Found {
    async fn ask(shop: &Shop, app: &App, zone: &str) -> Self {
        let view = async |path: &str| ask(shop, app, &format!("/api/{path}tz={zone}")).await;
        Found {
            dashboard: view("metrics/dashboard?").await,
            summary: view("dashboard/summary?").await,
            users: view("metrics/users?").await,
            customers: view("metrics/customers?limit=100&").await,
            products: view("metrics/products?").await,
        }
    }

    fn assert(&self, moment: &Moment, sold: &Sold, zone: &str) {
        let tz = zone.parse::<Tz>().expect("a zone");
        let (local, known) = (sold.local(tz), sold.known(tz));
        let (totals, last) = (Totals::of(&local), |days| local.within(moment.last(days), |_| true));
        dashboard(&self.dashboard, moment, &local, (&last(7), &last(30)), zone);

        overview(&self.summary["salesOverview"], &totals.whole, &last(7), zone);
        insights(&self.summary["productInsights"], &totals, zone);
        let [identified, guests] = known.numbers();
        assert_eq!(self.summary["userBehavior"]["totalUsers"], identified + guests, "{zone}");

        activity(&self.users["activity"], &last(30).total(), zone);
        let newcomers = known.within(moment.last(30));
        new_users(&self.users["newUsers"], &newcomers, "day", zone);

        customers(&self.customers, &known, zone);
        newcomers_by(&self.customers["newCustomersTrend"], &newcomers, "day", zone);
        spenders(&self.customers, &totals, zone);
        best_sellers(&self.products, &totals, sold.products(), zone);
    }
}

fn dashboard(
    found: &Value,
    moment: &Moment,
    all: &Local<'_>,
    (week, month): (&Local<'_>, &Local<'_>),
    zone: &str,
) {
    let begin = moment.end - TimeDelta::hours(24);
    let day = all.that(|line| (begin..moment.end).contains(&line.at)).total();
    assert!(!day.orders.is_empty(), "the last day has orders");
    let expected = json!({
        "transactions24h": count(&day.orders), "revenue24h": amount(day.net()),
        "activeUsers24h": count(&day.users),
    });
    assert!(same(&found["realTime"], &expected), "{zone}: {found} instead of {expected}");

    let days: Vec<Value> = by_period("day", week)
        .into_iter()
        .map(|(day, sums)| {
            json!({
                "_id": day, "transactions": count(&sums.orders), "revenue": amount(sums.net()),
                "uniqueUserCount": count(&sums.users),
            })
        })
        .collect();
    let months: Vec<Value> = by_period("month", month)
        .into_iter()
        .map(|(month, sums)| {
            let (orders, net) = (count(&sums.orders), amount(sums.net()));
            json!({ "_id": month, "transactions": orders, "revenue": net })
        })
        .collect();
    let expected = json!({ "weekly": days, "monthly": months });
    assert!(same(&found["trends"], &expected), "{zone}: {found} instead of {expected}");

    let mut categories: Vec<_> = week.sums(|line, _| line.category.as_str()).into_iter().collect();
    // Stable, so that names that tie stay in order.
    categories.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.net()));
    let categories: Vec<Value> = categories
        .into_iter()
        .take(5)
        .map(|(name, sums)| {
            let (orders, net) = (count(&sums.orders), amount(sums.net()));
            json!({ "_id": name, "transactions": orders, "revenue": net })
        })
        .collect();
    assert!(same(&found["topCategories"], &json!(categories)), "{zone}: {found}");
    assert!(found["lastUpdated"].as_str().is_some_and(|it| it.parse::<DateTime<Utc>>().is_ok()));
}
