//! The answer about a batch: what became of each of its events.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use foldhash::HashMap;
use projections::event::Reason;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, Object, ObjectBuilder, Type};

use super::outcome::{self, Known};
use super::submit::Outcome;
use crate::http::envelope::Envelope;
use crate::http::openapi::schemas;
use crate::http::problem::Problem;

/// The seconds that a caller is told to wait when the log does not take events.
const RETRY_AFTER_S: u32 = 5;
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The result of a batch; `data` of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventReport)]
pub(super) struct Report {
    pub(super) accepted: usize,
    pub(super) duplicates: usize,
    pub(super) rejected: usize,
    /// The highest position of the batch's events, where the log has any of them.
    pub(super) position: Option<u64>,
    pub(super) results: Vec<Line>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventResult)]
pub(super) struct Line {
    /// Its place in the batch, from 0.
    index: usize,
    /// Its outcome on the log; the last three may be sent again.
    #[schema(schema_with = statuses)]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    position: Option<u64>,
    /// Its outcome in the figures, where the answer waited for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = outcome::words, required = false)]
    outcome: Option<&'static str>,
    /// Why it was rejected or quarantined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(schema_with = faults)]
    errors: Vec<Reason>,
    /// What its sender may not expect of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<&'static str>,
}

/// The faults of an event: a field as its sender wrote it, and the values that are allowed.
pub(super) fn faults() -> Array {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let fault = ObjectBuilder::new()
        .property("field", text())
        .required("field")
        .property("message", text())
        .required("message");
    Array::new(fault)
}

fn statuses() -> Object {
    schemas::words(&["accepted", "duplicate", "rejected", "refused", "unknown", "unsent"])
}

/// The report of these outcomes; `notes` are by the places of events.
pub(super) fn report(
    outcomes: HashMap<usize, Outcome>,
    notes: &HashMap<usize, &'static str>,
) -> Report {
    let mut outcomes: Vec<_> = outcomes.into_iter().collect();
    outcomes.sort_unstable_by_key(|(index, _)| *index);
    let mut report =
        Report { accepted: 0, duplicates: 0, rejected: 0, position: None, results: vec![] };
    for (index, outcome) in outcomes {
        let (status, position, errors) = match outcome {
            Outcome::Accepted(position) => ("accepted", Some(position), vec![]),
            Outcome::Duplicate(position) => ("duplicate", Some(position), vec![]),
            Outcome::Rejected(reasons) => ("rejected", None, reasons),
            Outcome::Refused(reason) => {
                tracing::debug!(reason, "the log refused an event");
                ("refused", None, vec![])
            }
            Outcome::Unknown => ("unknown", None, vec![]),
            Outcome::Unsent => ("unsent", None, vec![]),
        };
        report.accepted += usize::from(status == "accepted");
        report.duplicates += usize::from(status == "duplicate");
        report.rejected += usize::from(status == "rejected");
        report.position = report.position.max(position);
        let note = notes.get(&index).filter(|_| position.is_some()).copied();
        report.results.push(Line { index, status, position, outcome: None, errors, note });
    }
    report
}

impl Report {
    /// The positions of its events.
    pub(super) fn positions(&self) -> Vec<u64> {
        self.results.iter().filter_map(|line| line.position).collect()
    }

    /// Adds what the figures made of the events.
    pub(super) fn tell(&mut self, known: &Known) {
        for line in &mut self.results {
            let Some(position) = line.position else { continue };
            let (word, reasons) = known.of(position);
            line.outcome = Some(word);
            line.errors = reasons;
        }
    }

    /// The answer; `waited` are the seconds for which it may have waited.
    pub(super) fn answer(self, waited: Option<u64>) -> Response {
        let mut response = self.response();
        let applied = waited.map(|seconds| HeaderValue::try_from(format!("wait={seconds}")));
        if let Some(Ok(applied)) = applied {
            response.headers_mut().insert(APPLIED, applied);
        }
        response
    }

    fn response(self) -> Response {
        let taken = self.accepted + self.duplicates;
        let (all, rejected) = (self.results.len(), self.rejected);
        if taken + rejected < all {
            let message = "the log does not take every event now; send the same batch again";
            return Problem::unavailable(message, RETRY_AFTER_S)
                .with("data", written(&self))
                .into_response();
        }
        if rejected == all {
            let message = match &*self.results {
                [Line { errors, .. }] => format!("the event is not valid: {}", in_words(errors)),
                _ => "no event of the batch is valid; data.results has the reasons".to_owned(),
            };
            return Problem::new(StatusCode::BAD_REQUEST, message)
                .with("data", written(&self))
                .into_response();
        }
        let status = if rejected == 0 { StatusCode::OK } else { StatusCode::MULTI_STATUS };
        (status, Json(Envelope::of(self))).into_response()
    }
}

fn written(report: &Report) -> Value {
    serde_json::to_value(report).unwrap_or_default()
}

/// Reasons as one text.
pub(super) fn in_words(reasons: &[Reason]) -> String {
    let words = reasons.iter().map(|Reason { field, message, .. }| match field.as_ref() {
        "" => message.clone(),
        field => format!("{field} {message}"),
    });
    words.collect::<Vec<_>>().join("; ")
}
