//! The same questions to us and to `ClickHouse`: whether the figures of the answers agree, and the time that
//! each takes.

use std::collections::BTreeMap;

use adaptive_bi::say;
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::chdb::ClickHouse;
use super::question::{Question, Questions, View};
use super::sql::{Figure, Sql};
use super::{bought, visits};
use crate::ask::Asker;
use crate::latency::Latencies;

/// Views of the present minute are compared where it is the same before and after the question.
const MINUTE_MS: i64 = 60_000;
/// The differences that are shown of a view.
const SHOWN: usize = 3;

/// The parameters of the views that are asked so.
const RANGED: [&str; 4] = ["startDate", "endDate", "tz", "period"];
const SALES: [&str; 6] = ["startDate", "endDate", "tz", "period", "status", "basis"];
const LISTED: [&str; 7] = ["startDate", "endDate", "tz", "period", "status", "basis", "limit"];
const VISITS: [&str; 5] = ["startDate", "endDate", "tz", "period", "limit"];

/// A view that is asked as SQL too.
pub struct Asked {
    /// Its name.
    pub view: &'static str,
    /// The parameters that it is asked with.
    pub parameters: &'static [&'static str],
    /// The figures of an answer.
    pub figures: fn(&Sql<'_>) -> Vec<Figure>,
}

/// The views that are asked as SQL too. The funnel is not: its attempts are a walk through each
/// customer's steps.
pub const ASKED: [Asked; 14] = [
    Asked { view: "sales", parameters: &SALES, figures: bought::sales },
    Asked { view: "transactions", parameters: &SALES, figures: bought::transactions },
    Asked { view: "revenue", parameters: &SALES, figures: bought::revenue },
    Asked { view: "users", parameters: &SALES, figures: bought::users },
    Asked { view: "products", parameters: &LISTED, figures: bought::products },
    Asked { view: "customers", parameters: &LISTED, figures: bought::customers },
    Asked { view: "dashboard", parameters: &["tz"], figures: bought::dashboard },
    Asked { view: "live", parameters: &[], figures: bought::live },
    Asked { view: "behaviour", parameters: &VISITS, figures: visits::behaviour },
    Asked { view: "actives", parameters: &RANGED, figures: visits::actives },
    Asked { view: "sessions", parameters: &VISITS, figures: visits::sessions },
    Asked { view: "feedback", parameters: &VISITS, figures: visits::feedback },
    Asked {
        view: "retention",
        parameters: &["startDate", "endDate", "tz", "period", "periods"],
        figures: visits::retention,
    },
    Asked { view: "segments", parameters: &["asOf", "tz"], figures: visits::segments },
];

/// Numbers by label; rows of zeros are left out, since one of the two may not have them.
type Rows = BTreeMap<String, Vec<i64>>;

/// Asks both, prints a table, and returns it.
///
/// # Errors
/// Fails if one of them does not answer, or the figures of an answer differ.
pub async fn run(
    client: &Asker,
    clickhouse: &mut ClickHouse,
    (views, questions): (&[View], u32),
    end: i64,
) -> anyhow::Result<Value> {
    say!(
        "\nthe same questions to ClickHouse {} (chdb), the time of its queries alone, ms",
        clickhouse.version
    );
    say!(
        "  {:<14} {:>6} {:>10} {:>10} {:>10} {:>10} {:>9} {:>9} {:>10}",
        "",
        "asked",
        "ours p50",
        "p99",
        "its p50",
        "p99",
        "p50 ratio",
        "p99 ratio",
        "compared"
    );
    let (mut rows, mut different) = (Vec::new(), Vec::new());
    for asked in &ASKED {
        let Some(view) = views.iter().find(|view| view.name() == asked.view) else { continue };
        let view = view.only(asked.parameters);
        let mut both = Both::new()?;
        let mut drawn = Questions::new(32, end);
        for question in (0..questions).map_while(|_| drawn.draw(&view)) {
            both.ask(client, clickhouse, asked, &question)
                .await
                .with_context(|| format!("{}?{:?}", question.path, question.parameters))?;
        }
        rows.push(both.shown(asked.view));
        different.extend(both.different.into_iter().take(SHOWN));
    }
    for text in &different {
        say!("  differs: {text}");
    }
    ensure!(different.is_empty(), "the figures differ from those of ClickHouse");
    say!("  all figures agree");
    let asked = |view: &&View| !ASKED.iter().any(|it| it.view == view.name());
    let others: Vec<_> = views.iter().filter(asked).map(View::name).collect();
    say!(
        "  not asked as SQL: {}",
        if others.is_empty() { "none".into() } else { others.join(", ") }
    );
    Ok(json!({ "version": clickhouse.version, "views": rows, "notAsked": others }))
}

