//! The answers of views of sales, held against the file.

use std::collections::{BTreeMap, HashSet};

use adaptive_bi::app::App;
use chrono::{Datelike, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use serde_json::Value;

use super::sold::{Line, Local, Sold, Sums, label};
use crate::harness::Shop;

pub const ZONES: [&str; 5] =
    ["UTC", "Europe/London", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"];

/// A range, and the periods that it is asked for in.
pub const RANGES: [(&str, &str, &[&str]); 8] = [
    ("2010-12-01", "2011-12-09", &["day", "week", "month", "quarter", "year"]),
    ("2011-11-10", "2011-12-09", &["day", "week"]),
    ("2011-11-14", "2011-11-14", &["hour", "day"]),
    // Clocks change in each of the zones that change them.
    ("2011-03-10", "2011-04-05", &["day", "week"]),
    ("2011-09-28", "2011-11-08", &["day", "month"]),
    ("2009-01-01", "2009-01-31", &["day"]),
    // The year before has these days too.
    ("2011-12-01", "2011-12-09", &["day"]),
    ("2011-12-08", "2011-12-08", &["hour"]),
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
pub fn amount(thousandths: i64) -> f64 {
    thousandths as f64 / 1_000.0
}

pub fn count(of: &HashSet<&str>) -> i64 {
    i64::try_from(of.len()).expect("few")
}

/// The average to a ten-thousandth.
pub fn is_average(found: &Value, net: i64, of: i64) -> bool {
    let found = found.as_f64().expect("a number");
    #[allow(clippy::cast_precision_loss)]
    let exact = if of == 0 { 0.0 } else { net as f64 / 1_000.0 / of as f64 };
    (found - exact).abs() < 0.000_051
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// Two days, both included.
pub type Days = (NaiveDate, NaiveDate);

/// The days that a range is compared with, by the words for it.
pub fn compared_with((first, last): Days) -> [(&'static str, Days); 2] {
    let next = last.succ_opt().expect("a day");
    let shift = TimeDelta::days((next - first).num_days());
    // No 29th of February is among them.
    let year_before = |day: NaiveDate| day.with_year(day.year() - 1).expect("a day");
    let end = year_before(next).pred_opt().expect("a day");
    [("previous", (first - shift, last - shift)), ("year", (year_before(first), end))]
}

pub async fn assert_all(shop: &Shop, app: &App, sold: &Sold) {
    for zone in ZONES {
        let local = sold.local(zone.parse::<Tz>().expect("a zone"));
        for (first, last, periods) in RANGES {
            let range = (day(first), day(last));
            for filter in &FILTERS {
                let asked = format!("startDate={first}&endDate={last}&tz={zone}{}", filter.query);
                let lines = local.within(range, filter.has);
                for period in periods {
                    let expected = lines.sums(|_, local| label(period, local));
                    transactions(shop, app, &format!("{asked}&period={period}"), &expected).await;
                }
                let whole = lines.total();
                revenue(shop, app, &asked, &whole, &lines).await;
                for (word, days) in compared_with(range) {
                    let before = local.within(days, filter.has);
                    let asked = format!("{asked}&compare={word}");
                    compared(shop, app, &asked, &whole, &before.total()).await;
                }
            }
        }
    }
}

/// The figures of an answer.
async fn data(shop: &Shop, app: &App, path: &str) -> Value {
    let answer = shop.get(app, path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.body["data"].clone()
}

/// The bars of all pages are the expected ones, and add up to the summary.
async fn transactions(shop: &Shop, app: &App, asked: &str, expected: &BTreeMap<String, Sums<'_>>) {
    let is_counted = !asked.contains("country=") && !asked.contains("Id=");
    let mut expected_bars = expected.iter();
    let (mut page, mut orders, mut net) = (1, 0, 0);
    loop {
        let path = format!("/api/metrics/transactions?{asked}&page={page}");
        let data = data(shop, app, &path).await;
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
    let data = data(shop, app, &path).await;
    let steps = &data["grossToNet"];
    assert_eq!(steps["netSales"].as_f64(), Some(amount(whole.net())), "{path}: {steps}");
    assert_eq!(steps["returns"].as_f64(), Some(amount(whole.returns)), "{path}: {steps}");
    let is_whole =
        !asked.contains("country=") && !asked.contains("Id=") && !asked.contains("category=");
    assert_eq!(steps["grossSales"].as_f64(), is_whole.then(|| amount(whole.gross)), "{path}");
    if asked.contains("Id=") {
        return;
    }
    for by in ["byCategory", "byPaymentMethod", "byCountry"] {
        let found: BTreeMap<String, &Value> = data[by]
            .as_array()
            .unwrap_or_else(|| panic!("{path}: {data}"))
            .iter()
            .map(|part| (part["_id"].as_str().expect("a name").to_owned(), part))
            .collect();
        let expected = lines.sums(|line, _| match by {
            "byCategory" => line.category.as_str(),
            "byCountry" => line.country.as_str(),
            // The file does not say how an order was paid.
            _ => "(none)",
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
            assert!(
                is_average(&part["avgValue"], sums.net(), count(&sums.orders)),
                "{path}: {part}"
            );
        }
        // The parts come to the whole, as they are answered.
        let sum = |figure: &str| {
            found.values().map(|part| part[figure].as_f64().expect("a number")).sum::<f64>()
        };
        let whole = [("revenue", amount(whole.net())), ("quantity", units(whole.quantity))];
        for (figure, whole) in whole {
            assert!((sum(figure) - whole).abs() < 0.000_5, "{path}: {by}: {figure}");
        }
    }
}

#[allow(clippy::cast_precision_loss)] // as above
fn units(units: i64) -> f64 {
    units as f64
}

/// The figures of sales, transactions and revenue beside those of the range that is compared with.
async fn compared(shop: &Shop, app: &App, asked: &str, now: &Sums<'_>, before: &Sums<'_>) {
    let ask = async |view: &str| data(shop, app, &format!("/api/metrics/{view}?{asked}")).await;
    let is_counted = !asked.contains("country=") && !asked.contains("Id=");
    let (net, orders) = (now.net() - before.net(), count(&now.orders) - count(&before.orders));
    let changed = |data: &Value, figure: &str, difference: f64| {
        let found = data["change"][figure]["difference"].as_f64().expect("a number");
        assert!((found - difference).abs() < 0.000_01, "{asked}: {figure}: {data}");
    };

    let data = ask("sales").await;
    for (figures, sums) in [(&data, now), (&data["comparison"], before)] {
        assert_eq!(figures["totalRevenue"].as_f64(), Some(amount(sums.net())), "{asked}: {data}");
        assert_eq!(figures["totalOrders"], count(&sums.orders), "{asked}: {data}");
        let users = is_counted.then(|| count(&sums.users));
        assert_eq!(figures["uniqueCustomers"].as_i64(), users, "{asked}: {data}");
    }
    changed(&data, "totalRevenue", amount(net));
    changed(&data, "totalOrders", units(orders));

    let data = ask("transactions").await;
    let before_it = &data["comparison"];
    for (summary, sums) in [(&data["summary"], now), (&before_it["summary"], before)] {
        assert_eq!(summary["totalTransactions"], count(&sums.orders), "{asked}: {data}");
        assert_eq!(summary["totalRevenue"].as_f64(), Some(amount(sums.net())), "{asked}: {data}");
        let users = is_counted.then(|| count(&sums.users));
        assert_eq!(summary["uniqueUserCount"].as_i64(), users, "{asked}: {data}");
    }
    changed(&data, "totalRevenue", amount(net));
    changed(&data, "totalTransactions", units(orders));

    let data = ask("revenue").await;
    let before_it = &data["comparison"];
    for (steps, sums) in [(&data["grossToNet"], now), (&before_it["grossToNet"], before)] {
        assert_eq!(steps["netSales"].as_f64(), Some(amount(sums.net())), "{asked}: {data}");
        assert_eq!(steps["returns"].as_f64(), Some(amount(sums.returns)), "{asked}: {data}");
    }
    changed(&data, "revenue", amount(net));
    changed(&data, "returns", amount(now.returns - before.returns));
    changed(&data, "transactions", units(orders));
}
