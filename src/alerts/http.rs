//! `/api/alerts`: a person's own rules, those of roles for people who may change accounts, and the recorded alerts.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use super::deliver::webhook;
use super::deps::{Alerts, everybody};
use super::rules::{self, RULES_MAX, Wanted};
use super::shown::{All, History, One, Pagination, Past, Shown, Written, example};
use crate::auth::audit::{Event, EventType};
use crate::auth::body::{BODY_BYTES_MAX, Fields};
use crate::auth::http::unkept;
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::gate::{By, Refusal};
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::parameters::values::{Own, Since, Text, Whole};
use crate::http::parameters::{Parameter, Parameters, Params, Query};
use crate::http::problem::{FieldError, Problem, ProblemType};
use crate::push::alerts::owners;
use crate::rights::access::Access;
use crate::rights::caller::{Caller, Person};
use crate::rights::role::{Action, Resource, Role};
use crate::store::platform::alerts::{AlertRow, AlertState, Owner, Rule, Webhook};
use crate::store::platform::crossings::CrossingsWanted;
use crate::store::{self, time};

/// The access that alerts need: what is told is figures.
const ACCESS: Access = Access::Allowed(Resource::Metrics, Action::Read);
/// The right that the rules of roles need besides.
const OF_ROLES: Access = Access::Allowed(Resource::Users, Action::Update);
/// A rule that other requests keep changing is read anew so often.
const ATTEMPTS: usize = 5;

const ID: Parameter<Text> = Parameter::path(
    "id",
    "The rule's id, as `GET /api/alerts` lists it.",
    Text { min: 1, max: 128, allowed: "must be an id" },
);
const CURSOR: Parameter<Own<Uuid>> = Parameter::query(
    "cursor",
    "Only alerts older than the page that had this as `pagination.next`.",
    Own {
        read: |text| {
            Uuid::try_parse(text).map_err(|_| "must be pagination.next of the page before")
        },
        schema: || json!({ "type": "string", "format": "uuid" }),
        written: |id| json!(id),
    },
);
const SINCE: Parameter<Since> =
    Parameter::query("since", "Only alerts since this day or instant.", Since);
const ALERT: Parameter<Text> = Parameter::query(
    "alert",
    "Only those of this rule, by its id.",
    Text { min: 1, max: 128, allowed: "must be a rule's id" },
);
const LIMIT: Parameter<Whole<u32>> =
    Parameter::query("limit", "The most alerts of a page.", Whole { min: 1, max: 100 });

/// The endpoints.
pub fn routes(alerts: Alerts) -> Routes {
    let allows_private = alerts.hooks.allows_private;
    Routes::new()
        .get("/api/alerts", ACCESS, of_list(), list)
        .post("/api/alerts", ACCESS, of_create(allows_private), create)
        .get("/api/alerts/history", ACCESS, of_history(), history)
        .get("/api/alerts/{id}", ACCESS, of_show(), show)
        .put("/api/alerts/{id}", ACCESS, of_change(allows_private), change)
        .delete("/api/alerts/{id}", ACCESS, of_remove(), remove)
        .body_limit(BODY_BYTES_MAX)
        .with_state(alerts)
}

fn of_list() -> Operation {
    let answer = Answer::data::<All>("The rules.");
    Operation::new(Tag::Alerts, "listAlerts", "One's own rules", answer)
        .about("Who may change accounts gets those of roles as well.")
}

fn of_create(allows_private: bool) -> Operation {
    let answer = Answer::data_and_message::<Written>("The rule.").status(201);
    Operation::new(Tag::Alerts, "createAlert", "Makes a rule about a figure of a view", answer)
        .about(
            "The view is asked as the rule's owner: one of one's own with one's own rights, one of a \
             role with the role's. The secret of a webhook is not shown again.",
        )
        .body(&Fields::described(|body| rules::wanted(body, allows_private)), &example())
        .or_problems(&[ProblemType::TooManyAlerts])
}

fn of_show() -> Operation {
    Operation::new(Tag::Alerts, "getAlert", "A rule", Answer::data::<One>("The rule."))
        .with(&ID)
        .or_missing("There is no such rule that the caller may see.")
}

