//! The parts of a question to a view as SQL, over the tables of [`facts`](super::facts): each figure of an
//! answer is a query whose rows have a label and whole numbers.

use chrono::NaiveDate;

use super::question::Question;

/// What a number of our answer is multiplied by to be the whole number of a column.
pub type Scale = f64;
/// A count.
pub const COUNT: Scale = 1.0;
/// Money, and averages.
pub const MONEY: Scale = 10_000.0;
/// Quantities.
pub const UNITS: Scale = 1_000.0;

/// A query, and where its rows stand in our answer.
#[derive(Debug)]
pub struct Figure {
    /// Its first column is the label, the others are whole numbers.
    pub sql: String,
    /// The list of the answer, or the object, by a JSON pointer.
    pub at: &'static str,
    /// The member that is the label of an entry of a list; of an object there is none.
    pub label: Option<&'static str>,
    /// The members that are the numbers. One that is a list counts as its sum.
    pub members: &'static [(&'static str, Scale)],
    /// What the last digit may differ by, of averages.
    pub tolerance: i64,
}

/// One question as SQL.
pub struct Sql<'q> {
    question: &'q Question,
    /// The present time, in milliseconds since 1970.
    pub(super) now: i64,
}

impl<'q> Sql<'q> {
    /// A question that is asked at a time.
    #[must_use]
    pub fn of(question: &'q Question, now: i64) -> Self {
        Sql { question, now }
    }

    /// A parameter, or what stands for it.
    pub(super) fn get(&self, name: &str, otherwise: &'q str) -> &'q str {
        self.question.get(name).unwrap_or(otherwise)
    }

    pub(super) fn zone(&self) -> &'q str {
        self.get("tz", "UTC")
    }

    /// The length of lists.
    pub(super) fn limit(&self, otherwise: &'q str) -> &'q str {
        self.get("limit", otherwise)
    }

    /// The first instant of a day, so many days after the one that a parameter names.
    pub(super) fn day(&self, name: &str, days: i64) -> String {
        let day: NaiveDate = self.get(name, "").parse().unwrap_or_default();
        let day = day + chrono::TimeDelta::days(days);
        format!("toDateTime64('{day} 00:00:00', 3, '{}')", self.zone())
    }

    /// Whether a column lies in the range.
    pub(super) fn within(&self, column: &str) -> String {
        let (from, to) = (self.day("startDate", 0), self.day("endDate", 1));
        format!("{column} >= {from} AND {column} < {to}")
    }

    /// The period that a column lies in, as a number or a day.
    pub(super) fn period(&self, period: &str, column: &str) -> String {
        let local = format!("toTimeZone({column}, '{}')", self.zone());
        match period {
            "hour" => format!("intDiv(toUnixTimestamp({local}) + timezoneOffset({local}), 3600)"),
            "week" => format!("toMonday({local})"),
            "month" => format!("toStartOfMonth({local})"),
            "quarter" => format!("toStartOfQuarter({local})"),
            "year" => format!("toStartOfYear({local})"),
            _ => format!("toDate({local})"),
        }
    }

    /// The name of a period `k`.
    pub(super) fn name(period: &str) -> &'static str {
        match period {
            "hour" => "formatDateTime(toDateTime(k * 3600, 'UTC'), '%Y-%m-%d %H:00')",
            "week" => "formatDateTime(k, '%G-W%V')",
            "month" => "formatDateTime(k, '%Y-%m')",
            "quarter" => "concat(toString(toYear(k)), '-Q', toString(toQuarter(k)))",
            "year" => "toString(toYear(k))",
            _ => "toString(k)",
        }
    }

    /// Some aggregates of a source by period of its column.
    pub(super) fn trend(&self, aggregates: &str, column: &str, from: &str) -> String {
        let period = self.get("period", "day");
        self.trend_by(period, aggregates, column, from)
    }

    /// The same by another period.
    pub(super) fn trend_by(
        &self,
        period: &str,
        aggregates: &str,
        column: &str,
        from: &str,
    ) -> String {
        let (key, name) = (self.period(period, column), Sql::name(period));
        format!(
            "SELECT {name}, * EXCEPT k FROM (SELECT {key} AS k, {aggregates} FROM {from} GROUP BY k \
             ORDER BY k)"
        )
    }

    fn statuses(&self) -> String {
        match self.get("status", "sold") {
            "sold" => "status IN ('completed', 'returned')".to_owned(),
            "all" => "1".to_owned(),
            one => format!("status = '{one}'"),
        }
    }

    /// The time that returns are counted at.
    pub(super) fn back_at(&self) -> &'static str {
        if self.get("basis", "processed") == "order" { "order_at" } else { "at" }
    }

    /// The orders or lines that are counted.
    pub(super) fn sold(&self, table: &str, within: impl Fn(&str) -> String) -> String {
        format!("{table} WHERE {} AND {}", within("at"), self.statuses())
    }

    /// The same, and what came back with the sign turned, each named by a column: the time `t`, whether
    /// it is sold `n`, what it comes to `net`, `units`, `user_id` and `order_id`.
    pub(super) fn moved(&self, table: &str, by: &str, within: impl Fn(&str) -> String) -> String {
        let sold = format!(
            "SELECT at AS t, 1 AS n, amount AS net, quantity AS units, user_id, order_id, {by} AS name \
             FROM {}",
            self.sold(table, &within)
        );
        if self.get("status", "sold") != "sold" {
            return format!("({sold})");
        }
        let at = self.back_at();
        let within = within(at);
        format!(
            "({sold} UNION ALL SELECT {at} AS t, 0 AS n, -amount AS net, 0 AS units, user_id, order_id, \
             {by} AS name FROM returns WHERE {within})"
        )
    }
}

fn figure(
    sql: String,
    at: &'static str,
    label: Option<&'static str>,
    members: &'static [(&'static str, Scale)],
) -> Figure {
    Figure { sql, at, label, members, tolerance: 0 }
}

/// Numbers of an object of the answer.
pub(super) fn whole(
    sql: String,
    at: &'static str,
    members: &'static [(&'static str, Scale)],
) -> Figure {
    figure(sql, at, None, members)
}

/// Numbers of each entry of a list, by its label.
pub(super) fn each(
    sql: String,
    at: &'static str,
    label: &'static str,
    members: &'static [(&'static str, Scale)],
) -> Figure {
    figure(sql, at, Some(label), members)
}
