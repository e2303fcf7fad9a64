//! `ClickHouse` as a library of Python, `chdb`, in a child process: the same data, loaded once, and SQL.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::stand::Scratch;

/// The program of the child.
const PROGRAM: &str = include_str!("clickhouse.py");

/// A folder that has the library.
pub struct Library(Scratch);

impl Library {
    /// Installs it for this run; the folder is removed when this is dropped.
    ///
    /// # Errors
    /// Fails if pip cannot install it here.
    pub async fn install() -> anyhow::Result<Self> {
        let folder = Scratch::named("chdb");
        let pip = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
            .args(["--only-binary", ":all:", "--target"])
            .arg(&folder.0)
            .arg("chdb")
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .output()
            .await
            .context("python3 does not start")?;
        let said = String::from_utf8_lossy(&pip.stderr);
        let last = said.lines().rev().find(|line| line.contains("ERROR")).unwrap_or("no reason");
        ensure!(pip.status.success(), "pip does not install chdb: {last}");
        Ok(Library(folder))
    }
}

/// A process that has the tables.
pub struct ClickHouse {
    /// Its version.
    pub version: String,
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// The answer to some queries.
#[derive(Debug, Deserialize)]
pub struct Answer {
    ms: f64,
    /// The rows of each query.
    pub rows: Vec<Vec<Vec<Value>>>,
}

impl Answer {
    /// The time of the queries alone, in the process that has the tables.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_secs_f64(self.ms / 1e3)
    }
}

impl ClickHouse {
    /// Loads the tables of a folder.
    ///
    /// # Errors
    /// Fails if the library does not run here, or does not take the tables.
    pub async fn load(library: &Library, folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(folder)
            .env("PYTHONPATH", &library.0.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("python3 does not start")?;
        let questions = child.stdin.take().context("its input")?;
        let output = child.stdout.take().context("its output")?;
        let answers = BufReader::new(output).lines();
        let mut it = ClickHouse { version: String::new(), child, questions, answers };
        let ready: Value = serde_json::from_str(&it.line().await?)?;
        ready["version"].as_str().unwrap_or_default().clone_into(&mut it.version);
        Ok(it)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        match self.answers.next_line().await? {
            Some(line) => Ok(line),
            None => anyhow::bail!("chdb ended: {}", self.child.wait().await?),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// Fails if it does not end by itself once nothing more is asked.
    pub async fn end(mut self) -> anyhow::Result<()> {
        drop(self.questions);
        let ended = self.child.wait().await?;
        ensure!(ended.success(), "chdb ended: {ended}");
        Ok(())
    }

    /// Asks some queries, one after the other.
    ///
    /// # Errors
    /// Fails if it does not understand one, or ended.
    pub async fn ask(&mut self, sql: &[String]) -> anyhow::Result<Answer> {
        let line = format!("{}\n", json!({ "sql": sql }));
        self.questions.write_all(line.as_bytes()).await?;
        self.questions.flush().await?;
        let line = self.line().await.with_context(|| sql.join(";\n"))?;
        Ok(serde_json::from_str(&line)?)
    }
}
