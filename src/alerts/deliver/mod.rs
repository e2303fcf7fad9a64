//! What has to be told of a recorded alert: a row for each message, kept in the store until it is
//! delivered or given up. Every process takes those that are due; what one of them leaves half-way
//! another begins again, so a message can come twice, and has the same id then.

pub mod mail;
pub mod outcome;
pub mod webhook;

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use rand::Rng;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::outcome::Outcome;
use super::deps::Alerts;
use super::window::uri;
use crate::query::views::Refused;
use crate::rights::caller::Caller;
use crate::store::platform::Platform;
use crate::store::platform::alerts::{AlertRow, Owner};
use crate::store::platform::crossings::CrossingRow;
use crate::store::platform::deliveries::{DeliveryRow, Progress, Way};
use crate::store::platform::directory::Member;
use crate::store::{self, time};
use crate::{failpoint, telemetry};

/// The people of a role who are mailed, at most.
pub const MAILED_MAX: u32 = 100;
/// A message is given up after so long.
const TRIED_FOR: Duration = Duration::from_hours(24);
/// The pause after the first attempt; it doubles with each,
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// Whoever claims a message has so long for it: more than a mail server or a program is waited for.
const CLAIMED_FOR: Duration = Duration::from_mins(1);
/// Messages that are worked on at a time: none waits for a slow one, but for many of them.
const AT_A_TIME: usize = 8;
/// The time between two looks for messages that are due.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A place where the program can be told to die: a message is delivered, and that is not noted.
pub const DELIVERED: &str = "alert-delivered";

/// The messages of a crossing.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn drawn_up(
    platform: &Platform,
    alert: &AlertRow,
    crossing: &CrossingRow,
) -> Result<Vec<DeliveryRow>, store::Error> {
    let row = |by: Way, to: Option<String>| DeliveryRow {
        id: match &to {
            Some(to) => format!("{}:{}:{to}", crossing.id, by.as_str()),
            None => format!("{}:{}", crossing.id, by.as_str()),
        },
        crossing: crossing.id.clone(),
        alert: alert.id.clone(),
        by,
        to,
        state: Progress::Waiting,
        attempts: 0,
        next_at: crossing.at,
        error: None,
        at: crossing.at,
        expires_at: crossing.expires_at,
    };
    let mut rows = Vec::new();
    if alert.rule.mail {
        let people = match &alert.owner {
            Owner::User(id) => vec![id.clone()],
            Owner::Role(role) => {
                let members = platform.members_of(*role, MAILED_MAX).await?;
                members.into_iter().map(|member| member.id).collect()
            }
        };
        rows.extend(people.into_iter().map(|id| row(Way::Mail, Some(id))));
    }
    if alert.rule.webhook.is_some() {
        rows.push(row(Way::Webhook, None));
    }
    Ok(rows)
}

/// Delivers what is due until `stop`. What is under way then is begun again by another.
pub async fn run(alerts: Alerts, stop: CancellationToken) {
    stop.run_until_cancelled(deliver(alerts)).await;
}

async fn deliver(alerts: Alerts) {
    let (turns, mut working) = (Arc::new(Semaphore::new(AT_A_TIME)), JoinSet::new());
    loop {
        let turn = turns.clone().acquire_owned().await;
        while working.try_join_next().is_some() {}
        match alerts.platform.claim_delivery(CLAIMED_FOR).await {
            Ok(Some(row)) => {
                let alerts = alerts.clone();
                working.spawn(async move {
                    work(&alerts, &row).await;
                    drop(turn);
                });
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "messages of alerts were not looked for"),
        }
        tokio::select! {
            () = alerts.due.notified() => {}
            () = sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Works on a message that was claimed.
async fn work(alerts: &Alerts, row: &DeliveryRow) {
    let outcome = match attempt(alerts, row).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Again(if error.is_unavailable() {
            "the database did not answer".to_owned()
        } else {
            tracing::error!(%error, delivery = row.id, "a message of an alert was not delivered");
            "it could not be worked on".to_owned()
        }),
    };
    if outcome == Outcome::Sent {
        failpoint::pass(DELIVERED);
    }
    let (now, pause) = (time::now(), pause(row.attempts));
    let is_over = time::later(now, pause) > time::later(row.at, TRIED_FOR);
    let (state, error, label) = match &outcome {
        Outcome::Sent => (Progress::Sent, None, "sent"),
        Outcome::Again(error) if !is_over => (Progress::Waiting, Some(&**error), "again"),
        Outcome::Again(error) | Outcome::Never(error) => {
            tracing::warn!(error, delivery = row.id, "a message of an alert is given up");
            (Progress::Failed, Some(&**error), "failed")
        }
    };
    counter!(telemetry::ALERT_DELIVERIES, "by" => row.by.as_str(), "outcome" => label).increment(1);
    let next_at = time::later(now, pause);
    if let Err(error) = alerts.platform.note_delivery(row, state, next_at, error).await {
        tracing::warn!(%error, delivery = row.id, "what became of a message was not noted");
    }
}

/// Delivers a message to somebody who may still have it.
async fn attempt(alerts: &Alerts, row: &DeliveryRow) -> Result<Outcome, store::Error> {
    let never = |why: &str| Ok(Outcome::Never(why.to_owned()));
    let Some(crossing) = alerts.platform.crossing(&row.crossing).await? else {
        return never("the alert is not kept any more");
    };
    let owner = alerts.caller(&crossing.owner).await?;
    if owner.is_none_or(|owner| !may_ask(alerts, &crossing, &owner)) {
        return never("the rule's owner may not ask the view any more");
    }
    match (row.by, &row.to) {
        (Way::Mail, Some(id)) => {
            let members = alerts.platform.members(std::slice::from_ref(id)).await?;
            let member = members.into_iter().find(|member| is_for(&crossing, member));
            let Some(member) = member else { return never("it is not for this person any more") };
            Ok(mail::send(alerts, &member, &crossing).await)
        }
        (Way::Mail, None) => never("nobody is named"),
        (Way::Webhook, _) => {
            let rule = alerts.platform.alert(&row.alert).await?;
            let webhook = rule.and_then(|rule| rule.rule.webhook);
            let Some(webhook) = webhook else { return never("the rule has no webhook any more") };
            Ok(alerts.hooks.send(&webhook, crossing).await)
        }
    }
}

fn is_for(crossing: &CrossingRow, member: &Member) -> bool {
    match &crossing.owner {
        Owner::User(id) => *id == member.id,
        Owner::Role(role) => *role == member.role,
    }
}

fn may_ask(alerts: &Alerts, crossing: &CrossingRow, caller: &Caller) -> bool {
    let Some(uri) = uri(&crossing.view, None) else { return false };
    let asked = alerts.ask(&uri, caller, (alerts.queries.now)());
    !matches!(asked, Err(Refused::Forbidden(_) | Refused::NoView))
}

/// The pause after so many attempts, a fifth of it by chance, so that many do not come at once.
fn pause(attempts: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    let pause = doubled.min(LONGEST_PAUSE);
    pause.mul_f64(rand::rng().random_range(0.8..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        for (attempts, seconds) in
            [(0, 1), (1, 1), (2, 2), (5, 16), (12, 2_048), (13, 3_600), (99, 3_600)]
        {
            let pause = pause(attempts).as_secs_f64() / f64::from(seconds);
            assert!((0.8..=1.0).contains(&pause), "{attempts}: {pause}");
        }
    }
}
