//! `GET /api/dashboard/batch`: many views at one position, in one reading.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answer::{ATTEMPTS, provenance, refuse, whole};
use super::deps::Deps;
use super::error::Error;
use super::question::{Question, figures, hashed};
use super::view::DASHBOARD;
use super::views::{self, Refused};
use super::wait::{self, Least};
use crate::http::envelope::Envelope;
use crate::http::gate::{By, Refusal};
use crate::http::openapi::{Answer, Operation, PROVENANCE, Tag};
use crate::http::parameters::values::Text;
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::http::problem::{Problem, ProblemType};
use crate::http::{Routes, etag};
use crate::rights::caller::Caller;
use crate::store::read::Snapshot;

/// The most views.
const VIEWS_MAX: usize = 20;
/// Views that are read at a time.
const AT_A_TIME: usize = 4;

const VIEW: Parameter<Text> = Parameter::query(
    "view",
    "The path of a view with its parameters, escaped; given once for each view, 1 to 20 times.",
    Text { min: 1, max: 2_048, allowed: "must be the path of a view, of at most 2,048 characters" },
)
.example("/api/metrics/sales?period=day");

/// The views that are asked for.
struct Asked(Vec<String>);

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        Asked(query.take_all(&VIEW, VIEWS_MAX))
    }
}

/// The answer to one view.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnswerOfBatch)]
struct Item {
    /// The view, as it was asked for.
    view: String,
    /// The status that its own address answers.
    status: u16,
    /// Its figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Object)]
    data: Option<Box<RawValue>>,
    /// The problem, where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Object)]
    error: Option<Value>,
}

/// The answers to all of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnswersOfBatch)]
struct Items(Vec<Item>);

/// The route.
pub fn routes(deps: Deps) -> Routes {
    let answer = Answer::data::<Items>("The answers, in the order of the views.");
    let about = "All of them reflect one position. Each view is answered with the rights that the caller has, and a \
                 view that is refused or not known leaves the others as they are.";
    let known = Answer::empty(304, "The caller has this answer.").headers(PROVENANCE);
    let operation =
        Operation::new(Tag::Figures, "getBatch", "Many views at once", answer.headers(PROVENANCE))
            .about(about)
            .or(known)
            .takes::<Asked>()
            .with(&wait::MIN_POSITION)
            .with(&wait::PREFER)
            .with(&etag::PARAMETER)
            .or_problems(&[ProblemType::ProjectionBehind]);
    Routes::new().get("/api/dashboard/batch", DASHBOARD, operation, batch).with_state(deps)
}

async fn batch(
    State(deps): State<Deps>,
    By(caller): By<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    answer(&deps, &caller, &uri, &headers).await.unwrap_or_else(refuse)
}

async fn answer(
    deps: &Deps,
    caller: &Caller,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let now = (deps.now)();
    let Asked(views) = Asked::parse(uri, now).map_err(Error::Invalid)?;
    let question = |view: String| {
        let uri: Option<Uri> = view.parse().ok();
        let asked = uri.ok_or(Refused::NoView);
        let asked = asked.and_then(|uri| views::ask(&uri, caller, now, deps.cache.language()));
        (view, asked.map_err(problem))
    };
    let questions: Vec<_> = views.into_iter().map(question).collect();
    let mut snapshot = wait::snapshot(deps, Least::of(headers)?).await?;
    let mut attempt = 1;
    loop {
        let etag = of_all(&questions, &snapshot);
        if etag::is_known(headers, &etag) {
            let provenance = provenance(deps, &snapshot, Some(&etag));
            return Ok((StatusCode::NOT_MODIFIED, provenance).into_response());
        }
        let reading: Vec<_> = questions.iter().map(|it| Item::read(deps, it, &snapshot)).collect();
        let items: Vec<Result<Item, Error>> = iter(reading).buffered(AT_A_TIME).collect().await;
        match items.into_iter().collect::<Result<Vec<Item>, Error>>() {
            Ok(items) => {
                // What is not answered now may be the next time.
                let stays = items.iter().all(|item| item.status < 500);
                let provenance = provenance(deps, &snapshot, stays.then_some(&*etag));
                let body =
                    serde_json::to_vec(&Envelope::of(Items(items))).map_err(Error::Unwritable)?;
                return Ok(whole(provenance, Bytes::from(body)));
            }
            Err(error) if error.is_snapshot_gone() && attempt < ATTEMPTS => {
                snapshot = wait::read(deps).await?.ok_or(Error::NoGeneration)?;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

type Asking = (String, Result<Question, Problem>);

/// The `ETag` of all answers together.
fn of_all(questions: &[Asking], snapshot: &Snapshot) -> String {
    let of_one = |(view, question): &Asking| match question {
        Ok(question) => format!("{view}|{}", question.etag(snapshot)),
        Err(problem) => format!("{view}|{}", problem.status().as_u16()),
    };
    hashed(&questions.iter().map(of_one).collect::<Vec<_>>().join("\n"))
}

impl Item {
    /// Reads one. Fails where the snapshot is gone.
    async fn read(deps: &Deps, asked: &Asking, snapshot: &Snapshot) -> Result<Self, Error> {
        let (view, question) = asked;
        let question = match question {
            Ok(question) => question,
            Err(problem) => return Ok(Item::refused(view, problem)),
        };
        match deps.cache.get(question, &question.etag(snapshot), snapshot).await {
            Ok(answer) => Item::answered(view, &answer),
            Err(error) if error.is_snapshot_gone() => Err(error),
            Err(error) => Ok(Item::refused(view, &Problem::from(error))),
        }
    }

    fn answered(view: &str, answer: &Bytes) -> Result<Self, Error> {
        let data = serde_json::from_slice(&figures(answer)).map_err(Error::Unwritable)?;
        Ok(Item { view: view.to_owned(), status: 200, data: Some(data), error: None })
    }

    fn refused(view: &str, problem: &Problem) -> Self {
        let (status, error) = (problem.status().as_u16(), Some(problem.told()));
        Item { view: view.to_owned(), status, data: None, error }
    }
}

/// The problem that a view is refused with.
#[must_use]
pub fn problem(refused: Refused) -> Problem {
    match refused {
        Refused::NoView => Problem::new(StatusCode::NOT_FOUND, "There is no such view."),
        Refused::Forbidden(access) => Refusal::Forbidden(access).into(),
        Refused::Invalid(error) => error.into(),
    }
}
