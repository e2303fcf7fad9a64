//! `adaptive-bi admin`: accounts from the command line.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::commands::{Ran, ran, run};
use crate::harness::{Shop, answer, until};
use crate::people::{PASSWORD, kind, login};
use crate::servers::{data_dir, servers};

/// Runs the program with an input.
async fn typed(input: &str, arguments: &[&str], environment: &[(&str, String)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adaptive-bi"));
    command.args(arguments).current_dir(folder()).kill_on_drop(true);
    command.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("an input");
    // It may have ended without reading.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    ran(child.wait_with_output()).await
}

/// A working directory without an `.env`.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_is_made_once_by_who_has_the_command_line() {
    let shop = Shop::new().await;
    let app = shop.start().await;
    let environment = shop.environment();
    let create = ["admin", "create", "--email", "Root@Example.org", "--first-name", "Root"];
    let from_input = [&create[..], &["--password-stdin"]].concat();

    let nobody_to_ask = run(&create, &environment, folder()).await;
    assert_eq!(nobody_to_ask.code, Some(1), "{nobody_to_ask:?}");
    assert!(nobody_to_ask.stderr.contains("--password-stdin"), "{nobody_to_ask:?}");
    for weak in ["", "short", "password123", "root@example.org", &"x".repeat(129)] {
        let refused = typed(weak, &from_input, &environment).await;
        assert_eq!(refused.code, Some(1), "{weak}: {refused:?}");
        assert!(refused.stderr.contains("password"), "{weak}: {refused:?}");
        let said = format!("{} {}", refused.stdout, refused.stderr);
        assert!(weak.len() < 6 || !said.contains(weak), "{weak} is shown: {said}");
    }
    assert!(!app.platform.has_admin().await.expect("an answer"));

    let made = typed(&format!("{PASSWORD}\n"), &from_input, &environment).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stdout.contains("root@example.org is an admin"), "{made:?}");
    assert!(!format!("{made:?}").contains(PASSWORD));
    let signed_in = login(&shop, &app, "root@example.org", PASSWORD).await;
    let user = &signed_in.body["user"];
    assert_eq!((&user["role"], &user["firstName"]), (&json!("admin"), &json!("Root")));

    let again = typed("another passphrase of 1849", &from_input, &environment).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("e-mail"), "{again:?}");
    let other = login(&shop, &app, "root@example.org", "another passphrase of 1849").await;
    assert_eq!(kind(&other), (401, "wrong-credentials"), "the first password stays");
    let wrong = ["admin", "create", "--email", "nobody", "--password-stdin"];
    let wrong = typed(PASSWORD, &wrong, &environment).await;
    assert!(wrong.code == Some(1) && wrong.stderr.contains("not an e-mail"), "{wrong:?}");
    app.stop().await.expect("stopped");
}

/// The service has servers of its own, which commands on the same folder join.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_link_leads_to_where_the_service_answers() {
    servers();
    let folder = data_dir().join("reset-link");
    let settings = |bind: &str| {
        let data_dir = folder.display().to_string();
        vec![("DATA_DIR", data_dir), ("BIND", bind.to_owned())]
    };
    let mut service = Command::new(env!("CARGO_BIN_EXE_adaptive-bi"));
    service.arg("serve").envs(settings("127.0.0.1:0")).current_dir(self::folder());
    service.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut service = service.spawn().expect("it runs");
    let address = until("service", || async {
        let record = std::fs::read(folder.join("services.json")).map_err(|it| it.to_string())?;
        let record: Value = serde_json::from_slice(&record).map_err(|it| it.to_string())?;
        record["serves"].as_str().map(str::to_owned).ok_or_else(|| record.to_string())
    })
    .await;

    // The command has another BIND, as it has where only the service was given one.
    let here = settings("127.0.0.1:4000");
    let create = ["admin", "create", "--email", "root@example.org", "--password-stdin"];
    let made = typed(PASSWORD, &create, &here).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let link = run(&["admin", "reset-link", "--email", "root@example.org"], &here, self::folder());
    let link = link.await;
    let (url, token) = link.stdout.trim().split_once("/#reset-password=").expect("a link");
    assert_eq!(url, format!("http://{address}"), "{link:?}");
    let body = json!({ "token": token, "password": "eight lamps of 1850" }).to_string();
    let client = reqwest::Client::new();
    let reset = client.request(Method::POST, format!("{url}/api/auth/password/reset")).body(body);
    assert_eq!(answer(reset).await.status, 200);
    let nobody = ["admin", "reset-link", "--email", "nobody@example.org"];
    let nobody = run(&nobody, &here, self::folder()).await;
    assert!(nobody.code == Some(1) && nobody.stderr.contains("no active account"), "{nobody:?}");

    let pid = service.id().expect("it runs").to_string();
    let told = Command::new("kill").arg(&pid).status().await.expect("kill runs");
    assert!(told.success());
    let ended = tokio::time::timeout(Duration::from_secs(30), service.wait()).await;
    assert!(ended.expect("it ends").expect("a status").success());
}
