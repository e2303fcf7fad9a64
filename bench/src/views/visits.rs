//! The figures of visitors, ratings and customers over time, as SQL.

use super::sql::{COUNT, Figure, MONEY, Scale, Sql, each, whole};

/// The values of a column that come most often in a source, and how often.
fn most(column: &str, from: &str, limit: &str) -> String {
    format!(
        "SELECT {column} AS name, count() AS c FROM {from} GROUP BY name ORDER BY c DESC, name LIMIT \
         {limit}"
    )
}

pub(super) fn behaviour(sql: &Sql<'_>) -> Vec<Figure> {
    const PART: &[(&str, Scale)] = &[("count", COUNT)];
    let from = format!("activities WHERE {}", sql.within("at"));
    let most = |column: &str| most(column, &from, sql.limit("10"));
    vec![
        whole(format!("SELECT '', count() FROM {from}"), "", &[("totalActivities", COUNT)]),
        each(sql.trend("count()", "at", &from), "/trends", "_id", PART),
        each(most("type"), "/byType", "_id", PART),
        each(most("device"), "/byDevice", "_id", PART),
        each(most("page"), "/byPage", "_id", PART),
        each(most("country"), "/byCountry", "_id", PART),
        each(most("user_id"), "/topUsers", "userId", PART),
    ]
}

pub(super) fn actives(sql: &Sql<'_>) -> Vec<Figure> {
    let (from, to) = (sql.day("startDate", 0), sql.day("endDate", 1));
    let since = |days: i64| sql.day("endDate", 1 - days);
    let active = |since: &str| format!("uniqExactIf(user_id, at >= {since})");
    let figures = [
        active(&format!("{to} - INTERVAL 15 MINUTE")),
        active(&since(1)),
        active(&since(7)),
        active(&since(30)),
        active(&from),
    ];
    let totals = format!(
        "SELECT '', {} FROM activities WHERE at >= least({from}, {}) AND at < {to}",
        figures.join(", "),
        since(30)
    );
    let (visits, debuts) = (
        format!("activities WHERE {}", sql.within("at")),
        format!("customers WHERE {}", sql.within("first_visit")),
    );
    vec![
        whole(
            totals,
            "",
            &[
                ("now", COUNT),
                ("daily", COUNT),
                ("weekly", COUNT),
                ("monthly", COUNT),
                ("active", COUNT),
            ],
        ),
        whole(format!("SELECT '', count() FROM {debuts}"), "", &[("new", COUNT)]),
        each(
            sql.trend("uniqExact(user_id)", "at", &visits),
            "/trends",
            "_id",
            &[("active", COUNT)],
        ),
        each(
            sql.trend("count()", "assumeNotNull(first_visit)", &debuts),
            "/trends",
            "_id",
            &[("new", COUNT)],
        ),
    ]
}

pub(super) fn sessions(sql: &Sql<'_>) -> Vec<Figure> {
    const PART: &[(&str, Scale)] = &[("sessions", COUNT)];
    let (from, to) = (sql.day("startDate", 0), sql.day("endDate", 1));
    // Those that began in the range: their activities are within minutes of each other.
    let sessions = format!(
        "(SELECT session_id, min(at) AS first, count() AS n, argMin(device, at) AS device, argMin(page, \
         at) AS page, argMin(country, at) AS country FROM activities WHERE at >= {from} - INTERVAL 30 \
         MINUTE AND at < {to} + INTERVAL 30 MINUTE AND session_id != '' GROUP BY session_id HAVING {})",
        sql.within("first")
    );
    let most = |column: &str| most(column, &sessions, sql.limit("10"));
    vec![
        whole(
            format!("SELECT '', count(), countIf(n = 1) FROM {sessions}"),
            "",
            &[("sessions", COUNT), ("bounces", COUNT)],
        ),
        each(sql.trend("count()", "first", &sessions), "/trends", "_id", PART),
        each(most("device"), "/byDevice", "_id", PART),
        each(most("page"), "/byEntryPage", "_id", PART),
        each(most("country"), "/byCountry", "_id", PART),
    ]
}

