//! Spans, by OpenTelemetry's conventions for HTTP and messaging. They have no path, query, header,
//! body or user in them.
//!
//! If nothing is exported, no span is made, and the trace context of a request is passed on as it
//! came.

mod export;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use http::StatusCode;
use opentelemetry::trace::{
    FutureExt, Link, Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status,
    TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use projections::topic::Topics;
use serde::Deserialize;

pub use self::export::{Traces, start};
use super::parent::TraceParent;
use super::{Message, TRACEPARENT};

/// A batch has so many spans of events' own traces, and links to them, at most.
const TRACES_OF_A_BATCH: usize = 128;
/// So many spans of commits are remembered for the push after them, at most.
const REMEMBERED: usize = 256;
/// The `CloudEvents` extension, and the header that makes a message a binary `CloudEvent`.
const CLOUD_TRACEPARENT: &str = "ce-traceparent";
const CLOUD_VERSION: &str = "ce-specversion";

/// The tracer, where spans are exported.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The time at which something began.
#[derive(Debug, Clone, Copy)]
pub struct Moment(SystemTime);

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Moment(SystemTime::now())
    }
}

/// A request that is being answered. Where it is given up its span ends without a status.
#[derive(Debug)]
pub struct Request(Option<Context>);

impl Request {
    /// A request of a route; its span is a child of the one that its header names.
    #[must_use]
    pub fn of<B>(request: &http::Request<B>, route: &'static str) -> Self {
        let mut shown = request.headers().get_all(TRACEPARENT).iter();
        let parent = match (shown.next(), shown.next()) {
            (Some(one), None) => one.to_str().ok().and_then(TraceParent::parse),
            _ => None,
        };
        let around = match parent {
            Some(parent) => below(parent).with_value(parent),
            None if TRACER.get().is_none() => return Request(None),
            None => Context::new(),
        };
        let Some(tracer) = TRACER.get() else { return Request(Some(around)) };
        let method = request.method().as_str();
        let attributes = [
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", route),
        ];
        let span = tracer
            .span_builder(format!("{method} {route}"))
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(tracer, &around);
        Request(Some(around.with_span(span)))
    }

    /// Does the work for it.
    pub async fn within<F: Future>(&self, work: F) -> F::Output {
        within(self.0.as_ref(), work).await
    }

    /// It was answered.
    pub fn answered(self, status: StatusCode) {
        let Some(context) = self.0 else { return };
        let (span, code) = (context.span(), status.as_u16());
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(code)));
        if status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", code.to_string()));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// Events of a request on their way to the log. One span for all of them, which their messages
/// name.
#[derive(Debug)]
pub struct Publishing(Option<Context>);

/// The `traceparent` that messages carry.
struct Carried(Arc<str>);

impl Publishing {
    /// Those of the request that is being answered.
    #[must_use]
    pub fn begin() -> Self {
        let around = Context::current();
        let came = around.get::<TraceParent>().copied();
        let context = match TRACER.get() {
            Some(tracer) => {
                let span = span(tracer, "publish", SpanKind::Producer, Moment::now());
                around.with_span(span.start_with_context(tracer, &around))
            }
            None if came.is_some() => around,
            None => return Publishing(None),
        };
        let ours = named(context.span().span_context());
        if came.is_none() && !ours.is_sampled() {
            return Publishing(Some(context));
        }
        Publishing(Some(context.with_value(Carried(ours.to_string().into()))))
    }

    /// Does the work that sends them.
    pub async fn within<F: Future>(&self, work: F) -> F::Output {
        within(self.0.as_ref(), work).await
    }

    /// So many are on the log, and so many were not taken.
    pub fn answered(self, taken: usize, untaken: usize) {
        let Some(context) = self.0 else { return };
        let span = context.span();
        span.set_attributes(messaging("publish", "send", taken + untaken));
        if untaken > 0 {
            span.set_attribute(KeyValue::new("error.type", "not_taken"));
            span.set_status(Status::error("the log did not take every event"));
        }
        span.end();
    }
}

/// The `traceparent` of messages that are sent here and now.
#[must_use]
pub fn carried() -> Option<Arc<str>> {
    Context::map_current(|it| it.get::<Carried>().map(|carried| carried.0.clone()))
}

/// A batch on its way into the read models: a span in the trace of each event that is traced, and
/// one of its own. Where it is dropped before, it was not committed.
#[derive(Debug, Default)]
pub struct BatchTrace {
    commit: Option<Span>,
    folds: Vec<Span>,
}

