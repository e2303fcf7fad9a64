//! The export of spans: by OTLP over HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT`, and none without it.

use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use bytes::Bytes;
use common::causes::describe;
use common::seldom::Seldom;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::{info, warn};

use super::TRACER;

/// The name of the program and of its tracer.
const NAME: &str = "adaptive-bi";
/// The protocol of the export.
const PROTOCOL: &str = "http/protobuf";
/// The time that a collector may take for a batch, unless the environment sets another.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);
/// The time that it may take for the rest at the end.
const LEFT_TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// The exporter of spans, where they are exported.
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

/// Starts to export spans where the environment names an endpoint.
///
/// # Errors
/// Fails if a variable of it cannot be used.
pub fn start() -> anyhow::Result<Traces> {
    if !is_wanted() {
        return Ok(Traces(None));
    }
    if let Some(other) = of_traces("PROTOCOL").filter(|it| it != PROTOCOL) {
        bail!("OTEL_EXPORTER_OTLP_PROTOCOL is {other}, and {PROTOCOL} is what is spoken");
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Client::new()?)
        .build()
        .context("OTEL_EXPORTER_OTLP_... cannot be used")?;
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
    let provider = provider.build();
    // Set once in a process.
    let _ = TRACER.set(provider.tracer(NAME));
    info!("traces are exported by OTLP");
    Ok(Traces(Some(provider)))
}

impl Traces {
    /// Sends the rest, and stops.
    pub async fn stop(self) {
        let Some(provider) = self.0 else { return };
        let stopping = move || provider.shutdown_with_timeout(LEFT_TAKEN_WITHIN);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(stopping).await {
            warn!(error = describe(&error), "the last spans were not exported");
        }
    }
}

fn is_wanted() -> bool {
    let is_off = set("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"))
        || set("OTEL_TRACES_EXPORTER").is_some_and(|it| it == "none");
    !is_off && of_traces("ENDPOINT").is_some()
}

/// A variable that is set and not empty.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.is_empty())
}

/// A setting of the exporter: the variable for traces wins over the one for all signals.
fn of_traces(setting: &str) -> Option<String> {
    set(&format!("OTEL_EXPORTER_OTLP_TRACES_{setting}"))
        .or_else(|| set(&format!("OTEL_EXPORTER_OTLP_{setting}")))
}

/// The resource that makes the spans; the environment may change it and add to it.
fn resource() -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name(NAME)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match set("OTEL_SERVICE_NAME") {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// The HTTP client. Spans are exported from a thread of their own that has no runtime, so requests
/// are sent on the program's.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    failed: Seldom,
}

impl Client {
    fn new() -> anyhow::Result<Self> {
        let within = of_traces("TIMEOUT").and_then(|it| it.parse().ok());
        let within = within.map_or(TAKEN_WITHIN, Duration::from_millis);
        let http = reqwest::Client::builder().timeout(within).build();
        let http = http.context("the client that exports traces cannot be made")?;
        Ok(Client { http, runtime: Handle::current(), failed: Seldom::default() })
    }

    fn note(&self, reason: impl FnOnce() -> String) {
        self.failed.count(1, reason);
        if let Some((times, reason)) = self.failed.due() {
            warn!(times, reason, "spans were not exported");
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.runtime.spawn(send(self.http.clone(), request)).await?;
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.note(|| format!("the collector answers {}", answer.status())),
            Err(error) => self.note(|| describe(error)),
        }
        Ok(answer?)
    }
}

/// Errors leave out the address, which can have a password in it.
async fn send(
    http: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, reqwest::Error> {
    let request = request.try_into().map_err(reqwest::Error::without_url)?;
    let answer = http.execute(request).await.map_err(reqwest::Error::without_url)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
    let mut answer = Response::new(body);
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}
