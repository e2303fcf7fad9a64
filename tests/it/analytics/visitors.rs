//! What visitors and customers do, and the same figures by brute force.

use std::collections::{BTreeMap, BTreeSet};

use adaptive_bi::app::App;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::made::{Activity, DAY, Made, Purchase, Rating, USERS, made};
use super::sold::label;
use crate::harness::Shop;

pub(super) const ZONES: [&str; 3] = ["UTC", "Asia/Kolkata", "Australia/Lord_Howe"];
/// Clocks of Lord Howe go half an hour ahead on the 6th of October.
pub(super) const RANGES: [(&str, &str); 4] = [
    ("2024-09-01", "2024-11-30"),
    ("2024-10-05", "2024-10-08"),
    ("2024-10-07", "2024-10-07"),
    ("2020-01-01", "2020-01-02"),
];
const HALF_HOUR: i64 = 30 * 60;

pub struct Visitors {
    pub(super) activities: Vec<Activity>,
    pub(super) purchases: Vec<Purchase>,
    ratings: Vec<Rating>,
}

fn local(zone: Tz, at: i64) -> chrono::NaiveDateTime {
    zone.from_utc_datetime(&DateTime::from_timestamp(at, 0).expect("a time").naive_utc())
        .naive_local()
}

impl Visitors {
    /// Publishes what they do, and returns it with the last position.
    pub async fn publish(shop: &Shop, app: &App) -> (Self, u64) {
        let Made { bodies, activities, purchases, ratings } = made();
        let mut position = 0;
        for bodies in bodies.chunks(500) {
            let lines: Vec<_> = bodies.iter().map(Value::to_string).collect();
            let answer = shop.post(app, "/api/events", lines.join("\n")).await;
            assert_eq!((answer.status, &answer.body["data"]["rejected"]), (200, &json!(0)));
            position = answer.body["data"]["position"].as_u64().expect("a position");
        }
        (Visitors { activities, purchases, ratings }, position)
    }

    /// Asks for every figure in every zone and range.
    pub async fn assert_all(&self, shop: &Shop, app: &App) {
        open_ranges(shop, app).await;
        for name in ZONES {
            let zone: Tz = name.parse().expect("a zone");
            for (first, last) in RANGES {
                let range = Range { zone, first: day(first), last: day(last) };
                let asked = format!("startDate={first}&endDate={last}&tz={name}");
                let ask = async |view: &str| {
                    let path = format!("/api/metrics/{view}{asked}");
                    let answer = shop.get(app, &path).await;
                    assert_eq!(answer.status, 200, "{path}: {answer:?}");
                    answer.body["data"].clone()
                };
                self.actives(&range, &ask("actives?period=day&").await);
                self.behaviour(&range, &ask("behaviour?").await, None);
                let phones = ask("behaviour?device=phone&").await;
                self.behaviour(&range, &phones, Some("phone"));
                self.sessions(&range, &ask("sessions?period=week&").await, None);
                let phones = ask("sessions?period=week&device=phone&").await;
                self.sessions(&range, &phones, Some("phone"));
                self.funnel(&range, &ask("funnel?period=day&").await, |_| true);
                let kitchen = ask("funnel?period=day&category=Kitchen&").await;
                self.funnel(&range, &kitchen, |view| view.category == "Kitchen");
                let phones = ask("funnel?period=day&device=phone&").await;
                self.funnel(&range, &phones, |view| view.device == "phone");
                let unheard_of = ask("funnel?period=day&category=Cars&").await;
                self.funnel(&range, &unheard_of, |_| false);
                self.retention(&range, "week", &ask("retention?period=week&periods=20&").await);
                self.retention(&range, "month", &ask("retention?period=month&").await);
                self.feedback(&range, &ask("feedback?period=day&").await, None);
                let of_one = ask("feedback?period=day&productId=kite&").await;
                self.feedback(&range, &of_one, Some("kite"));
                self.stars(&range, &ask("feedback?period=day&rating=4&").await);
                let path = format!("/api/metrics/segments?asOf={last}&tz={name}");
                let answer = shop.get(app, &path).await;
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                self.segments(&range, &answer.body["data"]);
            }
        }
    }

    pub(super) fn within<'a>(&'a self, range: &'a Range) -> impl Iterator<Item = &'a Activity> {
        self.activities.iter().filter(|it| range.has(it.at))
    }