/// What both took, and where they differ.
struct Both {
    ours: Latencies,
    its: Latencies,
    different: Vec<String>,
    /// The number of numbers that were compared.
    numbers: usize,
}

impl Both {
    fn new() -> anyhow::Result<Self> {
        Ok(Both {
            ours: Latencies::new()?,
            its: Latencies::new()?,
            different: Vec::new(),
            numbers: 0,
        })
    }

    async fn ask(
        &mut self,
        client: &Asker,
        clickhouse: &mut ClickHouse,
        asked: &Asked,
        question: &Question,
    ) -> anyhow::Result<()> {
        let now = || chrono::Utc::now().timestamp_millis();
        let begun = now();
        let answer = client.get(&question.path, &question.parameters).await?;
        let is_same = now().div_euclid(MINUTE_MS) == begun.div_euclid(MINUTE_MS);
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 200, "{}: {text}", answer.status);
        let found: Value = serde_json::from_slice(&answer.body)?;
        let figures = (asked.figures)(&Sql::of(question, begun));
        let sql: Vec<String> = figures.iter().map(|figure| figure.sql.clone()).collect();
        let its = clickhouse.ask(&sql).await?;
        self.ours.record(answer.took)?;
        self.its.record(its.took())?;
        if !is_same {
            return Ok(());
        }
        for (figure, rows) in figures.iter().zip(&its.rows) {
            let (ours, its) = (ours(figure, &found["data"])?, its_rows(rows)?);
            self.numbers += its.values().map(Vec::len).sum::<usize>();
            if let Some(difference) = difference(&ours, &its, figure.tolerance) {
                let (path, asked) = (&question.path, &question.parameters);
                self.different.push(format!(
                    "{path} {asked:?}: {} {:?}: {difference} by {}",
                    figure.at, figure.members, figure.sql
                ));
            }
        }
        Ok(())
    }

    fn shown(&self, view: &str) -> Value {
        let of = |latencies: &Latencies| [0.5, 0.99].map(|it| latencies.quantile(it));
        let ([ours, ours_99], [its, its_99]) = (of(&self.ours), of(&self.its));
        let (ratio, ratio_99) = (its / ours, its_99 / ours_99);
        say!(
            "  {view:<14} {:>6} {ours:>10.2} {ours_99:>10.2} {its:>10.2} {its_99:>10.2} {ratio:>7.1} x \
             {ratio_99:>7.1} x {:>10}",
            self.ours.count(),
            self.numbers
        );
        json!({
            "view": view, "ours": self.ours.json(), "clickhouse": self.its.json(), "p50Ratio": ratio,
            "p99Ratio": ratio_99, "numbers": self.numbers,
        })
    }
}

