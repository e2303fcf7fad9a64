//! The answers of views of sales, compared.

use std::collections::{BTreeMap, HashSet};

use adaptive_bi::app::App;
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use serde_json::Value;

use super::sold::{Line, Local, Sold, Sums, label};
use crate::harness::Shop;

const ZONES: [&str; 5] =
    ["UTC", "Europe/London", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"];

/// A range, and the periods that it is asked for in.
const RANGES: [(&str, &str, &[&str]); 6] = [
    ("2010-12-01", "2011-12-09", &["day", "week", "month", "quarter", "year"]),
    ("2011-11-10", "2011-12-09", &["day", "week"]),
    ("2011-11-14", "2011-11-14", &["hour", "day"]),
    // Clocks change in each of the zones that change them.
    ("2011-03-10", "2011-04-05", &["day", "week"]),
    ("2011-09-28", "2011-11-08", &["day", "month"]),
    ("2009-01-01", "2009-01-31", &["day"]),
];

/// What is asked for of sales, and the same of a line.
struct Filter {
    query: &'static str,
    has: fn(&Line) -> bool,
}

const FILTERS: [Filter; 6] = [
    Filter { query: "", has: |_| true },
    Filter { query: "&country=France", has: |line| line.country == "France" },
    Filter { query: "&category=Clocks", has: |line| line.category == "Clocks" },
    Filter {
        query: "&category=Clocks&country=Germany",
        has: |line| line.category == "Clocks" && line.country == "Germany",
    },
    Filter { query: "&productId=85123A", has: |line| line.product == "85123A" },
    Filter { query: "&userId=14911", has: |line| line.user == "14911" },
];

#[allow(clippy::cast_precision_loss)] // an answer is read so too
fn amount(thousandths: i64) -> f64 {
    thousandths as f64 / 1_000.0
}

fn count(of: &HashSet<&str>) -> i64 {
    i64::try_from(of.len()).expect("few")
}

/// The average to a ten-thousandth.
fn is_average(found: &Value, net: i64, orders: i64) -> bool {
    let found = found.as_f64().expect("a number");
    #[allow(clippy::cast_precision_loss)]
    let exact = if orders == 0 { 0.0 } else { net as f64 / 1_000.0 / orders as f64 };
    (found - exact).abs() < 0.000_051
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

pub async fn assert_all(shop: &Shop, app: &App, sold: &Sold) {
    for zone in ZONES {
        let local = sold.local(zone.parse::<Tz>().expect("a zone"));
        for (first, last, periods) in RANGES {
            let range = (day(first), day(last));
            let days = range.1 - range.0 + chrono::TimeDelta::days(1);
            let shift = Days::new(days.num_days().unsigned_abs());
            let before = (range.0 - shift, range.1 - shift);
            for filter in &FILTERS {
                let asked = format!("startDate={first}&endDate={last}&tz={zone}{}", filter.query);
                let lines = local.within(range, filter.has);
                for period in periods {
                    let expected = lines.sums(|_, local| label(period, local));
                    transactions(shop, app, &format!("{asked}&period={period}"), &expected).await;
                }
                let whole = lines.total();
                revenue(shop, app, &asked, &whole, &lines).await;
                let before = local.within(before, filter.has);
                compared(shop, app, &asked, &whole, &before.total()).await;
            }
        }
    }
}

/// The bars of all pages are the expected ones, and add up to the summary.
async fn transactions(shop: &Shop, app: &App, asked: &str, expected: &BTreeMap<String, Sums<'_>>) {
    let is_counted = !asked.contains("country=") && !asked.contains("Id=");
    let mut expected_bars = expected.iter();
    let (mut page, mut orders, mut net) = (1, 0, 0);
    loop {
        let path = format!("/api/metrics/transactions?{asked}&page={page}");
        let data = shop.get(app, &path).await.body["data"].clone();
        for bar in data["metrics"].as_array().unwrap_or_else(|| panic!("{path}: {data}")) {
            let (name, sums) = expected_bars.next().unwrap_or_else(|| panic!("{path}: {bar}"));
            assert_eq!(bar["_id"], **name, "{path}");
            assert_eq!(bar["count"], count(&sums.orders), "{path}: {bar}");
            assert_eq!(bar["totalAmount"].as_f64(), Some(amount(sums.net())), "{path}: {bar}");
            assert!(
                is_average(&bar["avgAmount"], sums.net(), count(&sums.orders)),
                "{path}: {bar}"
            );
            let users = is_counted.then(|| count(&sums.users));
            assert_eq!(bar["uniqueUserCount"].as_i64(), users, "{path}: {bar}");
            orders += count(&sums.orders);
            net += sums.net();
        }
        assert_eq!(
            data["summary"]["totalTransactions"].as_i64().map(|it| it >= orders),
            Some(true)
        );
        if data["pagination"]["hasMore"] == false {
            assert_eq!(data["summary"]["totalTransactions"], orders, "{path}");
            assert_eq!(data["summary"]["totalRevenue"].as_f64(), Some(amount(net)), "{path}");
            break;
        }
        page += 1;
    }
    assert_eq!(expected_bars.next(), None, "{asked}");
}

async fn revenue(shop: &Shop, app: &App, asked: &str, whole: &Sums<'_>, lines: &Local<'_>) {
    let path = format!("/api/metrics/revenue?{asked}");
    let data = shop.get(app, &path).await.body["data"].clone();
    let steps = &data["grossToNet"];
    assert_eq!(steps["netSales"].as_f64(), Some(amount(whole.net())), "{path}: {steps}");
    assert_eq!(steps["returns"].as_f64(), Some(amount(whole.returns)), "{path}: {steps}");
    let is_whole =
        !asked.contains("country=") && !asked.contains("Id=") && !asked.contains("category=");
    assert_eq!(steps["grossSales"].as_f64(), is_whole.then(|| amount(whole.gross)), "{path}");
    if asked.contains("Id=") {
        return;
    }
    for by in ["byCategory", "byCountry"] {
        let found: BTreeMap<String, &Value> = data[by]
            .as_array()
            .unwrap_or_else(|| panic!("{path}: {data}"))
            .iter()
            .map(|part| (part["_id"].as_str().expect("a name").to_owned(), part))
            .collect();
        let expected = lines.sums(|line, _| match by {
            "byCategory" => line.category.as_str(),
            _ => line.country.as_str(),
        });
        assert!(
            found.keys().map(String::as_str).eq(expected.keys().copied()),
            "{path}: {by}: {found:?}"
        );
        for (name, sums) in &expected {
            let part = found[*name];
            assert_eq!(part["revenue"].as_f64(), Some(amount(sums.net())), "{path}: {part}");
            assert_eq!(part["transactions"], count(&sums.orders), "{path}: {part}");
            assert_eq!(part["quantity"], sums.quantity, "{path}: {part}");
        }
    }
}

async fn compared(shop: &Shop, app: &App, asked: &str, now: &Sums<'_>, before: &Sums<'_>) {
    let path = format!("/api/metrics/sales?{asked}&compare=previous");
    let data = shop.get(app, &path).await.body["data"].clone();
    for (figures, sums) in [(&data, now), (&data["comparison"], before)] {
        assert_eq!(figures["totalRevenue"].as_f64(), Some(amount(sums.net())), "{path}: {data}");
        assert_eq!(figures["totalOrders"], count(&sums.orders), "{path}: {data}");
        let is_counted = !asked.contains("country=") && !asked.contains("Id=");
        let users = is_counted.then(|| count(&sums.users));
        assert_eq!(figures["uniqueCustomers"].as_i64(), users, "{path}: {data}");
    }
    let difference = data["change"]["totalRevenue"]["difference"].as_f64().expect("a number");
    assert!((difference - amount(now.net() - before.net())).abs() < 0.000_01, "{path}: {data}");
}