pub(super) fn feedback(sql: &Sql<'_>) -> Vec<Figure> {
    let from = format!("ratings WHERE {}", sql.within("at"));
    let average = format!(
        "SELECT '', if(count() = 0, 0, toInt64(round(sum(stars) * 10000 / count()))) FROM {from}"
    );
    let average = whole(average, "", &[("averageRating", MONEY)]);
    vec![
        whole(format!("SELECT '', count() FROM {from}"), "", &[("totalRatings", COUNT)]),
        Figure { tolerance: 1, ..average },
        each(sql.trend("count()", "at", &from), "/trends", "_id", &[("count", COUNT)]),
        each(
            format!("SELECT toString(stars) AS name, count() FROM {from} GROUP BY name"),
            "/distribution",
            "rating",
            &[("count", COUNT)],
        ),
        each(
            most("product_id", &from, sql.limit("10")),
            "/byProduct",
            "productId",
            &[("count", COUNT)],
        ),
    ]
}

pub(super) fn retention(sql: &Sql<'_>) -> Vec<Figure> {
    let period = sql.get("period", "month");
    let (cohort, bought) = (sql.period(period, "first"), sql.period(period, "at"));
    let number = match period {
        "week" => format!("intDiv(dateDiff('day', {cohort}, {bought}), 7)"),
        _ => format!("dateDiff('month', {cohort}, {bought})"),
    };
    let firsts = format!(
        "(SELECT user_id, min(at) AS first FROM orders WHERE status = 'completed' GROUP BY user_id HAVING \
         {})",
        sql.within("first")
    );
    let cohorts = format!(
        "SELECT {}, * EXCEPT k FROM (SELECT {cohort} AS k, uniqExact(user_id), uniqExactIf((user_id, \
         {number}), {number} <= {}) FROM orders INNER JOIN {firsts} AS firsts USING user_id WHERE status = \
         'completed' GROUP BY k)",
        Sql::name(period),
        sql.get("periods", "12"),
    );
    vec![each(cohorts, "/cohorts", "_id", &[("customers", COUNT), ("retained", COUNT)])]
}

pub(super) fn segments(sql: &Sql<'_>) -> Vec<Figure> {
    let (end, zone, day) = (sql.day("asOf", 1), sql.zone(), sql.get("asOf", ""));
    let score =
        |order: &str| format!("intDiv((rank() OVER (ORDER BY {order}) - 1) * 5, of_all) + 1");
    let buyers = format!(
        "SELECT user_id, maxIf(at, status = 'completed') AS last, count() AS orders, sum(amount) AS sold \
         FROM orders WHERE at < {end} AND status IN ('completed', 'returned') GROUP BY user_id HAVING \
         countIf(status = 'completed') > 0"
    );
    let back = format!(
        "SELECT user_id, sum(amount) AS back FROM returns WHERE at < {end} GROUP BY user_id"
    );
    let each_buyer = format!(
        "SELECT dateDiff('day', toDate(toTimeZone(last, '{zone}')), toDate('{day}')) AS days, orders, sold - \
         back AS net, count() OVER () AS of_all FROM ({buyers}) AS buyers LEFT JOIN ({back}) AS backs USING \
         user_id"
    );
    let scored = format!(
        "SELECT orders, net, {} AS r, {} AS f, {} AS m, intDiv(f + m + 1, 2) AS w FROM ({each_buyer})",
        score("days DESC"),
        score("orders"),
        score("net"),
    );
    let segment = "multiIf((r >= 4 AND w >= 5) OR (r >= 5 AND w = 4), 'champions', r >= 3 AND w >= 4, \
                   'loyal', r >= 4 AND w >= 2, 'potential-loyalists', r >= 4, 'new', r = 3 AND w >= 2, \
                   'need-attention', r = 3, 'about-to-sleep', r = 1 AND w >= 5, 'cannot-lose', w >= 3, \
                   'at-risk', 'hibernating')";
    vec![each(
        format!(
            "SELECT {segment} AS name, count(), sum(orders), sum(net) FROM ({scored}) GROUP BY name"
        ),
        "/segments",
        "segment",
        &[("customers", COUNT), ("orders", COUNT), ("netSales", MONEY)],
    )]
}