fn of_change(allows_private: bool) -> Operation {
    let answer = Answer::data_and_message::<Written>("The rule.");
    Operation::new(Tag::Alerts, "changeAlert", "Writes a rule anew", answer)
        .about(
            "All of it is replaced but its owner. It is looked at anew, as if it had never held, where \
             what it looks for is another. A webhook whose address stays keeps its secret.",
        )
        .with(&ID)
        .body(&Fields::described(|body| rules::wanted(body, allows_private)), &example())
        .or_missing("There is no such rule that the caller may see.")
}

fn of_remove() -> Operation {
    let answer = Answer::data_and_message::<One>("The rule as it was.");
    Operation::new(Tag::Alerts, "removeAlert", "Removes a rule", answer)
        .about("What was recorded of it stays.")
        .with(&ID)
        .or_missing("There is no such rule that the caller may see.")
}

fn of_history() -> Operation {
    let answer = Answer::data::<History>("A page of alerts.");
    Operation::new(
        Tag::Alerts,
        "listPastAlerts",
        "Alerts that were recorded, the newest first",
        answer,
    )
    .about("Those of the person's own rules and of their role; people who may change accounts get those of all roles.")
    .takes::<Page>()
}

/// The page that is asked for.
#[derive(Debug)]
struct Page {
    since: Option<i64>,
    alert: Option<String>,
    before: Option<Uuid>,
    limit: u32,
}

impl Parameters for Page {
    fn read(query: &mut Query) -> Self {
        let (since, alert) = (query.take(&SINCE), query.take(&ALERT));
        Page { since, alert, before: query.take(&CURSOR), limit: query.take_or(&LIMIT, 50) }
    }
}

async fn list(State(alerts): State<Alerts>, By(person): By<Person>) -> Result<Response, Problem> {
    let rows = alerts.platform.alerts_of(&changed_by(&person)).await.map_err(unread)?;
    let all = rows.into_iter().map(|row| Shown::of(&alerts, row)).collect();
    Ok(unkept(Envelope::of(All { alerts: all })))
}

async fn show(
    State(alerts): State<Alerts>,
    By(person): By<Person>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = one(&alerts, &person, &id).await?;
    Ok(unkept(Envelope::of(One { alert: Shown::of(&alerts, row) })))
}

async fn create(
    State(alerts): State<Alerts>,
    By(person): By<Person>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let wanted = rules::wanted(&mut body, alerts.hooks.allows_private);
    body.finish()?;
    let owner = match wanted.role {
        None => Owner::User(person.user_id.clone()),
        Some(role) if may_of_roles(&person) => Owner::Role(role),
        Some(_) => return Err(Refusal::Forbidden(OF_ROLES).into()),
    };
    Box::pin(rules::check(&alerts, &as_owner(&person, &owner), &wanted)).await?;
    // Two at once may both be the last one: the bound keeps them few and need not be exact.
    let (of_owner, all) = alerts.platform.count_alerts(&owner).await.map_err(unread)?;
    if of_owner >= RULES_MAX.0 || all >= RULES_MAX.1 {
        let message = "There are as many alerts as there may be; remove one first";
        return Err(Problem::of(ProblemType::TooManyAlerts, message));
    }
    let (now, secret) = (time::now(), wanted.webhook.as_ref().map(|_| webhook::new_secret()));
    let row = AlertRow {
        id: Uuid::new_v4().to_string(),
        owner,
        revision: 1,
        rule: rule(wanted, secret.clone()),
        created_by: format!("user:{}", person.user_id),
        created_at: now,
        updated_at: now,
        state: AlertState::new(0, now),
    };
    alerts.platform.insert_alert(&row).await.map_err(unread)?;
    remember(&alerts, EventType::AlertCreate, &person, &row, &origin).await;
    let written = Written { alert: Shown::of(&alerts, row), webhook_secret: secret };
    let answer = Envelope::of(written).saying("The alert is made");
    Ok((StatusCode::CREATED, unkept(answer)).into_response())
}

