//! Who each figure of customers counts: the customers of all pages against brute force, and their number
//! against the figure.

use std::collections::BTreeMap;

use adaptive_bi::app::App;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde_json::{Value, json};

use super::made::Activity;
use super::visitors::{RANGES, Range, Visitors, ZONES, day};
use crate::harness::Shop;

/// How often a customer did something, and the beginnings of the first and the last quarter hour.
type Times = (i64, String, String);
/// Customers by id.
type Customers = BTreeMap<String, Times>;

const QUARTER: i64 = 15 * 60;
const STAGES: [&str; 3] = ["viewed", "added", "purchased"];

/// Asks for every figure in every zone and range.
pub async fn assert_all(visitors: &Visitors, shop: &Shop, app: &App) {
    for name in ZONES {
        for (first, last) in RANGES {
            let range =
                Range { zone: name.parse().expect("a zone"), first: day(first), last: day(last) };
            let asked = format!("startDate={first}&endDate={last}&tz={name}");
            let ask = Ask { shop, app, asked: &asked, range: &range };
            funnel(visitors, &ask).await;
            actives(visitors, &ask).await;
            sales(visitors, &ask).await;
            for period in ["month", "week"] {
                retention(visitors, &ask, period).await;
            }
        }
    }
    refused(shop, app).await;
}

struct Ask<'a> {
    shop: &'a Shop,
    app: &'a App,
    asked: &'a str,
    range: &'a Range,
}

impl Ask<'_> {
    async fn data(&self, path: &str) -> Value {
        let answer = self.shop.get(self.app, path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body["data"].clone()
    }

    /// The figures of a view.
    async fn view(&self, view: &str) -> Value {
        let join = if view.contains('?') { '&' } else { '?' };
        self.data(&format!("/api/metrics/{view}{join}{}", self.asked)).await
    }

    /// The customers of all pages, and the figure that all of them say.
    async fn pages(&self, view: &str) -> (Customers, Value) {
        let (mut all, mut cursor) = (Customers::new(), String::new());
        let join = if view.contains('?') { '&' } else { '?' };
        loop {
            let path = format!("/api/metrics/{view}{join}{}&limit=7{cursor}", self.asked);
            let page = self.data(&path).await;
            let customers = page["customers"].as_array().expect("customers");
            assert!(customers.len() <= 7, "{path}");
            for customer in customers {
                let text = |name: &str| customer[name].as_str().expect(name).to_owned();
                let times = customer["times"].as_i64().expect("a number");
                let times = (times, text("firstAt"), text("lastAt"));
                assert_eq!(all.insert(text("userId"), times), None, "{path}: {page}");
            }
            match page["pagination"]["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return (all, page["value"].clone()),
            }
        }
    }

    /// The customers are those that are expected, and as many as the figure says.
    async fn assert(&self, view: &str, expected: &Customers, figure: &Value) {
        let (found, value) = self.pages(view).await;
        assert_eq!(found, *expected, "{view} {}", self.asked);
        assert_eq!((&value, figure), (&json!(expected.len()), &value), "{view} {}", self.asked);
    }
}

