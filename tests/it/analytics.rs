//! Every view of sales against figures that are computed from the file of the year and by nothing of the
//! program's, in zones of all kinds.

mod figures;
mod sold;
mod visitors;

use adaptive_bi::ingest::file::{self, Source};
use adaptive_bi::ingest::retail::Options;

use crate::harness::Shop;
use crate::year::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_years_sales_are_the_files_in_every_zone_range_and_period() {
    let sold = sold::Sold::of_the_year();
    let shop = Shop::new().await;
    let app = shop.start().await;
    let source = Source::Retail(Box::new(text()), Options::default());
    let ingested = file::ingest(&shop.log, "GBP", source, 0, |_| {}).await.expect("ingested");
    shop.folded(ingested.position).await;
    figures::assert_all(&shop, &app, &sold).await;
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
