//! x
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let n = std::env::args().nth(1).map_or(300_000, |n| n.parse().unwrap());
    adaptive_bi::bench::run("/tmp/abi-cache".into(), n).await
}