async fn change(
    State(alerts): State<Alerts>,
    By(person): By<Person>,
    origin: Origin,
    Path(id): Path<String>,
    mut body: Fields,
) -> Result<Response, Problem> {
    let mut before = one(&alerts, &person, &id).await?;
    let mut wanted = rules::wanted(&mut body, alerts.hooks.allows_private);
    body.finish()?;
    let owner = before.owner.clone();
    match (&owner, wanted.role) {
        (Owner::Role(role), None) => wanted.role = Some(*role),
        (Owner::Role(role), Some(wanted)) if *role == wanted => {}
        (_, None) => {}
        (_, Some(_)) => {
            let error = FieldError::new("role", "must stay as it was: a rule keeps its owner");
            return Err(Problem::invalid(vec![error]));
        }
    }
    Box::pin(rules::check(&alerts, &as_owner(&person, &owner), &wanted)).await?;
    for _ in 0..ATTEMPTS {
        let (row, secret) = changed(&before, wanted.clone());
        if alerts.platform.change_alert(&before, &row).await.map_err(unread)? {
            remember(&alerts, EventType::AlertChange, &person, &row, &origin).await;
            let written = Written { alert: Shown::of(&alerts, row), webhook_secret: secret };
            return Ok(unkept(Envelope::of(written).saying("The alert is changed")));
        }
        // Its state was written meanwhile, or somebody else changed it.
        before = one(&alerts, &person, &id).await?;
    }
    Err(Problem::unavailable("The alert is being written to by others; try again", 1))
}

async fn remove(
    State(alerts): State<Alerts>,
    By(person): By<Person>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let row = one(&alerts, &person, &id).await?;
    if !alerts.platform.remove_alert(&id).await.map_err(unread)? {
        return Err(missing());
    }
    remember(&alerts, EventType::AlertDelete, &person, &row, &origin).await;
    let one = One { alert: Shown::of(&alerts, row) };
    Ok(unkept(Envelope::of(one).saying("The alert is removed")))
}

async fn history(
    State(alerts): State<Alerts>,
    By(person): By<Person>,
    Params(page): Params<Page>,
) -> Result<Response, Problem> {
    let changes = changed_by(&person);
    let mut of = owners(&person).to_vec();
    of.extend(changes.iter().filter(|owner| !of.contains(owner)).cloned().collect::<Vec<_>>());
    let wanted = CrossingsWanted {
        owners: of,
        alert: page.alert,
        since: page.since,
        before: page.before.map(|id| id.to_string()),
        told: false,
        // One more than is shown says whether there are more.
        limit: page.limit + 1,
    };
    let mut rows = alerts.platform.crossings_wanted(&wanted).await.map_err(unread)?;
    let has_more = rows.len() > page.limit as usize;
    rows.truncate(page.limit as usize);
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    let next = ids.last().filter(|_| has_more).cloned();
    let deliveries = alerts.platform.deliveries_of(&ids).await.map_err(unread)?;
    let past = |row: store::platform::crossings::CrossingRow| {
        let is_ours = changes.contains(&row.owner);
        let of_it = deliveries.iter().filter(|it| it.crossing == row.id);
        let seen = of_it.filter(|it| is_ours || it.to.as_deref() == Some(&*person.user_id));
        let deliveries = seen.cloned().map(Into::into).collect();
        Past { is_told: row.is_told, deliveries, alert: row.into() }
    };
    let past = rows.into_iter().map(past).collect();
    let pagination = Pagination { limit: page.limit, next };
    Ok(unkept(Envelope::of(History { alerts: past, pagination })))
}

/// The owners whose rules a person may see and change.
fn changed_by(person: &Person) -> Vec<Owner> {
    let roles = Role::ALL.into_iter().filter(|_| may_of_roles(person)).map(Owner::Role);
    std::iter::once(Owner::User(person.user_id.clone())).chain(roles).collect()
}

fn may_of_roles(person: &Person) -> bool {
    OF_ROLES.admits(&Caller::Person(person.clone()))
}

/// The caller as whom a rule's view is asked.
fn as_owner(person: &Person, owner: &Owner) -> Caller {
    match owner {
        Owner::User(_) => Caller::Person(person.clone()),
        Owner::Role(role) => everybody(*role),
    }
}

