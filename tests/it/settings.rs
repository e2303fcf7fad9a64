//! Settings: each is checked where it is read, before anything is started, and named in the error.

use adaptive_bi::http::routes::PLACES;
use std::path::Path;

use crate::commands::{Ran, folder, run};
use crate::harness::Shop;

/// Runs a command with one setting, and checks that it is refused before anything is started.
async fn refused(name: &str, value: &str, folder: &Path) -> Ran {
    let ran = run(&["project", "status"], &[(name, value.to_owned())], folder).await;
    assert!(ran.code == Some(1) || ran.code == Some(2), "{name}={value}: {ran:?}");
    assert!(ran.stdout.is_empty() && !ran.stderr.contains("panicked"), "{name}={value}: {ran:?}");
    let left: Vec<_> = std::fs::read_dir(folder).expect("a folder").collect();
    assert!(left.is_empty(), "{name}={value}: {left:?}");
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_cannot_be_meant_is_refused_by_name_with_what_is_allowed() {
    let folder = folder("refused-settings");
    for (name, value, allowed) in [
        ("BIND", "localhost", "127.0.0.1:4000"),
        ("NATS_STREAM", "EVENTS.EU", "ASCII"),
        ("SUBJECT_PREFIX", "events.>", "dots"),
        ("SUBJECT_PREFIX", "adaptive-bi", "adaptive-bi"),
        ("STREAM_MAX_BYTES", "10GB", "1048576.."),
        ("STREAM_REPLICAS", "0", "1..=5"),
        ("LOG_SYNC", "sometimes", "always"),
        ("LOG_SYNC", "11m", "10m"),
        ("ACTIVITY_WINDOW_HOURS", "0", "1..=8760"),
        ("ACTIVITY_WINDOW_HOURS", "4294967296", "1..=8760"),
        ("AUDIT_DAYS", "4294967295", "0..=36500"),
        ("JWT_EXPIRES_IN", "15", "15m"),
        ("REGISTRATION", "yes", "on, off"),
        ("PLAIN_MODELS", "yes", "on, off"),
        ("ADMIN_EMAIL", "root", "e-mail"),
        ("MAIL_FROM", "Adaptive BI", "bi@example.org"),
        ("PUBLIC_URL", "javascript:alert(1)", "https://bi.example.org"),
        ("PUBLIC_URL", "bi.example.org", "https://bi.example.org"),
        ("SOCKET_PATH", "/metrics", "/metrics"),
        ("SOCKET_PATH", "/health/live", "/health"),
        ("TRUSTED_PROXIES", "proxy.example.org", "10.0.0.0/8"),
        ("CORS_ORIGIN", "example.org", "https://example.org"),
        ("MAX_CONNECTIONS", "0", "1..=1000000"),
        ("MAX_CONNECTIONS", "many", "1..=1000000"),
        ("RATE_LIMIT_MAX_REQUESTS", "-1", "0..=4294967295"),
        ("RATE_LIMIT_WINDOW_MS", "1", "1000..=86400000"),
        ("WS_HEARTBEAT_INTERVAL", "soon", "1000..=300000"),
        ("PORT", "http", "0..=65535"),
    ] {
        let ran = refused(name, value, &folder).await;
        assert!(ran.stderr.contains(name) && ran.stderr.contains(allowed), "{name}: {ran:?}");
        assert!(ran.stderr.contains(value), "{name}: what it was is said: {ran:?}");
    }
    let settings = [("STREAM_REPLICAS", "3".to_owned())];
    let ran = run(&["project", "status"], &settings, &folder).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("STREAM_REPLICAS") && ran.stderr.contains("NATS_URL"), "{ran:?}");
    // The database beside it would have too long a name.
    let settings = [("MONGODB_DB", "d".repeat(60)), ("PLAIN_MODELS", "on".to_owned())];
    let ran = run(&["project", "status"], &settings, &folder).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("PLAIN_MODELS") && ran.stderr.contains("MONGODB_DB"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_may_have_a_secret_in_it_is_refused_without_being_repeated() {
    let folder = folder("refused-secrets");
    for (name, value) in [
        ("NATS_URL", "http://ann:hunter2@n1"),
        ("MONGODB_URI", "mongodb://ann:hunt:er2@m1"),
        ("SMTP_URL", "http://ann:hunter2@m1"),
        ("JWT_SECRET", "hunter2"),
        ("JWT_SECRET_PREVIOUS", "hunter2"),
        ("ADMIN_PASSWORD", "hunter2"),
        ("MONGO_URI", "http://ann:hunter2@m1"),
    ] {
        let ran = refused(name, value, &folder).await;
        let said = if name == "MONGO_URI" { "MONGODB_URI" } else { name };
        assert!(ran.stderr.contains(said) && !ran.stderr.contains("hunt"), "{name}: {ran:?}");
    }
    for (name, value, other) in [
        ("ADMIN_PASSWORD", "seven lamps of 1849", "ADMIN_EMAIL"),
        ("SMTP_URL", "smtps://ann:hunter2@m1", "MAIL_FROM"),
        ("MONGODB_URI", "mongodb://ann:hunter2@m1/admin", "MONGODB_DB"),
    ] {
        let ran = refused(name, value, &folder).await;
        assert!(ran.stderr.contains(name) && ran.stderr.contains(other), "{name}: {ran:?}");
        assert!(!ran.stderr.contains("hunter2") && !ran.stderr.contains("lamps"), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_env_file_of_any_bytes_is_read_or_refused_by_its_line() {
    let folder = folder("env-bytes");
    let with = async |bytes: &[u8]| {
        std::fs::write(folder.join(".env"), bytes).expect("written");
        run(&["project", "status"], &[], &folder).await
    };
    for bytes in [&b"\xef\xbb\xbfLOG_LEVEL=info\r\nA='a\\b$c'\r\n"[..], b"\xef\xbb\xbf# nothing"] {
        let ran = with(bytes).await;
        assert!(ran.code == Some(0) && ran.stdout.contains("no data"), "{bytes:?}: {ran:?}");
    }
    for (bytes, line) in [
        (&b"LOG_LEVEL=info\nA=hunter2\0\n"[..], "line 2"),
        (b"A=hunter2\x1b[0m\n", "line 1"),
        (b"A=\"hunter2\\q\"\n", "line 1"),
        (b"LOG_LEVEL=info\nA=\xe9hunter2\n", "line 2"),
        (b"\xff\xfeA\0=\x001\0", "line 1"),
        (b"\xef\xbb\xbfnothing at all\n", "line 1"),
        (b"=hunter2\n", "line 1"),
    ] {
        let ran = with(bytes).await;
        assert_eq!(ran.code, Some(1), "{bytes:?}: {ran:?}");
        let said = &ran.stderr;
        assert!(said.contains(".env") && said.contains(line), "{bytes:?}: {ran:?}");
        assert!(!said.contains("panicked") && !said.contains("hunter2"), "{bytes:?}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_trusts_everybody_to_be_a_proxy_is_warned() {
    let shop = Shop::new().await;
    let folder = folder("trusting");
    for (proxies, is_warned) in
        [("::1", false), ("0.0.0.0/0", true), ("::/0", true), ("0.0.0.0/1,128.0.0.0/1", true)]
    {
        // The port is taken, so that it ends by itself.
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut settings = shop.environment();
        settings.retain(|(name, _)| *name != "BIND");
        settings.push(("BIND", taken.local_addr().expect("an address").to_string()));
        settings.push(("TRUSTED_PROXIES", proxies.to_owned()));
        let ran = run(&["serve"], &settings, &folder).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(ran.stderr.contains("TRUSTED_PROXIES"), is_warned, "{proxies}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_at_a_place_that_socket_io_cannot_take() {
    let shop = Shop::new().await;
    let app = shop.launch().await;
    for route in &app.routes {
        let first = route.path.trim_start_matches('/').split('/').next().unwrap_or_default();
        assert!(route.path == "/" || PLACES.contains(&first), "{}", route.path);
    }
    app.stop().await.expect("stopped");
}
