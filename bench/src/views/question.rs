//! Questions to views: parameters drawn at random from what the API's own description allows, none of
//! them twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use projections::time::Time;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::load::{CUSTOMERS, PRODUCTS};
use crate::year::DAY_MS;

/// Where the views are.
const PREFIX: &str = "/api/metrics/";
/// The tag of the views in the description.
const TAG: &str = "Figures";
/// Zones of all kinds, whose clocks do not change at midnight.
pub const ZONES: [&str; 24] = [
    "UTC",
    "Europe/London",
    "Asia/Kolkata",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Helsinki",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Halifax",
    "America/Sao_Paulo",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Asia/Dubai",
    "Asia/Kathmandu",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Adelaide",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Honolulu",
];
/// Lengths of ranges in days.
const LENGTHS: [i64; 6] = [1, 7, 30, 31, 90, 365];
/// The days that the data has, until today.
const DAYS: i64 = 365;
/// How often another question is drawn before none is left.
const DRAWS: usize = 50;
/// Draws a value.
type Draw = fn(&mut SmallRng) -> String;

/// Values of parameters that one is asked for by, open texts most of them.
const TEXTS: [(&str, Draw); 9] = [
    ("category", |random| format!("Category {}", random.random_range(0..20))),
    ("paymentMethod", |random| one_of(random, &["credit_card", "paypal", "bank_transfer"])),
    ("country", |random| one_of(random, &["United Kingdom", "Germany", "France", "Ireland"])),
    ("productId", |random| format!("P{}", random.random_range(1..=PRODUCTS))),
    ("userId", |random| format!("U{}", random.random_range(1..=CUSTOMERS))),
    ("activityType", |random| one_of(random, &["viewed_product", "searched", "logged_in"])),
    ("device", |random| one_of(random, &["mobile", "desktop", "tablet"])),
    ("pagePath", |random| format!("/products/{}", random.random_range(0..200))),
    ("rating", |random| random.random_range(1..=5).to_string()),
];

/// Words of parameters that go with none of these.
const WITHOUT_TEXTS: [(&str, &str); 2] = [("figure", "grossSales"), ("figure", "discounts")];

fn one_of(random: &mut SmallRng, words: &[&str]) -> String {
    words.choose(random).copied().unwrap_or_default().to_owned()
}

/// A view, and the parameters that it takes.
#[derive(Debug, Clone)]
pub struct View {
    /// Its path.
    pub path: String,
    /// Each with its schema.
    parameters: BTreeMap<String, Value>,
}

impl View {
    /// Its name: the end of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.trim_start_matches(PREFIX)
    }

    /// Every view of the API's description, by name. Those of one thing, which its address names, are
    /// left out.
    #[must_use]
    pub fn all(document: &Value) -> Vec<View> {
        let view = |(path, methods): (&String, &Value)| {
            let operation = &methods["get"];
            let is_view = operation["tags"].as_array()?.contains(&TAG.into());
            if !is_view || !path.starts_with(PREFIX) || path.contains('{') {
                return None;
            }
            let parameters = operation["parameters"].as_array().map(Vec::as_slice);
            let of_query = parameters.unwrap_or_default().iter().filter(|it| it["in"] == "query");
            let named = |it: &Value| Some((it["name"].as_str()?.to_owned(), it["schema"].clone()));
            Some(View { path: path.clone(), parameters: of_query.filter_map(named).collect() })
        };
        document["paths"].as_object().into_iter().flatten().filter_map(view).collect()
    }

    /// The same view, asked with no other parameters than these.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> View {
        let parameters = self.parameters.iter().filter(|(name, _)| names.contains(&name.as_str()));
        let parameters = parameters.map(|(name, schema)| (name.clone(), schema.clone())).collect();
        View { path: self.path.clone(), parameters }
    }
}

/// What one question is asked with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The path of the view.
    pub path: String,
    /// Parameters by name.
    pub parameters: BTreeMap<String, String>,
}

impl Question {
    /// A parameter, if it is asked with one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |(name, value): (&String, &String)| format!("{name}={value}");
        f.write_str(&self.parameters.iter().map(each).collect::<Vec<_>>().join("&"))
    }
}

/// Draws questions.
pub struct Questions {
    random: SmallRng,
    /// The present time, in milliseconds since 1970.
    end: i64,
    asked: BTreeSet<Question>,
}

impl Questions {
    /// Questions about the year before `end`; the same seed gives the same.
    #[must_use]
    pub fn new(seed: u64, end: i64) -> Self {
        Questions { random: SmallRng::seed_from_u64(seed), end, asked: BTreeSet::new() }
    }