impl BatchTrace {
    /// Of these messages, the first of which was read at that moment.
    #[must_use]
    pub fn of<'a, M>(messages: M, since: Moment) -> Self
    where
        M: ExactSizeIterator<Item = Message<'a>>,
    {
        let Some(tracer) = TRACER.get() else { return BatchTrace::default() };
        let count = messages.len();
        let parents = sampled(messages);
        if parents.is_empty() {
            return BatchTrace::default();
        }
        let links = parents.iter().map(|(parent, _)| Link::with_context(context_of(*parent)));
        let commit = span(tracer, "commit", SpanKind::Consumer, since)
            .with_attributes(messaging("commit", "process", count))
            .with_links(links.collect())
            .start_with_context(tracer, &Context::new());
        let link = Some(commit.span_context()).filter(|it| it.is_sampled()).cloned();
        let folds = parents.iter().map(|(parent, events)| {
            span(tracer, "fold", SpanKind::Consumer, since)
                .with_attributes(messaging("fold", "process", *events))
                .with_links(link.iter().cloned().map(Link::with_context).collect())
                .start_with_context(tracer, &below(*parent))
        });
        BatchTrace { folds: folds.collect(), commit: Some(commit) }
    }

    /// It is folded.
    pub fn folded(&mut self) {
        for span in self.folds.iter_mut().chain(&mut self.commit) {
            span.add_event("folded", vec![]);
        }
    }

    /// It is committed; returns the `traceparent`s that its announcement carries.
    #[must_use]
    pub fn committed(mut self, position: u64) -> Vec<String> {
        let folds = std::mem::take(&mut self.folds);
        let carried = folds.iter().map(|span| named(span.span_context()));
        let carried = carried.filter(TraceParent::is_sampled).map(|it| it.to_string()).collect();
        for mut span in folds.into_iter().chain(self.commit.take()) {
            span.set_attribute(at(position));
            span.end();
        }
        carried
    }
}

impl Drop for BatchTrace {
    fn drop(&mut self) {
        for span in self.folds.iter_mut().chain(&mut self.commit) {
            span.set_status(Status::error("not committed; it is read again"));
        }
    }
}

/// The `traceparent`s of commits that may not have been pushed yet, with their positions in order
/// and the topics that they touched.
#[derive(Debug, Clone, Default)]
pub struct Recent(VecDeque<(u64, Topics, TraceParent)>);

impl Recent {
    /// A commit that will be pushed was announced, with the `traceparent`s of its spans.
    pub fn heard(&mut self, touched: Topics, position: u64, traceparents: &[String]) {
        if TRACER.get().is_none() || traceparents.is_empty() {
            return;
        }
        if self.0.back().is_some_and(|(last, ..)| *last > position) {
            // Of another log.
            self.0.clear();
        }
        let parents = traceparents.iter().filter_map(|it| TraceParent::parse(it));
        self.0.extend(parents.map(|parent| (position, touched, parent)));
        self.0.drain(..self.0.len().saturating_sub(REMEMBERED));
    }

    /// Those of the commits after one position and up to another that touched any of these topics
    /// were pushed, in work that began at that moment.
    pub fn pushed(&self, made_of: Topics, after: u64, to: u64, since: Moment) {
        let Some(tracer) = TRACER.get() else { return };
        let is_pushed = |(it, touched, _): &&(u64, Topics, TraceParent)| {
            (after + 1..=to).contains(it) && touched.intersects(made_of)
        };
        for (.., parent) in self.0.iter().filter(is_pushed) {
            span(tracer, "push", SpanKind::Producer, since)
                .with_attributes([at(to)])
                .start_with_context(tracer, &below(*parent))
                .end();
        }
    }
}

async fn within<F: Future>(context: Option<&Context>, work: F) -> F::Output {
    match context {
        Some(context) => work.with_context(context.clone()).await,
        None => work.await,
    }
}

fn span(tracer: &SdkTracer, name: &'static str, kind: SpanKind, since: Moment) -> SpanBuilder {
    tracer.span_builder(name).with_kind(kind).with_start_time(since.0)
}

fn messaging(name: &'static str, kind: &'static str, events: usize) -> [KeyValue; 4] {
    let events = i64::try_from(events).unwrap_or(i64::MAX);
    [
        KeyValue::new("messaging.system", "nats"),
        KeyValue::new("messaging.operation.name", name),
        KeyValue::new("messaging.operation.type", kind),
        KeyValue::new("messaging.batch.message_count", events),
    ]
}

fn at(position: u64) -> KeyValue {
    KeyValue::new("adaptive_bi.position", i64::try_from(position).unwrap_or(i64::MAX))
}

fn below(parent: TraceParent) -> Context {
    Context::new().with_remote_span_context(context_of(parent))
}

fn context_of(parent: TraceParent) -> SpanContext {
    let (trace, span) = (TraceId::from_bytes(parent.trace), SpanId::from_bytes(parent.span));
    SpanContext::new(trace, span, TraceFlags::new(parent.flags), true, TraceState::default())
}

fn named(context: &SpanContext) -> TraceParent {
    TraceParent {
        trace: context.trace_id().to_bytes(),
        span: context.span_id().to_bytes(),
        flags: context.trace_flags().to_u8(),
    }
}

