//! The figures of sales and of customers who buy, as SQL.

use super::sql::{COUNT, Figure, MONEY, Scale, Sql, UNITS, each, whole};

const QUARTER_MS: i64 = 15 * 60_000;
const MINUTE_MS: i64 = 60_000;
/// Distinct customers with an order.
const USERS: &str = "uniqExactIf(user_id, n = 1)";

pub(super) fn sales(sql: &Sql<'_>) -> Vec<Figure> {
    let within = |column: &str| sql.within(column);
    let (orders, back) = (sql.sold("orders", within), sql.within(sql.back_at()));
    let moved = sql.moved("orders", "''", within);
    let totals = "sum(amount + discount), sum(discount), count(), uniqExact(user_id)";
    vec![
        whole(
            format!("SELECT '', {totals} FROM {orders}"),
            "",
            &[
                ("grossSales", MONEY),
                ("discounts", MONEY),
                ("totalOrders", COUNT),
                ("uniqueCustomers", COUNT),
            ],
        ),
        whole(
            format!("SELECT '', sum(amount) FROM returns WHERE {back}"),
            "",
            &[("returnedAmount", MONEY)],
        ),
        each(
            sql.trend("sum(net), sum(n)", "t", &moved),
            "/salesTrend",
            "_id",
            &[("dailyRevenue", MONEY), ("dailyOrders", COUNT)],
        ),
    ]
}

pub(super) fn transactions(sql: &Sql<'_>) -> Vec<Figure> {
    let moved = sql.moved("orders", "''", |column| sql.within(column));
    let aggregates = format!("sum(n), sum(net), {USERS}");
    vec![
        whole(
            format!("SELECT '', {aggregates} FROM {moved}"),
            "/summary",
            &[("totalTransactions", COUNT), ("totalRevenue", MONEY), ("uniqueUserCount", COUNT)],
        ),
        each(
            format!("{} LIMIT 100", sql.trend(&aggregates, "t", &moved)),
            "/metrics",
            "_id",
            &[("count", COUNT), ("totalAmount", MONEY), ("uniqueUserCount", COUNT)],
        ),
    ]
}

pub(super) fn revenue(sql: &Sql<'_>) -> Vec<Figure> {
    const PART: &[(&str, Scale)] =
        &[("revenue", MONEY), ("transactions", COUNT), ("quantity", UNITS)];
    let within = |column: &str| sql.within(column);
    let by = |table: &str, by: &str, orders: &str| {
        let moved = sql.moved(table, by, within);
        format!("SELECT name, sum(net), {orders}, sum(units) FROM {moved} GROUP BY name")
    };
    let trend =
        sql.trend("sum(net), sum(n), -sumIf(net, n = 0)", "t", &sql.moved("orders", "''", within));
    vec![
        each(
            trend,
            "/trends",
            "_id",
            &[("revenue", MONEY), ("transactions", COUNT), ("returns", MONEY)],
        ),
        each(by("lines", "category", "uniqExactIf(order_id, n = 1)"), "/byCategory", "_id", PART),
        each(by("orders", "payment", "sum(n)"), "/byPaymentMethod", "_id", PART),
        each(by("orders", "country", "sum(n)"), "/byCountry", "_id", PART),
    ]
}

/// Customers by the time at which they became known.
fn newcomers(sql: &Sql<'_>) -> String {
    let known = format!("customers WHERE {}", sql.within("since"));
    sql.trend("count()", "since", &known)
}

pub(super) fn users(sql: &Sql<'_>) -> Vec<Figure> {
    let moved = sql.moved("orders", "''", |column| sql.within(column));
    let average = format!(
        "SELECT '', if(u = 0, 0, toInt64(round(s / u))) FROM (SELECT sum(net) AS s, {USERS} AS u FROM \
         {moved})"
    );
    let average = whole(average, "/activity", &[("avgSpendPerUser", MONEY)]);
    vec![
        whole(
            format!("SELECT '', {USERS} FROM {moved}"),
            "/activity",
            &[("totalActiveUsers", COUNT)],
        ),
        Figure { tolerance: 1, ..average },
        each(newcomers(sql), "/newUsers", "_id", &[("newUsers", COUNT)]),
    ]
}

pub(super) fn products(sql: &Sql<'_>) -> Vec<Figure> {
    let (limit, lines) = (sql.limit("5"), sql.sold("lines", |column| sql.within(column)));
    let top = format!(
        "SELECT product_id, sum(quantity) AS units FROM {lines} GROUP BY product_id HAVING units > 0 \
         ORDER BY units DESC, product_id LIMIT {limit}"
    );
    let low = format!(
        "SELECT product_id, stock FROM products WHERE stock < 20000 ORDER BY stock, product_id LIMIT {limit}"
    );
    vec![
        whole("SELECT '', count() FROM products".to_owned(), "", &[("totalProducts", COUNT)]),
        each(top, "/topSellingProducts", "productId", &[("totalQuantitySold", UNITS)]),
        each(low, "/productsLowInStock", "productId", &[("stock", UNITS)]),
    ]
}