    /// A question that was not asked before; none where there is no other.
    pub fn draw(&mut self, view: &View) -> Option<Question> {
        (0..DRAWS).find_map(|_| {
            let question = Question { path: view.path.clone(), parameters: self.parameters(view) };
            self.asked.insert(question.clone()).then_some(question)
        })
    }

    fn parameters(&mut self, view: &View) -> BTreeMap<String, String> {
        let mut drawn = BTreeMap::new();
        for (name, schema) in &view.parameters {
            let value = match name.as_str() {
                "tz" => Some(one_of(&mut self.random, &ZONES)),
                "asOf" => Some(self.day(0..DAYS)),
                // A month.
                "cohort" => Some(self.day(0..DAYS)[..7].to_owned()),
                "startDate" | "endDate" | "rating" => None,
                _ => self.value(schema),
            };
            drawn.extend(value.map(|value| (name.clone(), value)));
        }
        if view.parameters.contains_key("startDate") {
            let last = self.random.random_range(0..DAYS);
            let length = *LENGTHS.choose(&mut self.random).unwrap_or(&1);
            let first = (last + length - 1).min(DAYS);
            drawn.insert("startDate".to_owned(), self.day(first..first + 1));
            drawn.insert("endDate".to_owned(), self.day(last..last + 1));
        }
        // One filter at most, since not every two go together.
        let texts = TEXTS.iter().filter(|(name, _)| view.parameters.contains_key(*name));
        let texts: Vec<_> = texts.collect();
        let is_without = WITHOUT_TEXTS
            .iter()
            .any(|(name, word)| drawn.get(*name).is_some_and(|drawn| drawn == word));
        if !is_without
            && let Some((name, value)) = texts.choose(&mut self.random)
            && self.random.random_bool(0.5)
        {
            drawn.insert((*name).to_owned(), value(&mut self.random));
        }
        drawn
    }

    /// A day so many days back.
    fn day(&mut self, back: std::ops::Range<i64>) -> String {
        let back = self.random.random_range(back);
        Time(self.end - back * DAY_MS).to_rfc3339()[..10].to_owned()
    }

    /// A word of a closed list or none, or a whole number; nothing for an open text.
    fn value(&mut self, schema: &Value) -> Option<String> {
        if let Some(words) = schema["enum"].as_array() {
            let word = words.choose(&mut self.random)?.as_str()?;
            return self.random.random_bool(0.7).then(|| word.to_owned());
        }
        let (least, most) = (schema["minimum"].as_i64()?, schema["maximum"].as_i64()?);
        // Of a million pages the first have something.
        let most = if most > 1_000 { least + 2 } else { most };
        Some(self.random.random_range(least..=most).to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        let parameter =
            |name: &str, schema: Value| json!({ "in": "query", "name": name, "schema": schema });
        let operation = json!({ "tags": ["Figures"], "parameters": [
            parameter("startDate", json!({})),
            parameter("endDate", json!({})),
            parameter("limit", json!({ "minimum": 1, "maximum": 3 })),
            parameter("userId", json!({ "type": "string" })),
            parameter("category", json!({ "type": "string" })),
            parameter("figure", json!({ "type": "string", "enum": ["netSales", "discounts"] })),
        ] });
        let other = json!({ "tags": ["Service"] });
        json!({ "paths": {
            "/api/metrics/sales": { "get": operation },
            "/api/metrics/one/{id}": { "get": operation },
            "/api/metrics/performance": { "get": other },
        } })
    }

    #[test]
    fn no_question_is_drawn_twice_and_none_has_filters_that_do_not_go_together() {
        let views = View::all(&document());
        assert_eq!(views.iter().map(View::name).collect::<Vec<_>>(), ["sales"]);
        let mut questions = Questions::new(1, 1_700_000_000_000);
        let drawn: Vec<_> = (0..300).map_while(|_| questions.draw(&views[0])).collect();
        assert_eq!((drawn.len(), drawn.iter().collect::<BTreeSet<_>>().len()), (300, 300));
        for question in drawn {
            let (first, last) =
                (question.get("startDate").unwrap(), question.get("endDate").unwrap());
            assert!(first <= last, "{question:?}");
            let texts =
                ["userId", "category"].map(|name| usize::from(question.get(name).is_some()));
            let most = usize::from(question.get("figure") != Some("discounts"));
            assert!(texts.iter().sum::<usize>() <= most, "{question:?}");
        }
        let limits = views[0].only(&["limit"]);
        let drawn = (0..300).map_while(|_| questions.draw(&limits)).count();
        assert_eq!(drawn, 3);
    }
}
