//! Every view against figures that are computed by nothing of the program's, in zones of all kinds.
//!
//! - [`sold`]: what the file of the year says was sold;
//! - [`chosen`]: rankings of the products of a category and of the customers of a country;
//! - [`figures`]: sales, transactions and revenue; [`rankings`]: best sellers, customers, users and
//!   the summary, of ranges of the year; [`recent`]: views of the last days, of a year that ends now;
//! - [`compared`]: the ranges that figures are compared with;
//! - [`visitors`]: what visitors and customers do, [`made`] up; [`explained`]: who each of these figures
//!   counts.

mod chosen;
mod compared;
mod explained;
mod figures;
mod made;
mod rankings;
mod recent;
mod sold;
mod visitors;

use adaptive_bi::app::App;
use adaptive_bi::ingest::file::{self, Source};
use adaptive_bi::ingest::retail::{Options, weeks_until};
use serde_json::json;

use crate::harness::Shop;
use crate::year::text;

/// A shop that has the year, so many weeks later.
async fn shop_of_the_year(shift_weeks: i64) -> (Shop, App) {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let options = Options { shift_weeks, ..Options::default() };
    let source = Source::Retail(Box::new(text()), options);
    let ingested = file::ingest(&shop.log, "GBP", source, 0, |_| {}).await.expect("ingested");
    shop.folded(ingested.position).await;
    (shop, app)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_years_sales_are_the_files_in_every_zone_range_and_period() {
    let sold = sold::Sold::of_the_year();
    let (shop, app) = shop_of_the_year(0).await;
    figures::assert_all(&shop, &app, &sold).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_years_best_sellers_and_customers_are_the_files_in_every_zone_and_range() {
    let sold = sold::Sold::of_the_year();
    let (shop, app) = shop_of_the_year(0).await;
    rankings::assert_all(&shop, &app, &sold).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_years_rankings_of_a_category_or_country_are_those_of_all_without_the_others() {
    let sold = sold::Sold::of_the_year();
    let (shop, app) = shop_of_the_year(0).await;
    chosen::assert_all(&shop, &app, &sold).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_days_of_a_year_that_ends_now_are_the_files() {
    let sold = sold::Sold::of_the_year();
    let weeks = weeks_until(sold.last(), chrono::Utc::now());
    let (shop, app) = shop_of_the_year(weeks).await;
    recent::assert_all(&shop, &app, sold.later(weeks)).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_figures_are_compared_with_is_what_that_range_answers_by_itself() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let position = compared::publish(&shop).await;
    shop.folded(position).await;
    compared::assert_all(&shop, &app).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_visitors_and_customers_do_is_what_brute_force_counts() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (visitors, position) = visitors::Visitors::publish(&shop, &app).await;
    shop.folded(position).await;
    visitors.assert_all(&shop, &app).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customers_of_all_pages_are_those_that_brute_force_finds() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let (visitors, position) = visitors::Visitors::publish(&shop, &app).await;
    shop.folded(position).await;
    explained::assert_all(&visitors, &shop, &app).await;
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_hour_has_what_was_sold_in_it_minute_by_minute() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let now = chrono::Utc::now();
    let at = |minutes: i64| (now - chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let sale = |id: &str, minutes, price| {
        let data = json!({
            "transactionId": id, "userId": "ann", "totalPrice": price, "transactionDate": at(minutes),
        });
        json!({ "kind": "transaction", "data": data }).to_string()
    };
    let refund = json!({ "kind": "refund", "data": {
        "refundId": "r", "transactionId": "a", "amount": 1.5, "at": at(0),
    } });
    let visit = json!({ "kind": "activity", "data": {
        "activityId": "v", "userId": "bob", "activityType": "searched", "timestamp": at(0),
    } });
    let lines = [
        sale("a", 10, "4.00"),
        sale("b", 10, "5.00"),
        sale("c", 90, "7.00"),
        refund.to_string(),
        visit.to_string(),
    ];
    let answer = shop.post(&app, "/api/events", lines.join("\n")).await;
    shop.folded(answer.body["data"]["position"].as_u64().expect("a position")).await;
    let live = shop.get(&app, "/api/metrics/live").await.body["data"].clone();
    assert_eq!((&live["orders"], live["revenue"].as_f64()), (&json!(2), Some(7.5)), "{live}");
    let minutes = live["minutes"].as_array().expect("minutes");
    let of_ten = minutes.iter().find(|it| it["orders"] == 2).expect("one");
    assert_eq!((minutes.len(), of_ten["revenue"].as_f64()), (60, Some(9.0)));
    let visitors = live["visitors"].as_array().expect("quarter hours");
    assert_eq!(visitors.iter().filter(|it| it["active"] == 1).count(), 1, "{live}");
    app.stop().await.expect("stopped");
}
