//! What a figure of sales is made of: the entries of all pages against what was published.

use std::collections::BTreeMap;

use adaptive_bi::app::App;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::events::merge;
use crate::harness::Shop;

const FIGURES: [&str; 7] =
    ["netSales", "grossSales", "discounts", "returns", "returnedAmount", "totalOrders", "units"];
const ZONES: [&str; 3] = ["UTC", "Asia/Kolkata", "America/St_Johns"];

/// The part that one order, transaction or refund has in figures, in 1/10,000 of an amount and in
/// whole orders and units.
#[derive(Debug, Clone)]
pub struct Part {
    pub kind: &'static str,
    pub id: String,
    pub user: Option<String>,
    pub product: &'static str,
    pub country: &'static str,
    /// The time at which it is counted: of what came back, the day that the shop processed it.
    pub at: DateTime<Utc>,
    /// That of the sale.
    pub sold_at: DateTime<Utc>,
    pub gross: i64,
    pub discount: i64,
    pub orders: i64,
    pub units: i64,
    pub back: i64,
}

impl Part {
    fn of(&self, figure: &str) -> i64 {
        match figure {
            "netSales" => self.gross - self.discount - self.back,
            "grossSales" => self.gross,
            "discounts" => self.discount,
            "returns" | "returnedAmount" => self.back,
            "totalOrders" => self.orders * 10_000,
            _ => self.units * 10_000,
        }
    }
}

/// Whether a part is of a filter.
type Has = fn(&Part) -> bool;

