//! Files as exports really are: compressed, arrays, objects over several lines; and what is said of
//! those that are not all events.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::commands::{Ran, folder, run};
use crate::harness::Shop;

fn stock(id: &str) -> String {
    json!({ "kind": "stock", "data": { "productId": id, "stock": 5 } }).to_string()
}

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_ref()).expect("packed");
    encoder.finish().expect("packed")
}

async fn ingest(shop: &Shop, folder: &Path, name: &str, content: impl AsRef<[u8]>) -> Ran {
    std::fs::write(folder.join(name), content).expect("written");
    run(&["ingest", name], &shop.environment(), folder).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_in_every_container_and_compression() {
    let shop = Shop::new().await;
    let folder = folder("containers");
    let [a, b] = ["a", "b"].map(stock);
    let two = format!("{a}\n{b}\n");
    let array = format!("[{a},{b}]");
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(&array).unwrap()).unwrap();
    let zstd = zstd::encode_all(two.as_bytes(), 1).expect("packed");
    for (name, content) in [
        ("lines.ndjson", two.clone().into_bytes()),
        ("lines.JSONL", format!("\u{feff}{a}\n{b}").into_bytes()),
        ("array.json", array.clone().into_bytes()),
        ("pretty.JSON", pretty.clone().into_bytes()),
        ("sequence.json", format!("{a}{b}").into_bytes()),
        ("wrapped.json", format!("{{\"events\":{array}}}").into_bytes()),
        ("lines.gz", gzip(&two)),
        ("lines.ndjson.GZ", gzip(&two)),
        ("lines.ndjson.Gz", [gzip(format!("{a}\n")), gzip(&b)].concat()),
        ("pretty.json.gz", gzip(&pretty)),
        ("lines.ndjson.ZST", zstd.clone()),
        ("named-otherwise", zstd),
        ("named-otherwise.json", gzip(&array)),
    ] {
        let ran = ingest(&shop, &folder, name, content).await;
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
        assert!(ran.stdout.contains("2 events,"), "{name}: {ran:?}");
    }
    let header =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
    let csv = format!("{header}1,a,Mug,1,2010-12-01 08:26:00,2.55,17850.0,France\n");
    for name in ["retail.CSV.GZ", "retail.csv.gz"] {
        let ran = ingest(&shop, &folder, name, gzip(&csv)).await;
        assert!(ran.code == Some(0) && ran.stdout.contains("3 events,"), "{name}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_cut_says_where_and_keeps_what_came_before() {
    let shop = Shop::new().await;
    let folder = folder("cut");
    let many: String = (0..2_000).map(|n| stock(&format!("p{n}")) + "\n").collect();
    let packed = gzip(&many);
    let ran = ingest(&shop, &folder, "cut.gz", &packed[..packed.len() / 2]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("cut or damaged at line"), "{ran:?}");
    assert!(shop.log.extent().await.expect("the log").last > 0);
    let ran = ingest(&shop, &folder, "not.gz", &many).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("line 1"), "{ran:?}");
    for cut in [format!("{}\n{{\"kind\":", stock("a")), format!("[{},{{\"k", stock("a"))] {
        let ran = ingest(&shop, &folder, "cut.json", &cut).await;
        assert!(ran.code == Some(1) && ran.stderr.contains("cut or damaged at line"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_says_what_is_wrong_with_its_lines_and_shows_the_first() {
    let shop = Shop::new().await;
    let folder = folder("reasons");
    let wrong = json!({ "kind": "transaction", "data": { "transactionId": "t", "userId": "u",
        "totalPrice": 1, "transactionDate": "2026-01-01", "status": "complete" } });
    let ran = ingest(&shop, &folder, "last", format!("{}\n{wrong}", stock("a"))).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("did you mean completed?"), "the status: {ran:?}");
    assert!(ran.stdout.contains("line 2: {\"data\""), "the line: {ran:?}");
    assert!(!ran.stderr.contains("cut"), "{ran:?}");
    let nan = format!(
        "[{},\n{{\"kind\":\"stock\",\"data\":{{\"productId\":\"b\",\"stock\":NaN}}}},\n{}]",
        stock("a"),
        stock("c")
    );
    let ran = ingest(&shop, &folder, "nan.json", nan).await;
    assert!(ran.code == Some(0) && ran.stdout.contains("2 events,"), "{ran:?}");
    assert!(ran.stdout.contains("line 2, column 49: NaN is no number"), "{ran:?}");

    let header =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
    let mut csv = format!("{header}1,a,Mug,1,12/1/2010 8:26,2.55,17850.0,France\n").into_bytes();
    csv.extend(b"2,b,Tea \xa33,1,2010-12-01 08:26:00,2.55,17850.0,France\n");
    csv.extend(b"3,c,Cup,1,2010-12-01 08:26:00,2.55,17850.0,France\n");
    let ran = ingest(&shop, &folder, "retail.csv", csv).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for said in [
        "InvoiceDate is not YYYY-MM-DD hh:mm:ss",
        "Description is not UTF-8",
        "line 2: 1,a,Mug,1,12/1/2010 8:26,2.55,17850.0,France",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_which_no_service_runs_is_told_that_new_data_is_begun() {
    let folder = folder("alone");
    std::fs::write(folder.join("events.ndjson"), stock("a")).expect("written");
    let environment = [("DATA_DIR", "data".to_owned())];
    for said in ["no service runs here; new data begun in data", "its data goes on in data"] {
        let ran = run(&["ingest", "events.ndjson"], &environment, &folder).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stdout.contains(said), "{ran:?}");
    }
    let shop = Shop::new().await;
    let ran = run(&["ingest", "events.ndjson"], &shop.environment(), &folder).await;
    assert!(ran.code == Some(0) && !ran.stdout.contains("no service"), "{ran:?}");
}