/// A rule that a person may see and change.
async fn one(alerts: &Alerts, person: &Person, id: &str) -> Result<AlertRow, Problem> {
    let row = alerts.platform.alert(id).await.map_err(unread)?;
    row.filter(|row| changed_by(person).contains(&row.owner)).ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no such alert")
}

/// What is written of a rule that is wanted.
fn rule(wanted: Wanted, secret: Option<String>) -> Rule {
    Rule {
        name: wanted.name,
        view: wanted.view,
        figure: wanted.figure,
        quarters: wanted.quarters,
        condition: wanted.condition,
        quiet_s: wanted.quiet_s,
        mail: wanted.mail,
        webhook: wanted.webhook.zip(secret).map(|(url, secret)| Webhook { url, secret }),
        is_active: wanted.is_active,
    }
}

/// A rule as it becomes, and the secret of its webhook where that is another.
fn changed(before: &AlertRow, wanted: Wanted) -> (AlertRow, Option<String>) {
    let kept = before.rule.webhook.as_ref();
    let kept = kept.filter(|it| wanted.webhook.as_ref() == Some(&it.url));
    let new = wanted.webhook.as_ref().filter(|_| kept.is_none()).map(|_| webhook::new_secret());
    let secret = kept.map(|it| it.secret.clone()).or_else(|| new.clone());
    let (rule, was, now) = (rule(wanted, secret), &before.rule, time::now());
    let looks_for_the_same = (&rule.view, &rule.figure, rule.quarters, rule.condition)
        == (&was.view, &was.figure, was.quarters, was.condition)
        && rule.is_active == was.is_active;
    let state = if looks_for_the_same {
        before.state.clone()
    } else {
        AlertState::new(before.state.number, now)
    };
    let revision = before.revision + 1;
    (AlertRow { rule, revision, updated_at: now, state, ..before.clone() }, new)
}

/// Adds to the audit, and has the rules read anew.
async fn remember(
    alerts: &Alerts,
    event: EventType,
    person: &Person,
    row: &AlertRow,
    origin: &Origin,
) {
    alerts.changed.notify_one();
    let event = Event::done(event).by_user(&person.user_id).from(origin);
    let event = event.to(format!("alert:{}", row.id));
    let detail = format!("{:?}, of {}", row.rule.name, row.owner);
    alerts.accounts.audit.record(event.detail(detail)).await;
}

/// The problem of a store that is not read or written.
fn unread(error: store::Error) -> Problem {
    crate::auth::error::Error::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::platform::alerts::Condition;

    fn wanted(webhook: Option<&str>, bound: f64) -> Wanted {
        Wanted {
            name: "Sales".to_owned(),
            role: None,
            view: "/api/metrics/sales".to_owned(),
            figure: Some("/totalRevenue".to_owned()),
            quarters: None,
            condition: Condition::Above { value: bound },
            quiet_s: 60,
            mail: false,
            webhook: webhook.map(str::to_owned),
            is_active: true,
        }
    }

    #[test]
    fn a_change_keeps_the_state_of_what_is_looked_for_and_the_secret_of_an_address() {
        let now = time::now();
        let state = AlertState { since: Some(now), position: 7, ..AlertState::new(3, now) };
        let before = AlertRow {
            id: "1".to_owned(),
            owner: Owner::Role(Role::Viewer),
            revision: 1,
            rule: rule(wanted(Some("https://a.example"), 5.0), Some("whsec_1".to_owned())),
            created_by: "user:1".to_owned(),
            created_at: now,
            updated_at: now,
            state,
        };
        let secret = |row: &AlertRow| row.rule.webhook.as_ref().map(|it| it.secret.clone());
        let (row, new) = changed(&before, wanted(Some("https://a.example"), 5.0));
        assert_eq!((&row.state, new), (&before.state, None));
        assert_eq!((secret(&row).as_deref(), row.revision), (Some("whsec_1"), 2));
        let (row, new) = changed(&before, wanted(Some("https://b.example"), 6.0));
        assert_eq!((row.state.number, row.state.since, row.state.generation), (3, None, 0));
        assert_eq!(secret(&row), new);
        assert_ne!(secret(&row).as_deref(), Some("whsec_1"));
        let (row, new) = changed(&before, wanted(None, 5.0));
        assert_eq!((row.rule.webhook, new), (None, None));
    }
}