    fn actives(&self, range: &Range, found: &Value) {
        let mut debuts: BTreeMap<&str, i64> = BTreeMap::new();
        for it in &self.activities {
            let first = debuts.entry(&it.user).or_insert(it.at);
            *first = it.at.min(*first);
        }
        let mut days: BTreeMap<String, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
        for it in self.within(range) {
            let (active, new) = days.entry(range.label("day", it.at)).or_default();
            active.insert(&it.user);
            if range.label("day", debuts[&*it.user]) == range.label("day", it.at) {
                new.insert(&it.user);
            }
        }
        let expected: Vec<Value> = days
            .iter()
            .map(|(day, (active, new))| {
                let (active, new) = (active.len(), new.len());
                json!({ "_id": day, "active": active, "new": new, "returning": active - new })
            })
            .collect();
        assert_eq!(found["trends"], json!(expected), "{range:?}");
        let users = |days: i64| {
            let since = range.last - TimeDelta::days(days - 1);
            let since = since.max(range.first - TimeDelta::days(1_000));
            let is_in = |it: &&Activity| (since..=range.last).contains(&range.day(it.at));
            self.activities.iter().filter(is_in).map(|it| &it.user).collect::<BTreeSet<_>>().len()
        };
        for (figure, days) in [("daily", 1), ("weekly", 7), ("monthly", 30)] {
            assert_eq!(found[figure], users(days), "{figure}: {range:?}");
        }
        let all: BTreeSet<_> = self.within(range).map(|it| &it.user).collect();
        let new = all.iter().filter(|user| range.has(debuts[user.as_str()])).count();
        assert_eq!(
            (&found["active"], &found["new"]),
            (&json!(all.len()), &json!(new)),
            "{range:?}"
        );
    }

    fn behaviour(&self, range: &Range, found: &Value, device: Option<&str>) {
        let count = |is: &dyn Fn(&Activity) -> bool| self.within(range).filter(|it| is(it)).count();
        let total = count(&|it| device.is_none_or(|device| it.device == device));
        assert_eq!(found["totalActivities"], total, "{range:?}");
        for part in found["byType"].as_array().expect("types") {
            let expected = count(&|it| part["_id"] == it.kind);
            assert_eq!(part["count"], expected, "{range:?}");
        }
        let of_all: u64 = found["byDevice"]
            .as_array()
            .expect("devices")
            .iter()
            .map(|it| it["count"].as_u64().expect("a count"))
            .sum();
        assert_eq!(of_all, self.within(range).count() as u64);
        if let Some(top) = found["topUsers"].as_array().expect("users").first() {
            assert_eq!(top["count"], count(&|it| top["userId"] == *it.user));
        }
    }

    fn sessions(&self, range: &Range, found: &Value, device: Option<&str>) {
        let mut ids: BTreeMap<&str, Vec<(usize, &Activity)>> = BTreeMap::new();
        for (position, it) in self.activities.iter().enumerate() {
            if let Some(session) = &it.session {
                ids.entry(session).or_default().push((position, it));
            }
        }
        let mut weeks: BTreeMap<String, [i64; 3]> = BTreeMap::new();
        let mut devices: BTreeMap<&str, i64> = BTreeMap::new();
        for mut activities in ids.into_values() {
            activities.sort_by_key(|(position, it)| (it.at, *position));
            for session in activities.chunk_by(|(_, a), (_, b)| b.at - a.at <= HALF_HOUR) {
                let (first, last) = (session[0].1, session[session.len() - 1].1);
                if range.has(first.at) {
                    *devices.entry(first.device).or_default() += 1;
                }
                if range.has(first.at) && device.is_none_or(|device| first.device == device) {
                    let sums = weeks.entry(range.label("week", first.at)).or_default();
                    sums[0] += 1;
                    sums[1] += i64::from(session.len() == 1);
                    sums[2] += last.at - first.at;
                }
            }
        }
        let total: i64 = weeks.values().map(|[sessions, ..]| sessions).sum();
        assert_eq!(found["sessions"], total, "{range:?}: {found}");
        assert_eq!(found["identified"].is_null(), device.is_some(), "{range:?}: {found}");
        let bars = found["trends"].as_array().expect("bars");
        assert_eq!(bars.len(), weeks.len(), "{range:?}: {found}");
        for (bar, (week, [sessions, bounces, seconds])) in bars.iter().zip(&weeks) {
            assert_eq!(
                (&bar["_id"], &bar["sessions"]),
                (&json!(week), &json!(sessions)),
                "{range:?}"
            );
            assert_eq!(bar["bounces"], *bounces, "{range:?}");
            #[allow(clippy::cast_precision_loss)]
            let average = *seconds as f64 / *sessions as f64;
            let found = bar["averageDuration"].as_f64().expect("a number");
            assert!((found - average).abs() < 0.000_051, "{found} {average}");
        }
        for part in found["byDevice"].as_array().expect("devices") {
            assert_eq!(part["sessions"], devices[part["_id"].as_str().expect("one")], "{range:?}");
        }
    }

