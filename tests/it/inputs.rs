//! Events as shops and tools really send them: containers, what is almost JSON, compressed bodies,
//! `CloudEvents`; and what is said of those that are refused.

use std::io::Write;

use adaptive_bi::app::App;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use reqwest::Method;
use serde_json::{Value, json};

use crate::connections::Wire;
use crate::events::{now, sale};
use crate::harness::{Answer, Shop, answer};
use crate::push::Socket;

const JSON: (&str, &str) = ("content-type", "application/json");

struct Door<'a> {
    shop: &'a Shop,
    app: &'a App,
}

impl Door<'_> {
    async fn send(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self.shop.request(self.app, Method::POST, path);
        let request = request.header("x-api-key", &self.shop.key);
        let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
        answer(request.body(body)).await
    }

    /// The statuses of the events of a body.
    async fn statuses(&self, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> String {
        let answer = self.send("/api/events", headers, body).await;
        let results = answer.body["data"]["results"].as_array().cloned();
        let status = |it: &Value| it["status"].as_str().expect("a status").to_owned();
        let statuses: Option<Vec<_>> = results.map(|it| it.iter().map(status).collect());
        statuses.map_or_else(|| format!("{answer:?}"), |it| it.join(" "))
    }

    /// What is said of the only event of a body, which is refused.
    async fn fault(&self, path: &str, body: impl Into<reqwest::Body>) -> String {
        let answer = self.send(path, &[JSON], body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let results = &answer.body["data"]["results"];
        assert_eq!(results.as_array().map(Vec::len), Some(1), "{answer:?}");
        let error = &results[0]["errors"][0];
        format!("{} {}", error["field"].as_str().unwrap(), error["message"].as_str().unwrap())
    }
}

fn stock(id: &str) -> String {
    json!({ "kind": "stock", "data": { "productId": id, "stock": 5 } }).to_string()
}

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_ref()).expect("packed");
    encoder.finish().expect("packed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_read_from_every_container_that_exports_have() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let door = Door { shop: &shop, app: &app };
    let [a, b] = ["a", "b"].map(stock);
    let pretty = |it: &str| {
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(it).unwrap()).unwrap()
    };
    for body in [
        format!("[{a},{b}]"),
        format!("[{a},{b},]"),
        format!("[{a}]\n[{b}]"),
        format!("{a}\n{b}"),
        format!("{a}\r\n\r\n{b}\r\n"),
        format!("{a}{b}"),
        format!("{a},\n{b},\n"),
        format!("\u{1e}{a}\n\u{1e}{b}\n"),
        format!("{}\n{}", pretty(&a), pretty(&b)),
        format!("{}\n{b}", pretty(&a)),
        pretty(&format!("[{a},{b}]")),
        format!("\u{feff}{a}\n{b}"),
        format!("\u{feff}[{a},{b}]"),
        format!(r#"{{"batch":[{a},{b}]}}"#),
        format!(r#"{{"events":[{a},{b}],"sentAt":"{}"}}"#, now()),
        pretty(&format!(r#"{{"api_key":"x","batch":[{a},{b}]}}"#)),
    ] {
        assert_eq!(door.statuses(&[JSON], body.clone()).await, "accepted accepted", "{body}");
        assert_eq!(door.statuses(&[], body).await, "accepted accepted");
    }
    for lines in ["application/x-ndjson", "application/jsonl", "Application/JSON; charset=utf-8"] {
        let typed = [("content-type", lines)];
        assert_eq!(
            door.statuses(&typed, format!("{a}\n{b}")).await,
            "accepted accepted",
            "{lines}"
        );
    }
    let payloads = r#"{"events":[{"productId":"a","stock":1},{"productId":"b","stock":1}]}"#;
    let of_one_kind = door.send("/api/events/stock", &[JSON], payloads).await;
    assert_eq!(of_one_kind.body["data"]["accepted"], 2, "{of_one_kind:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_almost_json_costs_no_other_event_and_has_its_place_named() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let door = Door { shop: &shop, app: &app };
    let good = stock("a");
    for (bad, said) in [
        (r#"{"kind":"stock","data":{"productId":"b","stock":NaN}}"#, "NaN is no number of JSON"),
        (
            r#"{"kind":"stock","data":{"productId":"b","stock":-Infinity}}"#,
            "-Infinity is no number",
        ),
        (
            r#"{"kind":"stock","data":{"productId":"b","stock":1,}}"#,
            "a comma stands before the end",
        ),
        (r"{'kind':'stock','data':{'productId':'}','stock':1}}", "double quotes"),
        (r#"{"kind":"stock","data":{"productId":"b","stock":None}}"#, "send null"),
        (r#"{"kind":"stock","data":{"productId":"b","stock":1} /* } */}"#, "no comments"),
        (r#"{"kind":"stock","data":{"productId":"b","stock":01}}"#, "goes wrong"),
    ] {
        for body in [
            format!("[{good},\n{bad},{good},{good},{good}]"),
            format!("{good}\n{bad}\n{good}\n{good}\n{good}\n"),
            format!("{{\"batch\":[{good},\n{bad},{good},{good},{good}]}}"),
        ] {
            let answer = door.send("/api/events", &[JSON], body).await;
            assert_eq!(answer.status, 207, "{answer:?}");
            let data = &answer.body["data"];
            assert_eq!(
                (&data["accepted"], &data["rejected"]),
                (&json!(4), &json!(1)),
                "{answer:?}"
            );
            let message = data["results"][1]["errors"][0]["message"].as_str().expect("a message");
            assert!(message.contains("line 2, column") && message.contains(said), "{message}");
        }
    }
    // Where an end cannot be told nothing behind it is taken for something else.
    let lost = format!("[{good},\n{{\"kind\":\"stock\",\"data\":{{\"productId\":\"b\n}}}},{good}]");
    let answer = door.send("/api/events", &[JSON], lost).await;
    assert_eq!((answer.status, &answer.body["data"]["accepted"]), (207, &json!(1)), "{answer:?}");
    let message = answer.body["data"]["results"][1]["errors"][0]["message"].to_string();
    assert!(message.contains("line 2") && message.contains("was not read"), "{message}");
    let cut = format!("[{good},{{\"kind\":");
    let answer = door.send("/api/events", &[JSON], cut).await;
    let message = answer.body["data"]["results"][1]["errors"][0]["message"].to_string();
    assert!(answer.status == 207 && message.contains("is cut"), "{answer:?}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_names_the_member_what_came_and_what_may_be_meant() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let door = Door { shop: &shop, app: &app };
    let of =
        |id: Value| json!({ "kind": "stock", "id": id, "data": { "productId": "p", "stock": 1 } });
    for (event, said) in [
        (
            of(json!(7.5)),
            "id must be a text of 1 to 128 characters or a whole number (a number came)",
        ),
        (of(json!([])), "(an empty list came)"),
        (json!({ "kind": "Stock", "data": {} }), "kind must be one of transaction"),
        (json!({ "kind": "stocks", "data": {} }), "did you mean stock?"),
        (json!({ "kind": "order_status", "data": {} }), "did you mean orderstatus?"),
        (json!({ "kind": 1, "data": {} }), "(a number came)"),
        (
            json!({ "kind": "stock", "productId": "p", "stock": 1 }),
            "the members of the event stand in it",
        ),
        (json!({ "kind": "stock", "payload": {} }), "did you mean payload?"),
    ] {
        let fault = door.fault("/api/events", event.to_string()).await;
        assert!(fault.contains(said), "{event}: {fault}");
    }
    assert_eq!(door.statuses(&[JSON], of(json!(7)).to_string()).await, "accepted");
    for (kind, and, said) in [
        (
            "transaction",
            json!({ "status": "complete" }),
            "status must be completed, pending, failed or returned; did you mean completed?",
        ),
        ("transaction", json!({ "status": "refunded" }), "did you mean returned?"),
        ("transaction", json!({ "status": 7 }), "(a number came)"),
        (
            "transaction",
            json!({ "transactionDate": "12/1/2010 8:26" }),
            "like 2026-11-21T04:03:07Z",
        ),
        ("transaction", json!({ "transactionDate": 1_795_233_787 }), "(a number came)"),
        ("transaction", json!({ "totalPrice": "-16.13" }), "money that goes back is a refund"),
        ("transaction", json!({ "totalPrice": "1,234.50" }), "a plain decimal like 12.50"),
        (
            "transaction",
            json!({ "totalPrice": null, "TotalPrice": 1 }),
            "did you mean totalPrice by TotalPrice?",
        ),
        ("order", json!({}), "orderId is required"),
    ] {
        let path = format!("/api/events/{kind}");
        let fault = door.fault(&path, sale("t", "ann", 1, and.clone()).to_string()).await;
        assert!(fault.contains(said), "{and}: {fault}");
        assert!(!fault.contains("12/1/2010") && !fault.contains("1,234"), "a value: {fault}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_character_is_taken_in_texts_for_people_and_refused_in_ids_and_words() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let door = Door { shop: &shop, app: &app };
    for (kind, body, is_taken) in [
        (
            "feedback",
            r#"{"feedbackId":"f","userId":"u","productId":"p","rating":5,"comment":"lovely \ud83d"}"#,
            true,
        ),
        ("product", r#"{"productId":"p","name":"\udc00a","category":"c","price":1}"#, true),
        ("product", r#"{"productId":"p","name":"a","category":"c\ud83d","price":1}"#, false),
        ("product", r#"{"productId":"p\ud83d","name":"a","category":"c","price":1}"#, false),
        (
            "product",
            r#"{"productId":"p","name":"a","category":"c","price":1,"else":"\ud83d"}"#,
            true,
        ),
        ("customer", r#"{"userId":"u","firstName":"\ud83d"}"#, true),
    ] {
        let answer = door.send(&format!("/api/events/{kind}"), &[JSON], body).await;
        if is_taken {
            assert_eq!(answer.status, 200, "{body}: {answer:?}");
        } else {
            let error = &answer.body["data"]["results"][0]["errors"][0];
            assert!(
                error["message"].to_string().contains("half of a surrogate pair"),
                "{answer:?}"
            );
        }
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_another_type_is_told_what_to_add() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let door = Door { shop: &shop, app: &app };
    for path in ["/api/events", "/api/events/stock"] {
        for (kind, said) in [
            ("application/x-www-form-urlencoded", "curl -d names a form's type unless you add"),
            ("text/plain", "can send plain text without being asked"),
            ("multipart/form-data; boundary=x", "as the body itself"),
            ("application/gzip", "content-encoding"),
            ("image/png", "application/x-ndjson"),
        ] {
            let answer = door.send(path, &[("content-type", kind)], stock("a")).await;
            assert_eq!(answer.status, 415, "{kind}: {answer:?}");
            assert!(answer.body["message"].as_str().unwrap().contains(said), "{kind}: {answer:?}");
        }
    }
    let long = vec![b' '; 11 << 20];
    let by_length = door.send("/api/events", &[JSON], long.clone()).await;
    assert_eq!(by_length.status, 413, "{by_length:?}");
    assert_eq!(by_length.body["message"], "the body must be at most 10 MB");
    let mut wire = Wire::to(&app).await;
    let head = "POST /api/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nx-api-key: ";
    wire.send(&format!("{head}{}\r\n\r\n{:x}\r\n", shop.key, long.len())).await;
    wire.send(&format!("{}\r\n0\r\n\r\n", " ".repeat(long.len()))).await;
    let chunked = wire.until("at most 10 MB").await;
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked:.200}");
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_bodies_are_read_within_their_bound_and_unknown_codings_are_told_what_is_taken()
{
    let shop = Shop::new().await;
    let app = shop.start().await;
    let door = Door { shop: &shop, app: &app };
    let two = format!("{}\n{}", stock("a"), stock("b"));
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(two.as_bytes()).expect("packed");
    let halves = two.split_at(two.len() / 2);
    for (coding, body) in [
        ("gzip", gzip(&two)),
        ("GZIP", gzip(&two)),
        ("gzip", [gzip(halves.0), gzip(halves.1)].concat()),
        ("deflate", zlib.finish().expect("packed")),
        ("zstd", zstd::encode_all(two.as_bytes(), 1).expect("packed")),
        ("gzip, gzip", gzip(gzip(&two))),
        ("zstd, gzip", gzip(zstd::encode_all(two.as_bytes(), 1).expect("packed"))),
        ("identity", two.clone().into_bytes()),
    ] {
        let headers = [JSON, ("content-encoding", coding)];
        assert_eq!(door.statuses(&headers, body).await, "accepted accepted", "{coding}");
    }
    for coding in ["br", "compress", "gzip, br", "gzip,gzip,gzip,gzip"] {
        let answer = door.send("/api/events", &[("content-encoding", coding)], gzip(&two)).await;
        assert_eq!(answer.status, 415, "{coding}: {answer:?}");
        assert_eq!(answer.header("accept-encoding"), "gzip, deflate, zstd");
        assert!(answer.body["message"].to_string().contains("gzip, deflate, zstd"), "{answer:?}");
    }
    let packed = gzip(&two);
    for body in [two.clone().into_bytes(), packed[..packed.len() - 9].to_vec()] {
        let answer = door.send("/api/events", &[("content-encoding", "gzip")], body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(
            answer.body["message"].to_string().contains("is not gzip, or it is cut"),
            "{answer:?}"
        );
    }
    let long = vec![b' '; 11 << 20];
    let window = {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
        encoder.window_log(27).expect("a window");
        encoder.write_all(&long).expect("packed");
        encoder.finish().expect("packed")
    };
    for (coding, body, status) in [
        ("gzip", gzip(&long), 413),
        ("gzip, gzip", gzip(gzip(&long)), 413),
        ("zstd", zstd::encode_all(&long[..], 1).expect("packed"), 413),
        ("zstd", window, 400),
    ] {
        let answer = door.send("/api/events", &[("content-encoding", coding)], body).await;
        assert_eq!(answer.status, status, "{coding}: {answer:?}");
    }
    assert!(answer(shop.request(&app, Method::GET, "/health/live")).await.status == 200);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cloud_events_are_taken_over_http_in_every_form() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let door = Door { shop: &shop, app: &app };
    let event = |id: &str, kind: &str| {
        json!({ "specversion": "1.0", "id": id, "source": "/till/7", "type": kind,
            "data": { "productId": id, "stock": 5 } })
    };
    let structured = [("content-type", "application/cloudevents+json; charset=UTF-8")];
    let batch = [("content-type", "application/cloudevents-batch+json")];
    let one = event("a", "org.example.stock");
    assert_eq!(door.statuses(&structured, one.to_string()).await, "accepted");
    assert_eq!(door.statuses(&structured, one.to_string()).await, "duplicate", "one source and id");
    let two = json!([event("b", "stock.v1"), event("c", "Stock")]).to_string();
    assert_eq!(door.statuses(&batch, two).await, "accepted accepted");
    let among =
        json!([event("d", "stock"), { "kind": "stock", "data": { "productId": "e", "stock": 1 } }]);
    assert_eq!(door.statuses(&[JSON], among.to_string()).await, "accepted accepted");
    let by_path =
        door.send("/api/events/stock", &structured, event("f", "anything").to_string()).await;
    assert_eq!(by_path.status, 200, "{by_path:?}");
    let binary = [
        JSON,
        ("ce-specversion", "1.0"),
        ("ce-type", "org.example.stock"),
        ("ce-source", "/till/7"),
        ("ce-id", "g"),
    ];
    let data = r#"{"productId":"g","stock":5}"#;
    assert_eq!(door.statuses(&binary, data).await, "accepted");
    assert_eq!(door.statuses(&binary, data).await, "duplicate");
    assert_eq!(door.send("/api/events", &binary, format!("{data}\n{data}")).await.status, 400);

    for (headers, body, field) in [
        (&structured[..], json!({ "kind": "stock", "data": {} }), "specversion"),
        (&structured[..], event("h", "org.example.sale"), "type"),
        (
            &structured[..],
            json!({ "specversion": "0.3", "type": "stock", "data": {} }),
            "specversion",
        ),
    ] {
        let answer = door.send("/api/events", headers, body.to_string()).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.body["data"]["results"][0]["errors"][0]["field"], field, "{answer:?}");
    }
    for (name, value) in [("ce-specversion", "0.3"), ("ce-type", "org.example.sale")] {
        let mut headers = binary.to_vec();
        headers.retain(|(other, _)| *other != name);
        headers.push((name, value));
        let answer = door.send("/api/events", &headers, data).await;
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["field"]),
            (400, &json!(name)),
            "{answer:?}"
        );
    }
    let position = shop.log.extent().await.expect("the log").last;
    let counts = shop.folded(position).await.root.counts;
    assert_eq!((counts.applied, counts.quarantined), (7, 0));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_before_a_body_is_passed_at_every_door() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let door = Door { shop: &shop, app: &app };
    let data = "\u{feff}{\"productId\":\"a\",\"stock\":5}";
    assert_eq!(door.send("/api/events/stock", &[JSON], data).await.status, 200);
    shop.publish("stock.b", data.replace("\"a\"", "\"b\"")).await;
    let position = shop
        .publish_with("stock", &[("ce-specversion", "1.0")], data.replace("\"a\"", "\"c\""))
        .await;
    let counts = shop.folded(position).await.root.counts;
    assert_eq!((counts.applied, counts.quarantined), (3, 0));
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_comes_in_by_basic_authorization_and_by_whatever_scheme() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let send = |headers: Vec<(&'static str, String)>| {
        let request = shop.request(&app, Method::POST, "/api/events").body(stock("a"));
        let request = headers.into_iter().fold(request, |it, (name, value)| it.header(name, value));
        async move { answer(request).await.status }
    };
    let basic = |user: &str, password: &str| {
        let request = reqwest::Client::new().get("http://x").basic_auth(user, Some(password));
        let request = request.build().expect("a request");
        vec![("authorization", request.headers()["authorization"].to_str().unwrap().to_owned())]
    };
    assert_eq!(send(basic(&shop.key, "")).await, 200);
    assert_eq!(send(basic("api", &shop.key)).await, 200);
    assert_eq!(send(vec![("authorization", format!("ApiKey {}", shop.key))]).await, 200);
    assert_eq!(send(vec![("authorization", shop.key.clone())]).await, 200);
    assert_eq!(send(basic("ann", "a secret of hers")).await, 401);
    assert_eq!(send(basic("abi_nobody", "")).await, 401);
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_signs_in_with_its_scheme_in_any_case() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    for scheme in ["Bearer ", "bearer ", "BEARER  ", ""] {
        let token = json!({ "token": format!("{scheme}{}", shop.key) });
        let mut socket = Socket::open(&shop, &app, Some(token)).await;
        socket.next("authenticated").await;
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_from_before_all_and_a_zone_with_a_plus_are_understood() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    shop.folded(shop.publish("transaction", sale("t", "ann", 7, json!({})).to_string()).await)
        .await;
    for start in ["1900-01-01", "0001-01-01T00:00:00Z", "1969-12-31", "1970-01-01T00:00:00%2B02:00"]
    {
        let answer = shop.get(&app, &format!("/api/metrics/sales?startDate={start}")).await;
        assert_eq!(
            (answer.status, &answer.body["data"]["totalRevenue"]),
            (200, &json!(7)),
            "{start}: {answer:?}"
        );
    }
    for zone in ["Etc/GMT+5", "Etc/GMT%2B5"] {
        let answer =
            shop.get(&app, &format!("/api/metrics/sales?startDate=2026-01-01&tz={zone}")).await;
        assert_eq!(answer.status, 200, "{zone}: {answer:?}");
    }
    assert_eq!(shop.get(&app, "/api/metrics/sales?startDate=0001-13-01").await.status, 400);
    app.stop().await.expect("stopped");
}