pub(super) fn customers(sql: &Sql<'_>) -> Vec<Figure> {
    let within = |column: &str| sql.within(column);
    let (limit, orders) = (sql.limit("5"), sql.sold("orders", within));
    let top = format!(
        "SELECT user_id, sum(net) AS s, sum(n) FROM {} GROUP BY user_id HAVING s > 0 ORDER BY s DESC, \
         user_id LIMIT {limit}",
        sql.moved("orders", "''", within)
    );
    let known = format!("SELECT '', count() FROM customers WHERE {}", sql.within("since"));
    vec![
        whole(known, "", &[("totalCustomers", COUNT)]),
        whole(format!("SELECT '', uniqExact(user_id) FROM {orders}"), "", &[("buyers", COUNT)]),
        each(
            top,
            "/topSpendingCustomers",
            "userId",
            &[("totalSpend", MONEY), ("orderCount", COUNT)],
        ),
        each(newcomers(sql), "/newCustomersTrend", "_id", &[("newCustomers", COUNT)]),
    ]
}

fn instant(ms: i64) -> String {
    format!("fromUnixTimestamp64Milli({ms}, 'UTC')")
}

pub(super) fn dashboard(sql: &Sql<'_>) -> Vec<Figure> {
    let end = (sql.now.div_euclid(QUARTER_MS) + 1) * QUARTER_MS;
    let last_day = |column: &str| {
        let (from, to) = (instant(end - 24 * 60 * MINUTE_MS), instant(end));
        format!("{column} >= {from} AND {column} < {to}")
    };
    let last = |days: i64| {
        let (zone, now) = (sql.zone(), instant(sql.now));
        let from = format!(
            "toDateTime64(toDate(toTimeZone({now}, '{zone}')) - {}, 3, '{zone}')",
            days - 1
        );
        move |column: &str| format!("{column} >= {from}")
    };
    let moved = |by: &str, days: i64| sql.moved("orders", by, last(days));
    let categories = format!(
        "SELECT name, sum(net) AS s, uniqExactIf(order_id, n = 1) FROM {} GROUP BY name ORDER BY s DESC, \
         name LIMIT 5",
        sql.moved("lines", "category", last(7))
    );
    vec![
        whole(
            format!(
                "SELECT '', sum(n), sum(net), {USERS} FROM {}",
                sql.moved("orders", "''", last_day)
            ),
            "/realTime",
            &[("transactions24h", COUNT), ("revenue24h", MONEY), ("activeUsers24h", COUNT)],
        ),
        each(
            sql.trend_by("day", &format!("sum(n), sum(net), {USERS}"), "t", &moved("''", 7)),
            "/trends/weekly",
            "_id",
            &[("transactions", COUNT), ("revenue", MONEY), ("uniqueUserCount", COUNT)],
        ),
        each(
            sql.trend_by("month", "sum(n), sum(net)", "t", &moved("''", 30)),
            "/trends/monthly",
            "_id",
            &[("transactions", COUNT), ("revenue", MONEY)],
        ),
        each(categories, "/topCategories", "_id", &[("revenue", MONEY), ("transactions", COUNT)]),
    ]
}

pub(super) fn live(sql: &Sql<'_>) -> Vec<Figure> {
    let first = (sql.now.div_euclid(MINUTE_MS) - 59) * MINUTE_MS;
    let since = |from: i64| move |column: &str| format!("{column} >= {}", instant(from));
    let text = |start: &str| {
        format!("concat(formatDateTime({start}, '%Y-%m-%dT%H:%i:00', 'UTC'), '.000Z') AS name")
    };
    let minutes = format!(
        "SELECT {}, sum(n), sum(net) FROM (SELECT t, n, net FROM {}) GROUP BY name",
        text("toStartOfMinute(t)"),
        sql.moved("orders", "''", since(first))
    );
    let quarters = format!(
        "SELECT {}, uniqExact(user_id) FROM activities WHERE {} GROUP BY name",
        text("toStartOfFifteenMinutes(at)"),
        since(first.div_euclid(QUARTER_MS) * QUARTER_MS)("at")
    );
    vec![
        each(minutes, "/minutes", "_id", &[("orders", COUNT), ("revenue", MONEY)]),
        each(quarters, "/visitors", "_id", &[("active", COUNT)]),
    ]
}
