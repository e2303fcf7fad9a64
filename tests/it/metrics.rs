//! The metrics for Prometheus. Services of one process share their counts.

use std::collections::BTreeSet;

use adaptive_bi::auth::key;
use adaptive_bi::rights::scope::Scope;
use adaptive_bi::telemetry;
use reqwest::Method;
use serde_json::{Value, json};

use crate::events::{mixed, sale};
use crate::harness::{Shop, answer, until};

/// The names of metrics in a dashboard's queries, without the suffixes of histograms.
fn names(dashboard: &Value, into: &mut BTreeSet<String>) {
    match dashboard {
        Value::Array(all) => all.iter().for_each(|it| names(it, into)),
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "expr") {
                    Some(query) => into.extend(
                        query
                            .split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
                            .filter(|it| {
                                it.starts_with("adaptive_bi_") || it.starts_with("http_server_")
                            })
                            .map(str::to_owned),
                    ),
                    None => names(value, into),
                }
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_told_and_the_dashboard_asks_for_nothing_else() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let last = shop.publish_all(&mixed(200, 9)).await;
    shop.folded(last).await;
    let body = json!([sale("t1", "ann", 5, json!({})), {}]).to_string();
    assert_eq!(shop.post(&app, "/api/events/transaction", body).await.status, 207);
    let made = key::make("prometheus", &[Scope::MetricsScrape], "command", None);
    app.platform.insert_key(&made.row).await.expect("a key");
    let text = until("metrics", || async {
        let request = shop.request(&app, Method::GET, "/metrics").bearer_auth(&made.text);
        let answer = answer(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
        let text = answer.body.as_str().unwrap_or_default().to_owned();
        let is_whole = text.contains(telemetry::LAG_SECONDS)
            && text.contains(telemetry::PUSH_SESSIONS)
            && text.contains("kind=\"transaction\",outcome=\"quarantined\"");
        if is_whole { Ok(text) } else { Err(text) }
    })
    .await;
    for line in [
        "http_server_request_duration_seconds_bucket{http_request_method=\"POST\",\
         http_route=\"/api/events/{event}\",http_response_status_code=\"207\",le=\"",
        "adaptive_bi_events_total{kind=\"transaction\",outcome=\"applied\"} ",
        "adaptive_bi_published_events_total{result=\"rejected\"} ",
        "adaptive_bi_commit_duration_seconds_count{result=\"committed\"} ",
        "adaptive_bi_up{service=\"mongodb\"} 1",
        "adaptive_bi_up{service=\"nats\"} 1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains(&made.text), "{text}");

    let dashboard = include_str!("../../grafana/adaptive-bi.json");
    let mut asked = BTreeSet::new();
    names(&serde_json::from_str(dashboard).expect("JSON"), &mut asked);
    assert!(asked.len() > 10, "{asked:?}");
    // These are there from the first of them on, and those of a rebuild while there is one.
    let is_seldom = |name: &str| {
        [telemetry::PUSH_STREAMS, telemetry::PUSH_FRAMES, telemetry::PUSH_DROPPED].contains(&name)
            || name.starts_with("adaptive_bi_rebuild_")
    };
    for name in asked.iter().filter(|name| !is_seldom(name)) {
        let is_there =
            text.lines().any(|it| it.starts_with(name) && !it[name.len()..].starts_with('_'));
        assert!(is_there, "{name} is asked for and not told: {text}");
    }
    app.stop().await.expect("stopped");
}