    /// The views that an attempt began with, each with the number of stages that it got to.
    pub(super) fn attempts(&self) -> Vec<(&Activity, usize)> {
        let mut attempts = Vec::new();
        for user in 0..USERS {
            let user = format!("u{user}");
            let mut newest = i64::MIN;
            let mut in_order = Vec::new();
            for (position, it) in self.activities.iter().enumerate() {
                let is_step = ["viewed_product", "added_to_cart", "purchased"].contains(&it.kind);
                if it.user != user || !is_step {
                    continue;
                }
                if it.at < newest.saturating_sub(DAY) {
                    if it.kind == "viewed_product" {
                        attempts.push((it, 1));
                    }
                    continue;
                }
                newest = newest.max(it.at);
                in_order.push((it.at, position, it));
            }
            in_order.sort_by_key(|(at, position, _)| (*at, *position));
            let mut open: Option<(&Activity, usize)> = None;
            for (at, _, it) in in_order {
                if open.is_some_and(|(view, _)| at > view.at + 7 * DAY) {
                    attempts.extend(open.take());
                }
                open = match (open, it.kind) {
                    (None, "viewed_product") => Some((it, 1)),
                    (Some((view, 1)), "added_to_cart") => Some((view, 2)),
                    (Some((view, 2)), "purchased") => {
                        attempts.push((view, 3));
                        None
                    }
                    (open, _) => open,
                };
            }
            attempts.extend(open);
        }
        attempts
    }

    fn funnel(&self, range: &Range, found: &Value, has: impl Fn(&Activity) -> bool) {
        let mut attempts = self.attempts();
        attempts.retain(|(view, _)| range.has(view.at));
        for (at, stage) in found["stages"].as_array().expect("stages").iter().enumerate() {
            let got = || attempts.iter().filter(|(view, stages)| *stages > at && has(view));
            let users: BTreeSet<_> = got().map(|(view, _)| &view.user).collect();
            assert_eq!(stage["attempts"], got().count(), "{range:?} {stage}");
            assert_eq!(stage["users"], users.len(), "{range:?} {stage}");
        }
        let mut days: BTreeMap<String, [i64; 3]> = BTreeMap::new();
        for (view, stages) in attempts.iter().filter(|(view, _)| has(view)) {
            let day = days.entry(range.label("day", view.at)).or_default();
            day[..*stages].iter_mut().for_each(|count| *count += 1);
        }
        let expected: Vec<Value> = days
            .iter()
            .map(|(day, [viewed, added, purchased])| {
                json!({ "_id": day, "viewed": viewed, "added": added, "purchased": purchased })
            })
            .collect();
        assert_eq!(found["trends"], json!(expected), "{range:?}");
        for (by, value) in [("byCategory", true), ("byDevice", false)] {
            for part in found[by].as_array().expect("parts") {
                for (at, stage) in ["viewed", "added", "purchased"].into_iter().enumerate() {
                    let is_of = |view: &Activity| {
                        part["_id"] == if value { view.category } else { view.device }
                    };
                    let got = attempts.iter().filter(|(view, stages)| *stages > at && is_of(view));
                    let users: BTreeSet<_> = got.map(|(view, _)| &view.user).collect();
                    assert_eq!(part[stage], users.len(), "{range:?} {by} {part}");
                }
            }
        }
    }

