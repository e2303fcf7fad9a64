//! Sales, what came back of them, and the ranges that they are asked for in: figures that have to agree.

use adaptive_bi::app::App;
use serde_json::{Value, json};

use crate::events::sale;
use crate::harness::Shop;

async fn sent(shop: &Shop, app: &App, events: Value) -> u64 {
    let answer = shop.post(app, "/api/events", events.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["data"]["position"].as_u64().expect("a position")
}

fn sold(id: &str, amount: f64, and: Value) -> Value {
    json!({ "kind": "transaction", "data": sale(id, "ann", amount, and) })
}

/// Gross, returns and net of a range.
async fn figures(shop: &Shop, app: &App, range: &str, position: u64) -> [Value; 3] {
    let path = format!("/api/metrics/sales?startDate={range}&endDate={range}");
    let data = shop.data(app, &path, position).await;
    ["grossSales", "returns", "netSales"].map(|name| {
        let figure = &data[name];
        if figure.is_object() { figure["amount"].clone() } else { figure.clone() }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn part_of_a_sale_comes_back_as_a_refund_on_its_own_day() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let refund = json!({ "kind": "refund", "data": { "refundId": "r", "transactionId": "t", "amount": 16.13,
        "at": "2026-03-05T10:00:00Z" } });
    let events =
        json!([sold("t", 33.83, json!({ "transactionDate": "2026-03-01T10:00:00Z" })), refund]);
    let position = sent(&shop, &app, events).await;
    assert_eq!(
        figures(&shop, &app, "2026-03-01", position).await,
        [json!(33.83), json!(0), json!(33.83)]
    );
    assert_eq!(
        figures(&shop, &app, "2026-03-05", position).await,
        [json!(0), json!(16.13), json!(-16.13)]
    );
    let all = shop.data(&app, "/api/metrics/sales?startDate=1900-01-01", position).await;
    assert_eq!((&all["netSales"], &all["totalRevenue"]), (&json!(17.7), &json!(17.7)), "{all}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_is_the_same_by_status_and_by_refund_and_the_sale_keeps_its_day() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let on = |day: &str| json!({ "transactionDate": format!("{day}T10:00:00Z") });
    let back = |day: &str| {
        json!({ "transactionDate": format!("{day}T10:00:00Z"), "status": "returned",
        "updatedAt": "2026-04-09T10:00:00Z" })
    };
    let refund = json!({ "kind": "refund", "data": { "refundId": "r", "transactionId": "u", "amount": 10,
        "at": "2026-04-09T10:00:00Z" } });
    let events = json!([
        sold("t", 10.0, on("2026-04-01")),
        sold("t", 10.0, back("2026-04-01")),
        sold("u", 10.0, on("2026-04-02")),
        refund,
    ]);
    let position = sent(&shop, &app, events).await;
    for day in ["2026-04-01", "2026-04-02"] {
        assert_eq!(
            figures(&shop, &app, day, position).await,
            [json!(10), json!(0), json!(10)],
            "{day}"
        );
    }
    assert_eq!(
        figures(&shop, &app, "2026-04-09", position).await,
        [json!(0), json!(20), json!(-20)]
    );
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_with_ids_of_their_own_are_one_order_with_all_of_them() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let line = |id: &str, amount| sold(id, amount, json!({ "orderId": "o1" }));
    let lines = json!([line("o1-1", 10.0), line("o1-2", 20.0), line("o1-3", 5.5)]);
    let position = sent(&shop, &app, lines).await;
    let data = shop.data(&app, "/api/metrics/sales", position).await;
    assert_eq!((&data["totalRevenue"], &data["totalOrders"]), (&json!(35.5), &json!(1)), "{data}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instant_without_an_offset_is_of_the_zone_and_the_bars_of_any_zone_add_up() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    // Every six hours, around days on which clocks change near midnight or by half an hour.
    let mut events = Vec::new();
    for (place, day) in
        ["2006-04-01", "2006-04-02", "2006-04-03", "2006-10-28", "2006-10-29", "2006-10-30"]
            .iter()
            .enumerate()
    {
        for hour in [0, 3, 9, 15, 21] {
            let at = format!("{day}T{hour:02}:05:00Z");
            events.push(sold(&format!("{place}-{hour}"), 1.25, json!({ "transactionDate": at })));
        }
    }
    let position = sent(&shop, &app, json!(events)).await;
    let from = "startDate=2001-06-01T00:00:00&tz=America/New_York";
    let data = shop.data(&app, &format!("/api/metrics/sales?{from}"), position).await;
    assert_eq!(data["range"]["startDate"], "2001-06-01T04:00:00.000Z", "{data}");
    for zone in [
        "America/St_Johns",
        "Australia/Lord_Howe",
        "America/New_York",
        "Asia/Kathmandu",
        "Asia/Amman",
        "Pacific/Apia",
    ] {
        for range in
            ["startDate=2006-04-01&endDate=2006-04-03", "startDate=2006-10-28&endDate=2006-10-30"]
        {
            let path = format!("/api/metrics/sales?{range}&tz={zone}&fill=zero");
            let data = shop.data(&app, &path, position).await;
            let bars = data["salesTrend"].as_array().expect("bars");
            assert_eq!(bars.len(), 3, "{zone}: {data}");
            let sum: f64 = bars.iter().filter_map(|it| it["dailyRevenue"].as_f64()).sum();
            assert_eq!(Some(sum), data["totalRevenue"].as_f64(), "{zone}: {data}");
        }
    }
    app.stop().await.expect("stopped");
}
