//! The built-in page, and what it knows before anybody signs in.

use adaptive_bi::config::Switch;
use flate2::read::GzDecoder;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::harness::Shop;

/// A file as it comes over the wire.
struct Came {
    status: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().expect("a text"))
    }

    fn text(&self) -> String {
        if self.header("content-encoding") != "gzip" {
            return String::from_utf8(self.bytes.clone()).expect("a text");
        }
        std::io::read_to_string(GzDecoder::new(&*self.bytes)).expect("compressed")
    }
}

async fn get(url: &str, encoding: &str) -> Came {
    let request = reqwest::Client::new().get(url).header("accept-encoding", encoding);
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Came { status, headers, bytes: answer.bytes().await.expect("a body").to_vec() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_looked_up_each_time_and_its_files_are_kept_for_good() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let at = format!("http://{}", app.address);
    let (plain, small) = (get(&at, "identity").await, get(&at, "br, gzip").await);
    assert_eq!((plain.header("content-encoding"), small.header("content-encoding")), ("", "gzip"));
    assert_eq!(plain.text(), small.text());
    assert_eq!(plain.header("cache-control"), "no-cache");
    assert_eq!(plain.header("content-type"), "text/html; charset=utf-8");
    let page = plain.text();
    let names: Vec<_> = page.split('"').filter(|it| it.starts_with("/assets/")).collect();
    assert!(names.len() >= 3, "{page}");
    for name in names {
        let url = format!("{at}{name}");
        let (plain, small) = (get(&url, "").await, get(&url, "gzip").await);
        assert_eq!((plain.status, small.status), (200, 200), "{name}");
        assert_eq!(plain.text(), small.text(), "{name}");
        assert!(small.bytes.len() < plain.bytes.len(), "{name}");
        assert_eq!(small.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(small.header("vary").contains("accept-encoding"), "{name}");
    }
    for name in ["nothing.js", "..%2Findex.html", "%2e%2e/index.html"] {
        assert_eq!(get(&format!("{at}/assets/{name}"), "").await.status, 404, "{name}");
    }
    app.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_end_is_told_what_it_has_to_know_and_no_account_unless_the_demo_says_so() {
    let mut shop = Shop::new().await;
    shop.settings.currency = "JPY".to_owned();
    shop.settings.registration = Switch::Off;
    let app = shop.start().await;
    let told = || async {
        let came = get(&format!("http://{}/api/about", app.address), "").await;
        assert_eq!(came.header("cache-control"), "no-store");
        serde_json::from_str::<Value>(&came.text()).expect("JSON")["data"].clone()
    };
    let expected = json!({
        "currency": "JPY", "language": "en", "registration": false, "mail": false, "demo": null,
    });
    assert_eq!(told().await, expected);
    let account = adaptive_bi::http::about::DemoAccount {
        email: "viewer@demo.example".to_owned(),
        password: "shown".to_owned(),
        role: adaptive_bi::rights::role::Role::Viewer,
    };
    app.demo.set(vec![account]).expect("once");
    let accounts =
        json!([{ "email": "viewer@demo.example", "password": "shown", "role": "viewer" }]);
    assert_eq!(told().await["demo"], accounts);
    app.stop().await.expect("stopped");
}