/// The sampled parents of messages, each once with the number of its messages.
fn sampled<'a>(messages: impl Iterator<Item = Message<'a>>) -> Vec<(TraceParent, usize)> {
    let (mut found, mut places) = (Vec::<(TraceParent, usize)>::new(), HashMap::<_, usize>::new());
    for parent in messages.filter_map(parent_of).filter(TraceParent::is_sampled) {
        match places.get(&parent) {
            Some(place) => found[*place].1 += 1,
            None if found.len() < TRACES_OF_A_BATCH => {
                places.insert(parent, found.len());
                found.push((parent, 1));
            }
            None => {}
        }
    }
    found
}

/// The parent that a message names: its own header wins over the one that the event was made with.
fn parent_of(message: Message<'_>) -> Option<TraceParent> {
    let header = |wanted: &str| {
        let mut named =
            message.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.next().map(|(_, value)| value.as_str())
    };
    let mut shown = [TRACEPARENT, CLOUD_TRACEPARENT].into_iter().filter_map(header);
    shown.find_map(TraceParent::parse).or_else(|| match header(CLOUD_VERSION) {
        None => of_structured(message.payload),
        Some(_) => None,
    })
}

/// The member of a structured `CloudEvent`. Bodies without the word are not parsed.
fn of_structured(body: &[u8]) -> Option<TraceParent> {
    #[derive(Deserialize)]
    struct Structured<'a> {
        #[serde(borrow)]
        specversion: Cow<'a, str>,
        #[serde(borrow)]
        traceparent: Cow<'a, str>,
    }
    let text = std::str::from_utf8(body).ok().filter(|it| it.contains(r#""traceparent""#))?;
    let event: Structured<'_> = serde_json::from_str(text).ok()?;
    (event.specversion == "1.0").then(|| TraceParent::parse(&event.traceparent)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn parent(headers: &[(&str, &str)], body: &str) -> Option<String> {
        let message = Message { headers: &owned(headers), payload: body.as_bytes() };
        parent_of(message).map(|it| it.to_string())
    }

    /// The sampled parents of messages that name these; an empty text is a message that names none.
    fn sampled_of(parents: &[String]) -> Vec<(TraceParent, usize)> {
        let headers = parents.iter().map(|parent| match &**parent {
            "" => Vec::new(),
            parent => owned(&[("traceparent", parent)]),
        });
        let headers: Vec<_> = headers.collect();
        sampled(headers.iter().map(|headers| Message { headers, payload: b"{}" }))
    }

    #[test]
    fn a_message_says_it_in_its_header_or_as_a_cloud_event() {
        let structured = format!(r#"{{"specversion":"1.0","traceparent":"{ONE}","data":{{}}}}"#);
        for (headers, body) in [
            (vec![("traceparent", ONE)], "{}"),
            (vec![("Nats-Msg-Id", "1"), ("TraceParent", ONE)], "{}"),
            (vec![("ce-specversion", "1.0"), ("CE-traceparent", ONE)], "{}"),
            (vec![("ce-traceparent", OTHER), ("traceparent", ONE)], "{}"),
            (vec![("traceparent", "nonsense"), ("ce-traceparent", ONE)], "{}"),
            (vec![], &*structured),
            (vec![("Nats-Msg-Id", "1")], &*structured),
        ] {
            assert_eq!(parent(&headers, body).as_deref(), Some(ONE), "{headers:?} {body}");
        }
        assert_eq!(parent(&[("traceparent", OTHER)], &structured).as_deref(), Some(OTHER));
    }

    #[test]
    fn what_is_no_cloud_event_does_not_say_it_in_its_body() {
        let with = |rest: &str| format!(r#"{{"traceparent":"{ONE}"{rest}}}"#);
        for body in [with(""), with(r#","specversion":1"#), with(r#","specversion":"0.3""#)] {
            assert_eq!(parent(&[], &body), None, "{body}");
        }
        let whole = with(r#","specversion":"1.0""#);
        assert_eq!(parent(&[("ce-specversion", "1.0")], &whole), None);
        assert_eq!(parent(&[], &whole[1..]), None);
    }

    #[test]
    fn of_a_batch_each_trace_counts_once_and_what_is_not_sampled_never() {
        let unsampled = OTHER.replace("-01", "-00");
        let named = [ONE, OTHER, &unsampled, ONE, ""].map(str::to_owned);
        let found: Vec<_> =
            sampled_of(&named).iter().map(|(parent, n)| (parent.to_string(), *n)).collect();
        assert_eq!(found, [(ONE.to_owned(), 2), (OTHER.to_owned(), 1)]);

        let many = (1..=200).map(|n| format!("{}{n:016x}-01", &ONE[..36]));
        assert_eq!(sampled_of(&many.collect::<Vec<_>>()).len(), TRACES_OF_A_BATCH);
    }
}