/// The numbers of a figure in our answer.
fn ours(figure: &Figure, data: &Value) -> anyhow::Result<Rows> {
    let found = data.pointer(figure.at).with_context(|| format!("{} is not there", figure.at))?;
    let mut rows = Rows::new();
    let mut add = |label: String, entry: &Value| -> anyhow::Result<()> {
        let number = |(name, scale): &(&str, f64)| match &entry[name] {
            Value::Array(list) => Some(list.iter().filter_map(|it| scaled(it, *scale)).sum()),
            one => scaled(one, *scale),
        };
        let numbers: Option<Vec<i64>> = figure.members.iter().map(number).collect();
        let numbers = numbers.with_context(|| format!("{:?} of {entry}", figure.members))?;
        put(&mut rows, label, &numbers);
        Ok(())
    };
    match figure.label {
        None => add(String::new(), found)?,
        Some(label) => {
            for entry in found.as_array().with_context(|| format!("{} is a list", figure.at))? {
                let name = &entry[label];
                add(name.as_str().map_or_else(|| name.to_string(), ToOwned::to_owned), entry)?;
            }
        }
    }
    Ok(rows)
}

#[allow(clippy::cast_possible_truncation)] // as far as figures go
fn scaled(number: &Value, scale: f64) -> Option<i64> {
    Some((number.as_f64()? * scale).round() as i64)
}

/// The numbers of the rows of a query.
fn its_rows(found: &[Vec<Value>]) -> anyhow::Result<Rows> {
    let mut rows = Rows::new();
    for row in found {
        let (label, numbers) = row.split_first().context("a row has a label")?;
        // Whole numbers of 64 bits may be written as texts.
        let number = |it: &Value| it.as_i64().or_else(|| it.as_str()?.parse().ok());
        let numbers: Option<Vec<i64>> = numbers.iter().map(number).collect();
        let numbers = numbers.with_context(|| format!("{row:?} has whole numbers"))?;
        put(&mut rows, label.as_str().unwrap_or_default().to_owned(), &numbers);
    }
    Ok(rows)
}

fn put(rows: &mut Rows, label: String, numbers: &[i64]) {
    if numbers.iter().any(|number| *number != 0) {
        rows.insert(label, numbers.to_vec());
    }
}

/// The first row that differs.
fn difference(ours: &Rows, its: &Rows, tolerance: i64) -> Option<String> {
    let labels = ours.keys().chain(its.keys());
    let differs = |label: &&String| match (ours.get(*label), its.get(*label)) {
        (Some(a), Some(b)) => {
            a.len() != b.len() || a.iter().zip(b).any(|(a, b)| (a - b).abs() > tolerance)
        }
        _ => true,
    };
    let label = labels.into_iter().find(differs)?;
    Some(format!("{label:?} is {:?}, and {:?}", ours.get(label), its.get(label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Rows {
        its_rows(&serde_json::from_str::<Vec<Vec<Value>>>(text).unwrap()).unwrap()
    }

    #[test]
    fn a_row_that_differs_or_is_missing_is_told_and_one_of_zeros_is_none() {
        let its = rows(r#"[["a", 12, "3"], ["b", 0, 0]]"#);
        assert_eq!(difference(&rows(r#"[["a", 12, 3]]"#), &its, 0), None);
        assert_eq!(difference(&rows(r#"[["a", 12, 4]]"#), &its, 1), None);
        for other in [r#"[["a", 12, 4]]"#, r#"[["a", 12]]"#, "[]", r#"[["a", 12, 3], ["c", 1]]"#] {
            assert!(difference(&rows(other), &its, 0).is_some(), "{other}");
        }
    }

    #[test]
    fn our_numbers_are_scaled_and_lists_are_summed() {
        let figure = Figure {
            sql: String::new(),
            at: "/parts",
            label: Some("_id"),
            members: &[("net", 10_000.0), ("each", 1.0)],
            tolerance: 0,
        };
        let data = json!({ "parts": [{ "_id": 5, "net": 1.005, "each": [1, 2] }] });
        assert_eq!(ours(&figure, &data).unwrap(), rows(r#"[["5", 10050, 3]]"#));
        assert!(ours(&figure, &json!({ "parts": [{ "_id": 5 }] })).is_err());
    }
}