    fn feedback(&self, range: &Range, found: &Value, product: Option<&str>) {
        let is_of = |it: &&Rating| product.is_none_or(|product| it.product == product);
        let mut days: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        let mut stars = [0; 5];
        for it in self.ratings.iter().filter(is_of).filter(|it| range.has(it.at)) {
            let (count, sum) = days.entry(range.label("day", it.at)).or_default();
            (*count, *sum) = (*count + 1, *sum + it.stars);
            stars[usize::try_from(it.stars - 1).expect("a star")] += 1;
        }
        let bars = found["trends"].as_array().expect("bars");
        assert_eq!(bars.len(), days.len(), "{range:?}: {found}");
        for (bar, (day, (count, sum))) in bars.iter().zip(&days) {
            assert_eq!((&bar["_id"], &bar["count"]), (&json!(day), &json!(count)), "{range:?}");
            #[allow(clippy::cast_precision_loss)]
            let average = *sum as f64 / *count as f64;
            let found = bar["averageRating"].as_f64().expect("a number");
            assert!((found - average).abs() < 0.000_051, "{found} {average}");
        }
        assert_eq!(found["totalRatings"], stars.iter().sum::<i64>());
        if product.is_none() {
            let found = found["distribution"].as_array().expect("stars");
            let found: Vec<_> =
                found.iter().map(|it| it["count"].as_i64().expect("a count")).collect();
            assert_eq!(found, stars, "{range:?}");
        }
        let mut newest: Vec<_> = self.ratings.iter().filter(is_of).collect();
        newest.retain(|it| it.comment.is_some());
        newest.sort_by_key(|it| std::cmp::Reverse(it.at));
        let comments = found["comments"].as_array().expect("comments");
        assert_eq!(comments.len(), newest.len().min(10));
        for (comment, it) in comments.iter().zip(newest) {
            assert_eq!(comment["comment"].as_str(), it.comment.as_deref(), "{range:?}");
        }
    }

    /// Totals and days are of the ratings of four stars, the rest is of all.
    fn stars(&self, range: &Range, found: &Value) {
        let mut days: BTreeMap<String, usize> = BTreeMap::new();
        for it in self.ratings.iter().filter(|it| it.stars == 4 && range.has(it.at)) {
            *days.entry(range.label("day", it.at)).or_default() += 1;
        }
        let bar = |(day, count)| json!({ "_id": day, "count": count, "averageRating": 4.0 });
        let bars: Vec<Value> = days.iter().map(bar).collect();
        assert_eq!(found["trends"], json!(bars), "{range:?}");
        assert_eq!(found["totalRatings"], days.values().sum::<usize>());
        assert_eq!(found["distribution"][3]["count"], found["totalRatings"]);
    }

    fn completed(&self) -> BTreeMap<&str, Vec<&Purchase>> {
        let mut of_users: BTreeMap<&str, Vec<&Purchase>> = BTreeMap::new();
        for it in self.purchases.iter().filter(|it| it.status == "completed") {
            of_users.entry(&it.user).or_default().push(it);
        }
        of_users
    }

    fn retention(&self, range: &Range, period: &str, found: &Value) {
        let mut cohorts: BTreeMap<i64, Vec<BTreeSet<i64>>> = BTreeMap::new();
        let number = |at: i64| {
            let day = range.day(at);
            match period {
                "week" => i64::from(day.num_days_from_ce() - 1).div_euclid(7),
                _ => i64::from(day.year()) * 12 + i64::from(day.month0()),
            }
        };
        for purchases in self.completed().into_values() {
            let first = purchases.iter().map(|it| it.at).min().expect("one");
            if range.has(first) {
                let bought = purchases.iter().map(|it| number(it.at) - number(first)).collect();
                cohorts.entry(number(first)).or_default().push(bought);
            }
        }
        let rows = found["cohorts"].as_array().expect("cohorts");
        assert_eq!(rows.len(), cohorts.len(), "{range:?}: {found}");
        for (row, users) in rows.iter().zip(cohorts.values()) {
            assert_eq!(
                (&row["customers"], &row["retained"][0]),
                (&json!(users.len()), &json!(users.len()))
            );
            for (at, retained) in row["retained"].as_array().expect("numbers").iter().enumerate() {
                let at = i64::try_from(at).expect("few");
                let expected = users.iter().filter(|bought| bought.contains(&at)).count();
                assert_eq!(*retained, expected, "{range:?} {period} {at}: {row}");
            }
        }
    }

