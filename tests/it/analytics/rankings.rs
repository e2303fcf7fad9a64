//! Best sellers, customers, users and the summary, held against the file.

use std::collections::BTreeMap;

use adaptive_bi::app::App;
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::figures::{Days, RANGES, ZONES, amount, compared_with, count, day, is_average};
use super::sold::{Known, Local, Sold, Sums, label};
use crate::harness::Shop;

/// Ways to ask that have the same lines, and those lines. Every order of the file counts as completed, and
/// what came back is of no order.
type Counts = ([&'static str; 2], for<'a> fn(&Local<'a>) -> Local<'a>);

const COUNTED: [Counts; 3] = [
    (["", "&basis=order"], |lines| lines.clone()),
    (["&status=completed", "&status=all"], |lines| lines.sold()),
    (["&status=pending", "&status=returned"], |lines| lines.that(|_| false)),
];

/// Some lines, added up in the ways of these views.
pub struct Totals<'a> {
    pub whole: Sums<'a>,
    by_user: BTreeMap<&'a str, Sums<'a>>,
    /// The products that were sold most, ties by id, and their units.
    best: Vec<(&'a str, i64)>,
    categories: BTreeMap<&'a str, &'a str>,
}

impl<'a> Totals<'a> {
    pub fn of(lines: &Local<'a>) -> Self {
        let by_product = lines.sums(|line, _| (line.product.as_str(), line.category.as_str()));
        let categories = by_product.keys().copied().collect();
        let units = by_product.iter().map(|((product, _), sums)| (*product, sums.quantity));
        Totals {
            whole: lines.total(),
            by_user: lines.sums(|line, _| line.user.as_str()),
            best: ranked(units),
            categories,
        }
    }
}

/// What a view answers.
pub async fn ask(shop: &Shop, app: &App, path: &str) -> Value {
    let answer = shop.get(app, path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.body["data"].clone()
}

fn list(of: &Value) -> &[Value] {
    of.as_array().unwrap_or_else(|| panic!("{of} is a list"))
}

pub async fn assert_all(shop: &Shop, app: &App, sold: &Sold) {
    for zone in ZONES {
        let tz = zone.parse::<Tz>().expect("a zone");
        let (local, known) = (sold.local(tz), sold.known(tz));
        let products = sold.products();
        for (first, last, periods) in RANGES {
            let days = (day(first), day(last));
            let asked = format!("startDate={first}&endDate={last}&tz={zone}");
            let (lines, newcomers) = (local.within(days, |_| true), known.within(days));
            for (ways, of) in COUNTED {
                let lines = of(&lines);
                let totals = Totals::of(&lines);
                for way in ways {
                    let asked = format!("{asked}{way}");
                    let path = format!("/api/metrics/products?{asked}");
                    best_sellers(&ask(shop, app, &path).await, &totals, products, &path);
                    let path = format!("/api/metrics/customers?{asked}&limit=100");
                    spenders(&ask(shop, app, &path).await, &totals, &path);
                    let path = format!("/api/dashboard/summary?{asked}");
                    let found = ask(shop, app, &path).await;
                    summary(&found, (&totals, &lines), &newcomers, &path);
                }
                for (word, days) in compared_with(days) {
                    let before = of(&local.within(days, |_| true)).total();
                    for way in ways {
                        let path = format!("/api/metrics/users?{asked}{way}&compare={word}");
                        let found = ask(shop, app, &path).await;
                        users(&found, (&totals.whole, &before), &path);
                        let before = &found["comparison"]["newUsers"];
                        new_users(before, &known.within(days), "day", &path);
                    }
                }
            }
            for period in periods {
                let path = format!("/api/metrics/customers?{asked}&period={period}");
                let found = ask(shop, app, &path).await;
                customers(&found, &newcomers, &path);
                newcomers_by(&found["newCustomersTrend"], &newcomers, period, &path);
                let path = format!("/api/metrics/users?{asked}&period={period}");
                let found = ask(shop, app, &path).await;
                new_users(&found["newUsers"], &newcomers, period, &path);
            }
            filled(shop, app, &asked, days, &newcomers).await;
        }
    }
}

/// The values above zero, the largest first, ties by id.
fn ranked<'a>(values: impl Iterator<Item = (&'a str, i64)>) -> Vec<(&'a str, i64)> {
    let mut ranked: Vec<_> = values.filter(|(_, value)| *value > 0).collect();
    ranked.sort_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
    ranked
}

pub fn best_sellers(found: &Value, totals: &Totals<'_>, products: usize, path: &str) {
    assert_eq!(found["totalProducts"], products, "{path}");
    assert_eq!(found["productsLowInStock"], json!([]), "{path}: the file has no stock");
    let top = list(&found["topSellingProducts"]);
    assert_eq!(top.len(), totals.best.len().min(5), "{path}: {found}");
    for (entry, (product, units)) in top.iter().zip(&totals.best) {
        assert_eq!(entry["productId"], *product, "{path}: {found}");
        assert_eq!(entry["totalQuantitySold"], *units, "{path}: {entry}");
        assert_eq!(entry["category"], totals.categories[product], "{path}: {entry}");
    }
}

pub fn spenders(found: &Value, totals: &Totals<'_>, path: &str) {
    assert_eq!(found["buyers"], count(&totals.whole.users), "{path}: {found}");
    let expected = ranked(totals.by_user.iter().map(|(user, sums)| (*user, sums.net())));
    let top = list(&found["topSpendingCustomers"]);
    assert_eq!(top.len(), expected.len().min(100), "{path}: {found}");
    for (entry, (user, net)) in top.iter().zip(expected) {
        assert_eq!(entry["userId"], user, "{path}: {entry}");
        assert_eq!(entry["totalSpend"].as_f64(), Some(amount(net)), "{path}: {entry}");
        assert_eq!(entry["orderCount"], count(&totals.by_user[user].orders), "{path}: {entry}");
    }
}

pub fn customers(found: &Value, known: &Known<'_>, path: &str) {
    let [identified, guests] = known.numbers();
    let figures =
        [("totalCustomers", identified + guests), ("identified", identified), ("guests", guests)];
    for (figure, expected) in figures {
        assert_eq!(found[figure], expected, "{path}: {figure}: {found}");
    }
}

/// New customers by period; those of all periods come to all of them.
pub fn newcomers_by(trend: &Value, known: &Known<'_>, period: &str, path: &str) {
    let expected: Vec<Value> = known
        .by(period)
        .into_iter()
        .map(|(name, count)| json!({ "_id": name, "newCustomers": count }))
        .collect();
    assert_eq!(*trend, json!(expected), "{path}");
}

pub fn new_users(trend: &Value, known: &Known<'_>, period: &str, path: &str) {
    let expected: Vec<Value> = known
        .by(period)
        .into_iter()
        .map(|(name, count)| json!({ "_id": name, "newUsers": count }))
        .collect();
    assert_eq!(*trend, json!(expected), "{path}");
}

/// Users of a range, and of the one that it is compared with.
fn users(found: &Value, (now, before): (&Sums<'_>, &Sums<'_>), path: &str) {
    activity(&found["activity"], now, path);
    activity(&found["comparison"]["activity"], before, path);
    let change = &found["change"]["totalActiveUsers"]["difference"];
    let difference = count(&now.users) - count(&before.users);
    #[allow(clippy::cast_precision_loss)] // as it is answered
    let difference = difference as f64;
    assert_eq!(change.as_f64(), Some(difference), "{path}: {found}");
}

pub fn activity(found: &Value, whole: &Sums<'_>, path: &str) {
    let (users, orders) = (count(&whole.users), count(&whole.orders));
    assert_eq!(found["totalActiveUsers"], users, "{path}: {found}");
    assert!(is_average(&found["avgSpendPerUser"], whole.net(), users), "{path}: {found}");
    let each = &found["avgTransactionsPerUser"];
    assert!(is_average(each, orders * 1_000, users), "{path}: {found}");
}

/// The summary of a range.
fn summary(
    found: &Value,
    (totals, lines): (&Totals<'_>, &Local<'_>),
    newcomers: &Known<'_>,
    path: &str,
) {
    overview(&found["salesOverview"], &totals.whole, lines, path);
    insights(&found["productInsights"], totals, path);
    let [identified, guests] = newcomers.numbers();
    let expected = json!({
        "totalUsers": identified + guests, "totalActivities": 0, "activityDistribution": [],
    });
    assert_eq!(found["userBehavior"], expected, "{path}");
}

pub fn overview(found: &Value, whole: &Sums<'_>, trend: &Local<'_>, path: &str) {
    assert_eq!(found["totalRevenue"].as_f64(), Some(amount(whole.net())), "{path}: {found}");
    let orders = count(&whole.orders);
    assert_eq!(found["totalTransactions"], orders, "{path}: {found}");
    assert!(is_average(&found["averageOrderValue"], whole.net(), orders), "{path}: {found}");
    let expected: Vec<Value> = by_period("day", trend)
        .into_iter()
        .map(|(day, sums)| {
            let (net, orders) = (amount(sums.net()), count(&sums.orders));
            json!({ "_id": day, "dailyRevenue": net, "dailyTransactions": orders })
        })
        .collect();
    assert!(same(&found["salesByDay"], &json!(expected)), "{path}: {found}");
}

pub fn insights(found: &Value, totals: &Totals<'_>, path: &str) {
    let found: Vec<_> = list(found)
        .iter()
        .map(|it| (it["productId"].as_str().expect("an id"), it["totalQuantitySold"].as_i64()))
        .collect();
    let expected: Vec<_> =
        totals.best.iter().take(3).map(|(product, units)| (*product, Some(*units))).collect();
    assert_eq!(found, expected, "{path}");
}

pub fn by_period<'a>(period: &str, lines: &Local<'a>) -> BTreeMap<String, Sums<'a>> {
    lines.sums(|_, local| label(period, local))
}

/// Whether two answers are the same, with whole numbers written either way.
pub fn same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| same(a, &b[name]))
        }
        (a, b) => a == b,
    }
}

/// With `fill=zero` every period of the range is there.
async fn filled(shop: &Shop, app: &App, asked: &str, (first, last): Days, known: &Known<'_>) {
    for period in ["day", "week", "month"] {
        let at = |day: NaiveDate| label(period, day.and_hms_opt(12, 0, 0).expect("noon"));
        let mut expected: BTreeMap<String, usize> =
            first.iter_days().take_while(|day| *day <= last).map(|day| (at(day), 0)).collect();
        expected.extend(known.by(period));
        let expected: Vec<Value> = expected
            .into_iter()
            .map(|(name, count)| json!({ "_id": name, "newCustomers": count }))
            .collect();
        let path = format!("/api/metrics/customers?{asked}&period={period}&fill=zero");
        let found = ask(shop, app, &path).await;
        assert_eq!(found["newCustomersTrend"], json!(expected), "{path}");
    }
}
