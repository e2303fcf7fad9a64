//! Random logs over few ids, so that events meet.

mod bodies;
mod catalogue;
mod rates;
mod sales;
mod visits;
pub mod words;

use projections::event::Kind;
use projections::testing::Logged;
use projections::time::Time;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use bodies::said;
use rates::{first_rates, rated_alike};
use sales::{bought, first_sales, reconciled, sale};
use visits::{first_visits, visit, visited};
use words::{DATES, GROUPS, USERS, optional};

/// 2026-11-21T12:00:00Z.
const BEGINS_MS: i64 = 1_795_262_400_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Log time between messages: backwards, and around the window of 24 h.
const GAPS_MS: [i64; 8] =
    [-5_000, 1, 60_000, 6 * 3_600_000, DAY_MS - 1, DAY_MS, DAY_MS + 1, 2 * DAY_MS];

/// One event of a random log.
#[derive(Debug, Clone)]
pub struct Act {
    gap_ms: i64,
    replays: Option<u64>,
    pub kind: Kind,
    pub body: String,
}

impl Act {
    fn of(kind: Kind, body: String) -> Self {
        Act { gap_ms: 1, replays: None, kind, body }
    }
}

/// The messages of a log, at every `stride`th position.
pub fn log(acts: &[Act], stride: u64) -> Vec<Logged> {
    let (mut now, mut position) = (BEGINS_MS, 0);
    acts.iter()
        .map(|act| {
            now += act.gap_ms;
            position += stride;
            Logged {
                position,
                log_time: Time(now),
                replay_of: act
                    .replays
                    .map(|back| position.saturating_sub(back * stride))
                    .filter(|earlier| *earlier > 0),
                kind: act.kind,
                body: act.body.clone(),
            }
        })
        .collect()
}

/// Any log: versions absent, equal, newer and older; replays; any log time; and earlier statements,
/// repeated at another version or at none.
pub fn acts(len: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = (said(optional(version()).boxed(), &GROUPS), gap(), replays());
    let act = act.prop_map(|((kind, body), gap_ms, replays)| Act { gap_ms, replays, kind, body });
    let echo = prop_oneof![
        3 => Just(None),
        1 => (1..6_usize, optional(version())).prop_map(Some),
    ];
    prop::collection::vec((act, echo), 1..len).prop_map(|told| {
        let mut acts: Vec<Act> = Vec::new();
        for (mut act, echo) in told {
            if let Some((back, version)) = echo
                && let Some(before) = acts.len().checked_sub(back).map(|at| &acts[at])
            {
                (act.kind, act.body) =
                    (before.kind, at_version(before.kind, &before.body, version));
            }
            acts.push(act);
        }
        acts
    })
}

/// A log of sales without orders and their corrections alone.
pub fn sales(len: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = sale(optional(version()).boxed(), &GROUPS)
        .prop_map(|body| Act::of(Kind::Transaction, without(&body, "orderId")));
    prop::collection::vec(act, 1..len)
}

/// A log of visits: activities of few customers and sessions, at any time of an hour and a half, two
/// days or half a month, that come about in the order in which they happened or not at all; session
/// events and products among them.
pub fn journeys(len: usize) -> impl Strategy<Value = Vec<Act>> {
    let log = select(&[90, 2_880, 21_600][..]).prop_flat_map(move |minutes: i64| {
        let at = (0..minutes, select(&[0, 0, 1, 59_999][..])).prop_map(|(m, ms)| m * 60_000 + ms);
        let delay =
            prop_oneof![4 => Just(0), 2 => 0..30_i64, 1 => 0..minutes, 1 => 1_440..3_000_i64];
        prop::collection::vec((at, delay, any::<bool>(), visited()), 1..len)
    });
    (log, any::<bool>()).prop_map(|(mut log, is_in_order)| {
        if is_in_order {
            log.sort_by_key(|(at, delay, ..)| at + delay * 60_000);
        }
        let log = log.into_iter().enumerate();
        log.map(|(n, (at, _, is_later, (kind, body)))| {
            let at = Time(BEGINS_MS - 16 * DAY_MS + at).to_rfc3339();
            let act = Act::of(kind, dated(&body, n, &at));
            Act { gap_ms: if is_later { 60_000 } else { 0 }, ..act }
        })
        .collect()
    })
}

