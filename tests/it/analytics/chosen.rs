//! Rankings of the products of a category and of the customers of a country, in every order and page by
//! page: those of all with the others left out, and the file's.

use std::collections::{BTreeMap, BTreeSet};

use adaptive_bi::app::App;
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::figures::{amount, count, day};
use super::rankings::{ask, customers, newcomers_by};
use super::sold::{Line, Sold, Sums};
use crate::harness::Shop;

const ZONE: &str = "America/St_Johns";
/// A year, some weeks with a change of the clock, a day, and nothing.
const RANGES: [(&str, &str); 4] = [
    ("2010-12-01", "2011-12-09"),
    ("2011-09-28", "2011-11-08"),
    ("2011-11-14", "2011-11-14"),
    ("2009-01-01", "2009-01-31"),
];
const SORTS: [&str; 5] = ["netSales", "orders", "units", "name", "-name"];
/// The largest, ordinary ones, those of which there are few, and one that is not known.
const COUNTRIES: [&str; 5] = ["United Kingdom", "France", "Iceland", "(none)", "Atlantis"];

/// A kind of ranking.
struct Kind {
    path: &'static str,
    list: &'static str,
    id: &'static str,
    name: &'static str,
    /// The member that has net sales, and that of the number of orders.
    members: [&'static str; 2],
    filter: &'static str,
    by: fn(&Line) -> &str,
}

impl Kind {
    fn id_of<'v>(&self, row: &'v Value) -> &'v str {
        row[self.id].as_str().expect("an id")
    }
}

const PRODUCTS: Kind = Kind {
    path: "/api/metrics/products",
    list: "topSellingProducts",
    id: "productId",
    name: "name",
    members: ["netSales", "orders"],
    filter: "category",
    by: |line| line.product.as_str(),
};
const CUSTOMERS: Kind = Kind {
    path: "/api/metrics/customers",
    list: "topSpendingCustomers",
    id: "userId",
    name: "username",
    members: ["totalSpend", "orderCount"],
    filter: "country",
    by: |line| line.user.as_str(),
};

pub async fn assert_all(shop: &Shop, app: &App, sold: &Sold) {
    let categories: BTreeMap<String, String> =
        sold.lines().map(|line| (line.product.clone(), line.category.clone())).collect();
    let words: BTreeSet<&str> = categories.values().map(String::as_str).collect();
    let countries = Sold::countries();
    for range in RANGES {
        let of = |product: &str| categories[product].as_str();
        let words = words.iter().copied().chain(["Atlantis"]).collect::<Vec<_>>();
        rankings(shop, app, (&PRODUCTS, range), sold, &words, of).await;
        let of = |user: &str| countries.get(user).map_or("(none)", String::as_str);
        rankings(shop, app, (&CUSTOMERS, range), sold, &COUNTRIES, of).await;
        for country in COUNTRIES {
            known(shop, app, range, sold, (country, of)).await;
        }
    }
    numbers(shop, app, &categories).await;
    one(shop, app).await;
}

/// The rankings in every order, of all and of each word.
async fn rankings<'a>(
    shop: &Shop,
    app: &App,
    (kind, (first, last)): (&Kind, (&str, &str)),
    sold: &Sold,
    words: &[&str],
    of: impl Fn(&str) -> &'a str,
) {
    let zone = ZONE.parse::<Tz>().expect("a zone");
    let local = sold.local(zone).within((day(first), day(last)), |_| true);
    let sums = local.sums(|line, _| (kind.by)(line));
    let asked = format!("{}?startDate={first}&endDate={last}&tz={ZONE}", kind.path);
    // Of a year, where lists are long, two orders are enough.
    let sorts = if first == RANGES[0].0 { &["netSales", "name"][..] } else { &SORTS };
    for sort in sorts.iter().copied() {
        let all = pages(shop, app, kind, &format!("{asked}&sort={sort}"), 100).await;
        in_order(kind, &all, sort, &sums);
        let mut rows = 0;
        for word in words {
            let path = format!("{asked}&sort={sort}&{}={}", kind.filter, escaped(word));
            let some = pages(shop, app, kind, &path, 100).await;
            let expected = all.iter().filter(|row| of(kind.id_of(row)) == *word);
            assert!(some.iter().eq(expected), "{path}");
            // Pages of another length have the same, ties too.
            if sort == "orders" && some.len() < 60 {
                assert_eq!(pages(shop, app, kind, &path, 7).await, some, "{path}");
            }
            rows += some.len();
        }
        // Of products every category is asked for.
        assert!(kind.filter != "category" || rows == all.len(), "{asked} by {sort}");
    }
}