    fn segments(&self, range: &Range, found: &Value) {
        let mut buyers: Vec<(i64, i64, i64)> = Vec::new();
        for (user, purchases) in self.completed() {
            let by_then: Vec<_> =
                purchases.into_iter().filter(|it| range.day(it.at) <= range.last).collect();
            if let Some(last) = by_then.iter().map(|it| it.at).max() {
                let days = (range.last - range.day(last)).num_days();
                // What came back is an order that came to nothing.
                let returned = self.purchases.iter().filter(|it| {
                    it.user == user && it.status == "returned" && range.day(it.at) <= range.last
                });
                let orders = by_then.len() + returned.count();
                let net = by_then.iter().map(|it| it.amount).sum();
                buyers.push((days, i64::try_from(orders).expect("few"), net));
            }
        }
        assert_eq!(found["customers"], buyers.len(), "{range:?}");
        let fifth = |worse: usize| worse * 5 / buyers.len() + 1;
        let mut segments: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
        for (days, orders, net) in &buyers {
            let recency = fifth(buyers.iter().filter(|it| it.0 > *days).count());
            let frequency = fifth(buyers.iter().filter(|it| it.1 < *orders).count());
            let money = fifth(buyers.iter().filter(|it| it.2 < *net).count());
            let worth = (frequency + money).div_ceil(2);
            let segment = match (recency, worth) {
                (4..=5, 5) | (5, 4) => "champions",
                (3..=5, 4..=5) => "loyal",
                (4 | 5, 2 | 3) => "potential-loyalists",
                (4..=5, _) => "new",
                (3, 2 | 3) => "need-attention",
                (3, _) => "about-to-sleep",
                (1, 5) => "cannot-lose",
                (1 | 2, 3..=5) => "at-risk",
                _ => "hibernating",
            };
            let sums = segments.entry(segment).or_default();
            *sums = (sums.0 + 1, sums.1 + net);
        }
        for part in found["segments"].as_array().expect("segments") {
            let (customers, net) =
                segments.get(part["segment"].as_str().expect("one")).copied().unwrap_or_default();
            #[allow(clippy::cast_precision_loss)]
            let net = net as f64 / 100.0;
            assert_eq!(part["customers"], customers, "{range:?}: {part}");
            assert_eq!(part["netSales"].as_f64(), Some(net), "{range:?}: {part}");
        }
    }
}

/// The lists of bars, each with views that have it.
const TRENDS: [(&str, &[&str]); 5] = [
    ("trends", &["actives", "behaviour", "sessions", "funnel", "feedback", "revenue"]),
    ("trends", &["behaviour?device=phone", "behaviour?userId=u3", "feedback?productId=kite"]),
    ("salesTrend", &["sales", "sales?userId=u3"]),
    ("metrics", &["transactions"]),
    ("newCustomersTrend", &["customers"]),
];

/// A range without a start begins with the first data: it has the figures of one that begins long before,
/// states where it begins, and is filled from there on.
async fn open_ranges(shop: &Shop, app: &App) {
    for (bars, view) in TRENDS.iter().flat_map(|(bars, of)| of.iter().map(move |it| (*bars, *it))) {
        let ask = async |query: &str| {
            let join = if view.contains('?') { '&' } else { '?' };
            let path = format!("/api/metrics/{view}{join}{query}&tz=Australia/Lord_Howe");
            let answer = shop.get(app, &path).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            let mut data = answer.body["data"].clone();
            let members = data.as_object_mut().expect("figures");
            let range = members.remove("range").expect("a range");
            members.remove("dateRange");
            (data, range)
        };
        for period in ["hour", "day", "month"] {
            let until = format!("endDate=2024-12-31&period={period}&limit=100");
            let (open, range) = ask(&until).await;
            let (closed, _) = ask(&format!("startDate=2000-01-01&{until}")).await;
            assert_eq!(open, closed, "{view} by {period}");
            let start = range["startDate"].as_str().expect("a time");
            // September begins at half past one of the day before, by clocks of UTC.
            let september = "2024-08-31T13:30".."2024-09-30T13:30";
            assert!(september.contains(&start), "{view} by {period}: {range}");
        }
        let (filled, _) = ask("endDate=2024-12-31&period=month&fill=zero").await;
        let of_bar = |bar: &Value| bar["_id"].as_str().expect("a month").to_owned();
        let months: Vec<String> =
            filled[bars].as_array().expect("bars").iter().map(of_bar).collect();
        assert_eq!(months, ["2024-09", "2024-10", "2024-11", "2024-12"], "{view}");
    }
}

#[derive(Debug)]
pub(super) struct Range {
    pub zone: Tz,
    pub first: NaiveDate,
    pub last: NaiveDate,
}

impl Range {
    pub(super) fn day(&self, at: i64) -> NaiveDate {
        local(self.zone, at).date()
    }

    pub(super) fn has(&self, at: i64) -> bool {
        (self.first..=self.last).contains(&self.day(at))
    }

    pub(super) fn label(&self, period: &str, at: i64) -> String {
        label(period, local(self.zone, at))
    }
}

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}