/// The same events in two orders of arrival, within a day and so few that all are kept.
pub fn journeys_in_two_orders() -> impl Strategy<Value = [Vec<Act>; 2]> {
    let known = USERS.map(|user| json!({ "userId": user, "updatedAt": "2026-11-01" }));
    let ms = prop::collection::btree_set((0..1_441_i64).prop_map(|minute| minute * 60_000), 30);
    let visits = prop::collection::vec(visit(), 30);
    (ms, visits)
        .prop_map(|(ms, visits)| {
            let act = |(n, (at, body)): (usize, (i64, String))| {
                let at = Time(BEGINS_MS - DAY_MS + at).to_rfc3339();
                Act::of(Kind::Activity, dated(&body, n, &at))
            };
            ms.into_iter().zip(visits).enumerate().map(act).collect::<Vec<_>>()
        })
        .prop_flat_map(|acts| (Just(acts.clone()), Just(acts).prop_shuffle()))
        .prop_map(move |(one, other)| {
            let first = || {
                let known = known.iter().map(|body| Act::of(Kind::Customer, body.to_string()));
                let words = first_visits();
                known.chain(words.into_iter().map(|(kind, body)| Act::of(kind, body)))
            };
            [one, other].map(|acts| first().chain(acts).collect())
        })
}

/// A visit's statement at a time, an activity as one of its own.
fn dated(body: &str, n: usize, at: &str) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(body).unwrap();
    if members.contains_key("activityType") {
        members.insert("activityId".into(), json!(format!("v{n}")));
        members.insert("timestamp".into(), json!(at));
    } else if members.contains_key("startedAt") {
        members.insert("startedAt".into(), json!(at));
    }
    Value::Object(members).to_string()
}

/// A quarter hour near one that has sales, in quarter hours since 1970.
pub fn quarter() -> impl Strategy<Value = u32> {
    (select(&DATES[..]), prop_oneof![-2..3_i64, -200..200_i64, -40_000..40_000_i64]).prop_map(
        |(date, off)| {
            let at = Time::parse(date).unwrap().0 / 900_000 + off;
            u32::try_from(at.max(0)).unwrap()
        },
    )
}

/// A log as an ETL run writes it: rates first, every event of an entity has a version of its own,
/// nothing is replayed, and all of it is within the window of activities.
pub fn versioned_acts(len: usize) -> impl Strategy<Value = Vec<Act>> {
    let said = said(Just(None).boxed(), &GROUPS[..2])
        .prop_filter("rates come first", |(kind, _)| *kind != Kind::Rate)
        .prop_map(|(kind, body)| (kind, rated_alike(&body)));
    versioned(prop::collection::vec(said, 1..len)).prop_map(behind_rates)
}

fn behind_rates(acts: Vec<Act>) -> Vec<Act> {
    let rates = first_rates().into_iter().map(|body| Act::of(Kind::Rate, body));
    rates.chain(acts).collect()
}

/// The same events of sales, orders and refunds in two orders of arrival, behind rates and behind
/// sales that make the same names and words known.
pub fn in_two_orders(len: usize) -> impl Strategy<Value = [Vec<Act>; 2]> {
    let bought = bought(Just(None).boxed(), &GROUPS[..2]);
    let bought = bought.prop_map(|(kind, body)| (kind, rated_alike(&reconciled(&body))));
    versioned(prop::collection::vec(bought, 1..len))
        .prop_flat_map(|acts| (Just(acts.clone()), Just(acts).prop_shuffle()))
        .prop_map(|(one, other)| {
            let first = first_sales();
            [one, other].map(|acts| {
                let first = first.iter().map(|body| Act::of(Kind::Transaction, body.clone()));
                behind_rates(first.chain(acts).collect())
            })
        })
}

/// The same statements, each at a version of its own.
fn versioned(said: impl Strategy<Value = Vec<(Kind, String)>>) -> impl Strategy<Value = Vec<Act>> {
    said.prop_flat_map(|said| {
        let date = |n| json!(format!("2026-11-{:02}T{:02}:00:00Z", 1 + n / 24, n % 24));
        let versions: Vec<Value> = (0..said.len()).map(date).collect();
        (Just(said), Just(versions).prop_shuffle()).prop_map(|(said, versions)| {
            let with_version = said.into_iter().zip(versions).map(|((kind, body), version)| {
                Act::of(kind, at_version(kind, &body, Some(version)))
            });
            with_version.collect()
        })
    })
}

fn without(body: &str, key: &str) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(body).unwrap();
    members.remove(key);
    Value::Object(members).to_string()
}

/// The same statement at another version, or at none.
fn at_version(kind: Kind, body: &str, version: Option<Value>) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(body) else {
        return body.to_owned();
    };
    let key = match kind {
        Kind::Product => "lastUpdated",
        Kind::OrderStatus if version.is_none() => return body.to_owned(),
        Kind::OrderStatus => "at",
        _ => "updatedAt",
    };
    members.remove(key);
    members.extend(version.map(|version| (key.to_owned(), version)));
    Value::Object(members).to_string()
}

fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0), 6 => Just(1_000), 3 => select(&GAPS_MS[..])]
}

fn replays() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![6 => Just(None), 1 => (1..12_u64).prop_map(Some)]
}

fn version() -> impl Strategy<Value = Value> {
    (1..5).prop_map(|day| json!(format!("2026-11-0{day}")))
}