/// What customers did at these times.
fn customers<'a>(did: impl Iterator<Item = (&'a str, i64)>) -> Customers {
    let mut ends: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
    for (user, at) in did {
        let quarter = at.div_euclid(QUARTER) * QUARTER;
        let (times, first, last) = ends.entry(user).or_insert((0, quarter, quarter));
        (*times, *first, *last) = (*times + 1, quarter.min(*first), quarter.max(*last));
    }
    let text = |at| {
        let at: DateTime<Utc> = DateTime::from_timestamp(at, 0).expect("a time");
        at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    let times = |(user, (times, first, last)): (&str, _)| {
        (user.to_owned(), (times, text(first), text(last)))
    };
    ends.into_iter().map(times).collect()
}

fn done(activity: &Activity) -> (&str, i64) {
    (&activity.user, activity.at)
}

async fn funnel(visitors: &Visitors, ask: &Ask<'_>) {
    type Has = fn(&Activity) -> bool;
    let attempts = visitors.attempts();
    let filters: [(&str, Has); 4] = [
        ("", |_| true),
        ("category=Kitchen", |view| view.category == "Kitchen"),
        ("device=phone", |view| view.device == "phone"),
        ("category=Cars", |_| false),
    ];
    for (filter, has) in filters {
        let figures = ask.view(&format!("funnel?{filter}")).await;
        for (at, stage) in STAGES.into_iter().enumerate() {
            let got = attempts.iter().filter(|(view, stages)| *stages > at && has(view));
            let got = got.map(|(view, _)| *view).filter(|view| ask.range.has(view.at));
            let expected = customers(got.map(done));
            let figure = &figures["stages"][at];
            let view = format!("funnel/customers?stage={stage}&{filter}");
            ask.assert(&view, &expected, &figure["users"]).await;
            let times: i64 = expected.values().map(|(times, ..)| times).sum();
            assert_eq!(figure["attempts"], times, "{view} {}", ask.asked);
        }
    }
}

async fn actives(visitors: &Visitors, ask: &Ask<'_>) {
    let (range, figures) = (ask.range, ask.view("actives").await);
    let mut debuts: BTreeMap<&str, i64> = BTreeMap::new();
    for it in &visitors.activities {
        let first = debuts.entry(&it.user).or_insert(it.at);
        *first = it.at.min(*first);
    }
    let is_new = |it: &Activity| range.has(debuts[&*it.user]);
    let within = || visitors.within(range);
    let all = customers(within().map(done));
    let new = customers(within().filter(|it| is_new(it)).map(done));
    let returning = customers(within().filter(|it| !is_new(it)).map(done));
    for (figure, expected) in [("active", &all), ("new", &new), ("returning", &returning)] {
        let view = format!("actives/customers?figure={figure}");
        ask.assert(&view, expected, &figures[figure]).await;
    }
    let times: i64 = all.values().map(|(times, ..)| times).sum();
    assert_eq!(ask.view("behaviour").await["totalActivities"], times, "{}", ask.asked);
    for (figure, days) in [("daily", 1), ("weekly", 7), ("monthly", 30)] {
        let since = range.last - TimeDelta::days(days - 1);
        let is_in = |it: &&Activity| (since..=range.last).contains(&range.day(it.at));
        let expected = customers(visitors.activities.iter().filter(is_in).map(done));
        let view = format!("actives/customers?figure={figure}");
        ask.assert(&view, &expected, &figures[figure]).await;
    }
    let (now, value) = ask.pages("actives/customers?figure=now").await;
    assert_eq!((&json!(now.len()), &value), (&figures["now"], &figures["now"]), "{}", ask.asked);
}

async fn sales(visitors: &Visitors, ask: &Ask<'_>) {
    for (filter, statuses) in [
        ("", &["completed", "returned"][..]),
        ("status=pending", &["pending"]),
        // A sale that states no category has that of its product.
        ("category=Kitchen", &["completed", "returned"]),
        ("category=Toys", &[]),
    ] {
        let bought = visitors.purchases.iter();
        let bought = bought.filter(|it| statuses.contains(&it.status) && ask.range.has(it.at));
        let expected = customers(bought.map(|it| (&*it.user, it.at)));
        let figures = ask.view(&format!("sales?{filter}")).await;
        let view = format!("sales/customers?{filter}");
        ask.assert(&view, &expected, &figures["uniqueCustomers"]).await;
        let times: i64 = expected.values().map(|(times, ..)| times).sum();
        assert_eq!(figures["totalOrders"], times, "{view} {}", ask.asked);
    }
}

async fn retention(visitors: &Visitors, ask: &Ask<'_>, period: &str) {
    let number = |at: i64| {
        let day = ask.range.day(at);
        match period {
            "week" => i64::from(day.num_days_from_ce() - 1).div_euclid(7),
            _ => i64::from(day.year()) * 12 + i64::from(day.month0()),
        }
    };
    let completed = || visitors.purchases.iter().filter(|it| it.status == "completed");
    let mut firsts: BTreeMap<&str, i64> = BTreeMap::new();
    for it in completed() {
        let first = firsts.entry(&it.user).or_insert(it.at);
        *first = it.at.min(*first);
    }
    let figures = ask.view(&format!("retention?period={period}&periods=20")).await;
    for cohort in figures["cohorts"].as_array().expect("cohorts") {
        let id = cohort["_id"].as_str().expect("an id");
        let is_of = |user: &str| {
            let first = firsts[user];
            ask.range.has(first) && ask.range.label(period, first) == id
        };
        let retained = cohort["retained"].as_array().expect("numbers");
        // All of them, then those of some cells, the last of which nobody may have bought in.
        let cells = [None, Some(0), Some(1), Some(2), Some(retained.len() - 1)];
        for after in cells.into_iter().filter(|it| it.is_none_or(|it| it < retained.len())) {
            let later = i64::try_from(after.unwrap_or_default()).expect("few");
            let bought = completed()
                .filter(|it| is_of(&it.user) && number(it.at) - number(firsts[&*it.user]) == later);
            let expected = customers(bought.map(|it| (&*it.user, it.at)));
            let figure = after.map_or(&cohort["customers"], |after| &retained[after]);
            let cell = after.map(|after| format!("&after={after}")).unwrap_or_default();
            let view = format!("retention/customers?period={period}&cohort={id}{cell}");
            ask.assert(&view, &expected, figure).await;
        }
    }
    let none = format!("retention/customers?period={period}&cohort=2001-01");
    ask.assert(&none, &Customers::new(), &json!(0)).await;
}

/// The API refuses a wrong parameter and names it.
async fn refused(shop: &Shop, app: &App) {
    for (query, field) in [
        ("funnel/customers?stage=sold", "stage"),
        ("funnel/customers?category=Toys&device=phone", "device"),
        ("funnel/customers?cursor=u1", "cursor"),
        ("actives/customers?figure=users", "figure"),
        ("actives/customers?limit=101", "limit"),
        ("sales/customers?country=France", "country"),
        ("retention/customers", "cohort"),
        ("retention/customers?cohort=2026-01&after=53", "after"),
        ("feedback?rating=6", "rating"),
        ("feedback?rating=4&productId=kite", "rating"),
    ] {
        let answer = shop.get(app, &format!("/api/metrics/{query}")).await;
        let named = &answer.body["errors"][0]["field"];
        assert_eq!((answer.status, named), (400, &json!(field)), "{query}: {answer:?}");
    }
}
