//! An upgrade while events keep coming and answers are asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{MARK, is_as_folded_anew, is_live, is_marked, of_before, reaches, sales};
use crate::harness::{Shop, answer};
use crate::process::Process;

/// Asks until told to end; returns the number of answers from each generation.
async fn poll(shop: Shop, address: std::net::SocketAddr, done: Arc<AtomicBool>) -> [usize; 2] {
    let (mut reached, mut from) = (0, [0, 0]);
    while !done.load(Ordering::Relaxed) {
        let request = shop.request_to(address, reqwest::Method::GET, "/api/metrics/sales");
        let answer = answer(request.header("x-api-key", &shop.key)).await;
        let marked = is_marked(&answer);
        let position: i64 = answer.header("x-position").parse().expect("a position");
        assert!(position >= reached, "back from {reached} to {position}");
        reached = position;
        let generation: usize = answer.header("x-generation").parse().expect("a generation");
        assert_eq!(marked, generation == 1, "{answer:?}");
        let mark = if marked { MARK } else { 0 };
        let data = &answer.body["data"];
        assert_eq!(data["totalOrders"], position + mark, "at {position}: {data}");
        assert_eq!(data["totalRevenue"].as_f64(), data["totalOrders"].as_f64(), "{data}");
        assert_eq!(data["uniqueCustomers"], 7 + mark, "{data}");
        let days = data["salesTrend"].as_array().expect("days").iter();
        let by_day: i64 = days.filter_map(|day| day["dailyOrders"].as_i64()).sum();
        assert_eq!(by_day, position, "days agree with the position: {data}");
        from[generation - 1] += 1;
        let ready = shop.request_to(address, reqwest::Method::GET, "/health/ready");
        assert_eq!(crate::harness::answer(ready).await.status, 200);
    }
    from
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_of_one_generation_and_the_service_stays_ready() {
    let (shop, _) = of_before(&sales(0, 40)).await;
    let process = Process::start(&shop, &[("FAILPOINTS", "bulk-end=sleep(1500)")]);
    process.says("older version of the fold").await;
    let done = Arc::new(AtomicBool::new(false));
    let address = process.address().await;
    let polling = tokio::spawn(poll(shop.clone(), address, done.clone()));
    let selling = {
        let (shop, done) = (shop.clone(), done.clone());
        tokio::spawn(async move {
            let mut last = 0;
            for number in 40.. {
                last = shop.publish_all(&sales(number, number + 1)).await;
                if done.load(Ordering::Relaxed) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            last
        })
    };
    is_live(&shop, 2).await;
    process.says("upgraded").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    done.store(true, Ordering::Relaxed);
    let last = selling.await.expect("sold");
    let from = polling.await.expect("every answer held");
    assert!(from[0] > 3 && from[1] > 3, "{from:?}");
    reaches(&shop, 2, last).await;
    process.kill().await;
    is_as_folded_anew(&shop, 2, last).await;
}