/// A shop's events, and what they come to.
#[derive(Default)]
pub struct Made {
    pub events: Vec<(&'static str, Value)>,
    pub parts: Vec<Part>,
}

const PRODUCTS: [&str; 3] = ["mug", "hat", "pen"];
const COUNTRIES: [&str; 2] = ["France", "Norway"];

fn one_of<const N: usize>(of: [&'static str; N], n: i64) -> &'static str {
    of[usize::try_from(n).expect("a number") % N]
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Orders in two currencies, some of them corrected, cancelled or refunded; transactions, some of them
/// returned; refunds of nothing known. Times are odd quarter hours of 40 days.
pub fn made() -> Made {
    let first: DateTime<Utc> = "2026-02-03T00:10:00Z".parse().expect("a time");
    let mut made = Made::default();
    for n in 0_i64..120 {
        let sold_at = first + Duration::minutes(n * 467);
        let (product, country) = (one_of(PRODUCTS, n), one_of(COUNTRIES, n));
        let user = format!("u{}", n % 7);
        if n % 3 == 2 {
            made.transaction(n, &user, product, country, sold_at);
        } else {
            made.order(n, user, product, country, sold_at);
        }
    }
    for n in 0_i64..4 {
        let at = first + Duration::hours(n * 190);
        let amount = 10_000 * (n + 1);
        made.events.push((
            "refund",
            json!({ "refundId": format!("alone{n}"), "amount": n + 1, "userId": "u1", "at": text(at) }),
        ));
        made.parts.push(Part {
            kind: "refund",
            id: format!("alone{n}"),
            user: Some("u1".to_owned()),
            product: "",
            country: "",
            at,
            sold_at: at,
            gross: 0,
            discount: 0,
            orders: 0,
            units: 0,
            back: amount,
        });
    }
    made
}

impl Made {
    /// An order of one line at 10.25 for each unit, less 0.75.
    fn order(
        &mut self,
        n: i64,
        user: String,
        product: &'static str,
        country: &'static str,
        sold_at: DateTime<Utc>,
    ) {
        let (id, units) = (format!("o{n}"), 1 + n % 4);
        // A dollar is two of the shop's.
        let (currency, rate) = if n % 5 == 0 { (json!("USD"), 2) } else { (Value::Null, 1) };
        let order = |units: i64, updated: &str| {
            json!({
                "orderId": id, "userId": user, "orderDate": text(sold_at), "currency": currency,
                "exchangeRate": 2, "discount": 0.75, "updatedAt": updated,
                "lines": [{ "productId": product, "quantity": units, "price": 10.25,
                    "category": product }],
                "shippingAddress": { "country": country },
            })
        };
        let mut counted = units;
        self.events.push(("order", order(units, "2026-04-01T00:00:00Z")));
        if n % 4 == 0 {
            counted += 2;
            self.events.push(("order", order(counted, "2026-04-02T00:00:00Z")));
        }
        // One that was never paid counts as failed.
        let is_failed = n % 11 == 0;
        if is_failed {
            let failed = json!({ "orderId": id, "at": text(sold_at), "paymentStatus": "failed" });
            self.events.push(("orderstatus", failed));
            return;
        }
        let part = Part {
            kind: "order",
            id: id.clone(),
            user: Some(user),
            product,
            country,
            at: sold_at,
            sold_at,
            gross: 102_500 * counted * rate,
            discount: 7_500 * rate,
            orders: 1,
            units: counted,
            back: 0,
        };
        if n % 6 == 1 {
            let at = sold_at + Duration::hours(31 + n);
            let mut refund = json!({ "refundId": format!("r{n}"), "orderId": id, "amount": 3.5,
                "at": text(at) });
            merge(&mut refund, json!({ "currency": currency }));
            self.events.push(("refund", refund));
            let back = 35_000 * rate;
            let (gross, discount, orders, units) = (0, 0, 0, 0);
            self.parts.push(Part { at, gross, discount, orders, units, back, ..part.clone() });
        }
        self.parts.push(part);
    }

    /// A transaction of 20.5 for two units.
    fn transaction(
        &mut self,
        n: i64,
        user: &str,
        product: &'static str,
        country: &'static str,
        sold_at: DateTime<Utc>,
    ) {
        let id = format!("t{n}");
        let sale = |and: Value| {
            let mut sale = json!({
                "transactionId": id, "userId": user, "productId": product, "quantity": 2,
                "totalPrice": 20.5, "transactionDate": text(sold_at), "category": product,
                "shippingAddress": { "country": country },
            });
            merge(&mut sale, and);
            ("transaction", sale)
        };
        self.events.push(sale(json!({})));
        let part = Part {
            kind: "transaction",
            id: id.clone(),
            user: Some(user.to_owned()),
            product,
            country,
            at: sold_at,
            sold_at,
            gross: 205_000,
            discount: 0,
            orders: 1,
            units: 2,
            back: 0,
        };
        let at = sold_at + Duration::hours(20 + n);
        let back =
            |kind, back| Part { kind, at, gross: 0, orders: 0, units: 0, back, ..part.clone() };
        if n % 5 == 2 {
            self.events.push(sale(json!({ "status": "returned", "transactionDate": text(at) })));
            self.parts.push(back("transaction", 205_000));
        } else if n % 4 == 0 {
            self.events.push((
                "refund",
                json!({ "refundId": format!("x{n}"), "transactionId": id, "amount": 5.05,
                "at": text(at) }),
            ));
            self.parts.push(back("refunds", 50_500));
        }
        self.parts.push(part);
    }
}

pub async fn shop(made: &Made) -> (Shop, App) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = shop.publish_all(&made.events).await;
    let counts = shop.folded(position).await.root.counts;
    assert_eq!(counts.quarantined, 0, "{counts:?}");
    (shop, app)
}

/// A number in 1/10,000.
#[allow(clippy::cast_possible_truncation)] // a test's numbers are small
fn units(number: &Value) -> i64 {
    (number.as_f64().unwrap_or_else(|| panic!("{number}")) * 10_000.0).round() as i64
}

/// What each entry of all pages contributes, and the first page.
async fn entries(
    shop: &Shop,
    app: &App,
    asked: &str,
    limit: usize,
) -> (BTreeMap<(String, String), i64>, Value) {
    let (mut sums, mut first, mut cursor) = (BTreeMap::new(), None, String::new());
    loop {
        let path = format!("/api/metrics/explain?{asked}&limit={limit}{cursor}");
        let answer = shop.get(app, &path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let data = answer.body["data"].clone();
        let page = data["entries"].as_array().expect("entries").clone();
        assert!(page.len() <= limit, "{path}");
        for entry in &page {
            let text = |name: &str| entry[name].as_str().expect("a text").to_owned();
            *sums.entry((text("kind"), text("id"))).or_insert(0) += units(&entry["contribution"]);
            assert_ne!(units(&entry["contribution"]), 0, "{entry}");
        }
        let next = data["pagination"]["next"].as_str().map(str::to_owned);
        assert_eq!(data["days"].is_null(), !cursor.is_empty(), "days are of the first page");
        first.get_or_insert(data);
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (sums, first.expect("a page")),
        }
    }
}

/// The instants between two local days, both included.
fn within(zone: &str, days: [&str; 2]) -> impl Fn(DateTime<Utc>) -> bool {
    let zone: Tz = zone.parse().expect("a zone");
    let [first, last] = days.map(|day| day.parse::<NaiveDate>().expect("a day"));
    move |at| (first..=last).contains(&at.with_timezone(&zone).date_naive())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_entries_of_all_pages_add_up_to_the_figure_to_the_digit() {
    let made = made();
    let (shop, app) = shop(&made).await;
    let days = ["2026-02-09", "2026-02-27"];
    for zone in ZONES {
        let is_in = within(zone, days);
        let range = format!("startDate={}&endDate={}&tz={zone}", days[0], days[1]);
        let sales =
            shop.get(&app, &format!("/api/metrics/sales?{range}")).await.body["data"].clone();
        for basis in ["processed", "order"] {
            for figure in FIGURES {
                let mut expected: BTreeMap<(String, String), i64> = BTreeMap::new();
                for part in &made.parts {
                    let at = if basis == "order" { part.sold_at } else { part.at };
                    if is_in(at) && part.of(figure) != 0 {
                        let key = (part.kind.to_owned(), part.id.clone());
                        *expected.entry(key).or_default() += part.of(figure);
                    }
                }
                let asked = format!("{range}&basis={basis}&figure={figure}");
                let (mut found, first) = entries(&shop, &app, &asked, 7).await;
                // A sale that came back on its own day is no entry, as it comes to nothing.
                found.retain(|_, sum| *sum != 0);
                expected.retain(|_, sum| *sum != 0);
                assert_eq!(found, expected, "{asked}");
                let sum: i64 = expected.values().sum();
                assert_eq!(units(&first["value"]), sum, "{asked}");
                let days = first["days"].as_array().expect("days");
                assert_eq!(
                    days.iter().map(|day| units(&day["value"])).sum::<i64>(),
                    sum,
                    "{asked}"
                );
                if basis == "processed" && figure != "units" {
                    assert_eq!(units(&sales[figure]), sum, "{asked}: {sales}");
                }
            }
        }
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_figure_under_a_filter_is_made_of_what_the_filter_chooses() {
    let made = made();
    let (shop, app) = shop(&made).await;
    let filters: [(&str, Has); 6] = [
        ("userId=u1", |part| part.user.as_deref() == Some("u1")),
        ("productId=mug", |part| part.product == "mug"),
        ("category=hat", |part| part.product == "hat"),
        ("country=Norway", |part| part.country == "Norway"),
        ("category=pen&country=France", |part| part.product == "pen" && part.country == "France"),
        ("userId=nobody", |_| false),
    ];
    for (filter, has) in filters {
        for figure in ["netSales", "returns", "totalOrders", "units"] {
            // By the day of the sale nothing is counted in another month than its sale.
            let asked = format!("{filter}&basis=order&figure={figure}");
            let (found, first) = entries(&shop, &app, &asked, 100).await;
            let expected: i64 =
                made.parts.iter().filter(|it| has(it)).map(|it| it.of(figure)).sum();
            assert_eq!(found.values().sum::<i64>(), expected, "{asked}");
            assert_eq!(units(&first["value"]), expected, "{asked}");
        }
        let of_whole =
            shop.get(&app, &format!("/api/metrics/explain?{filter}&figure=discounts")).await;
        assert_eq!(of_whole.status, 400, "{of_whole:?}");
        assert_eq!(of_whole.body["errors"][0]["field"], "figure");
    }
    // One status is counted whole, and nothing comes off.
    let (failed, first) = entries(&shop, &app, "status=failed&figure=totalOrders", 100).await;
    let expected: i64 =
        (0..120).filter(|n| n % 3 != 2 && n % 11 == 0).count().try_into().expect("few");
    assert_eq!(
        (failed.len().try_into(), units(&first["value"])),
        (Ok(expected), expected * 10_000)
    );
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_says_what_it_is_and_where_its_history_is() {
    let made = made();
    let (shop, app) = shop(&made).await;
    let path = "/api/metrics/explain?startDate=2026-02-03&endDate=2026-02-03&limit=1";
    let page = shop.get(&app, path).await.body["data"].clone();
    let entry = &page["entries"][0];
    // The first was never paid.
    let said = json!({
        "kind": "order", "id": "o1", "contribution": 19.75, "status": "completed", "userId": "u1",
        "productIds": ["hat"], "refundIds": ["r1"], "changes": 2, "history": "/api/orders/o1",
        "at": "2026-02-03T07:57:00.000Z", "countedAt": "2026-02-03T07:45:00.000Z",
    });
    assert_eq!(*entry, said, "{page}");
    let history = shop.get(&app, entry["history"].as_str().expect("an address")).await;
    assert_eq!(history.body["data"]["changes"], 2);
    let next = page["pagination"]["next"].as_str().expect("another page").to_owned();
    let second = shop.get(&app, &format!("{path}&cursor={next}")).await;
    assert_eq!((second.status, &second.body["data"]["days"]), (200, &Value::Null));
    for cursor in ["o1", "e30", "%20"] {
        let wrong = shop.get(&app, &format!("{path}&cursor={cursor}")).await;
        assert_eq!((wrong.status, &wrong.body["errors"][0]["field"]), (400, &json!("cursor")));
    }
    app.stop().await.expect("stopped");
}