/// The rows of all pages.
async fn pages(shop: &Shop, app: &App, kind: &Kind, path: &str, limit: usize) -> Vec<Value> {
    let mut rows = Vec::new();
    for page in 1.. {
        let path = format!("{path}&limit={limit}&page={page}");
        let found = ask(shop, app, &path).await;
        let some = found[kind.list].as_array().unwrap_or_else(|| panic!("{path}: {found}"));
        assert!(some.len() <= limit, "{path}");
        rows.extend(some.iter().cloned());
        let has_more = found["pagination"]["hasMore"].as_bool();
        assert!(has_more == Some(false) || some.len() == limit, "{path}: {found}");
        if has_more == Some(false) {
            break;
        }
    }
    rows
}

fn escaped(word: &str) -> String {
    word.replace('&', "%26").replace(' ', "%20")
}

/// The rows are those of the file that have some of what is ranked, in order, with the file's sums.
fn in_order(kind: &Kind, rows: &[Value], sort: &str, sums: &BTreeMap<&str, Sums<'_>>) {
    let value = |id: &str| match sort {
        "netSales" => sums[id].net(),
        "orders" => count(&sums[id].orders),
        _ => sums[id].quantity,
    };
    let ids: Vec<&str> = rows.iter().map(|row| kind.id_of(row)).collect();
    let mut expected: Vec<&str> = sums.keys().copied().filter(|&id| value(id) > 0).collect();
    if sort.ends_with("name") {
        let mut found = ids.clone();
        found.sort_unstable();
        assert_eq!(found, expected, "{} by {sort}", kind.path);
        let name = |row: &&Value| row[kind.name].as_str().map(str::to_lowercase);
        let mut names: Vec<_> =
            rows.iter().map(|row| (name(&row), row[kind.id].as_str())).collect();
        let nameless = names.split_off(names.partition_point(|(name, _)| name.is_some()));
        assert!(nameless.iter().all(|(name, _)| name.is_none()) && nameless.is_sorted());
        if sort == "-name" {
            names.reverse();
        }
        assert!(names.is_sorted(), "{} by {sort}", kind.path);
    } else {
        expected.sort_by(|&a, &b| value(b).cmp(&value(a)).then_with(|| a.cmp(b)));
        assert_eq!(ids, expected, "{} by {sort}", kind.path);
    }
    for (row, id) in rows.iter().zip(ids) {
        let [net, orders] = kind.members;
        assert_eq!(row[net].as_f64(), Some(amount(sums[id].net())), "{row}");
        assert_eq!(row[orders], count(&sums[id].orders), "{row}");
    }
}

/// The customers of a country who became known in the range.
async fn known<'a>(
    shop: &Shop,
    app: &App,
    (first, last): (&str, &str),
    sold: &Sold,
    (country, of): (&str, impl Fn(&str) -> &'a str),
) {
    let all = sold.known(ZONE.parse::<Tz>().expect("a zone"));
    let known = all.within((day(first), day(last))).that(|user| of(user) == country);
    let asked = format!("startDate={first}&endDate={last}&tz={ZONE}&country={}", escaped(country));
    for period in ["day", "month"] {
        let path = format!("{}?{asked}&period={period}", CUSTOMERS.path);
        let found = ask(shop, app, &path).await;
        customers(&found, &known, &path);
        newcomers_by(&found["newCustomersTrend"], &known, period, &path);
        let buyers = pages(shop, app, &CUSTOMERS, &format!("{path}&sort=units"), 100).await;
        assert_eq!(found["buyers"], buyers.len(), "{path}");
    }
}

/// The numbers of products by category come to that of all.
async fn numbers(shop: &Shop, app: &App, categories: &BTreeMap<String, String>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for category in categories.values() {
        *counts.entry(category).or_default() += 1;
    }
    for (category, number) in counts {
        let path = format!("{}?category={}", PRODUCTS.path, escaped(category));
        assert_eq!(ask(shop, app, &path).await["totalProducts"], number, "{path}");
    }
    let path = format!("{}?category=(none)", PRODUCTS.path);
    let none = ask(shop, app, &path).await;
    assert_eq!((&none["totalProducts"], &none["topSellingProducts"]), (&json!(0), &json!([])));
}

/// One product and one customer are the only ones of their rankings.
async fn one(shop: &Shop, app: &App) {
    for (kind, id) in [(&PRODUCTS, "85123A"), (&CUSTOMERS, "14911")] {
        let path = format!("{}?{}={id}&sort=name", kind.path, kind.id);
        let found = ask(shop, app, &path).await;
        let rows = found[kind.list].as_array().expect("a list");
        assert_eq!((rows.len(), rows[0][kind.id].as_str()), (1, Some(id)), "{path}");
        let path = format!("{path}&{}=Atlantis", kind.filter);
        assert_eq!(ask(shop, app, &path).await[kind.list], json!([]), "{path}");
    }
}
