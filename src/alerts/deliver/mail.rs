//! A recorded alert as a mail. Its Message-ID is made of the alert and the recipient, so one that is sent
//! again is the same to mail programs.

use std::fmt::Write;

use super::super::deps::Alerts;
use super::outcome::Outcome;
use crate::causes::describe;
use crate::push::alerts::Recorded;
use crate::store::platform::crossings::CrossingRow;
use crate::store::platform::directory::Member;

/// Mails an alert to a person.
pub async fn send(alerts: &Alerts, to: &Member, crossing: &CrossingRow) -> Outcome {
    let Some(mailer) = &alerts.accounts.mailer else {
        return Outcome::Again("no mail server is set".to_owned());
    };
    let id = format!("alert.{}.{}", crossing.id, to.id);
    let alert = Recorded::from(crossing.clone());
    let subject = format!("Alert: {}", alert.name);
    match mailer
        .send_alert(&to.email, &id, &subject, text(&alert, &alerts.accounts.public_url))
        .await
    {
        Ok(()) => Outcome::Sent,
        Err(unsent) => {
            tracing::debug!(error = describe(&*unsent.error), "an alert was not mailed");
            let why = "the mail server did not take it".to_owned();
            if unsent.is_permanent { Outcome::Never(why) } else { Outcome::Again(why) }
        }
    }
}

fn text(alert: &Recorded, public_url: &str) -> String {
    let condition = &alert.condition;
    let mut text = match (condition.is, condition.value, condition.percent, &condition.duration) {
        ("changedBy", _, Some(percent), _) => format!("It changed by {percent} % or more"),
        ("noEventsFor", _, _, Some(duration)) => format!("There were no events for {duration}"),
        (is, Some(bound), ..) => format!("It is {is} {bound}"),
        _ => "It came to hold".to_owned(),
    };
    text = format!("{}\n\n{text}.\n", alert.name);
    // Writing to a string does not fail.
    let mut line = |name: &str, value: &str| {
        let _ = write!(text, "\n{name}: {value}");
    };
    if let Some(value) = alert.value {
        line("Now", &value.to_string());
    }
    if let Some(before) = alert.before {
        line("In the window before", &before.to_string());
    }
    line("View", &alert.view);
    if let Some(figure) = &alert.figure {
        line("Figure", figure);
    }
    if let Some(window) = &alert.window {
        line("Window", window);
    }
    line("At", &alert.at);
    line("Service", public_url);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::alerts::Condition;
    use crate::store::platform::alerts;

    #[test]
    fn a_mail_says_what_came_to_hold_and_where() {
        let condition = alerts::Condition::Above { value: 100.5 };
        let alert = Recorded {
            id: "1".to_owned(),
            alert_id: "2".to_owned(),
            name: "Good day".to_owned(),
            role: None,
            view: "/api/metrics/sales".to_owned(),
            figure: Some("/totalRevenue".to_owned()),
            window: Some("24h".to_owned()),
            condition: condition.into(),
            value: Some(120.0),
            before: None,
            generation: 1,
            position: 7,
            at: "2026-11-29T10:00:00.000Z".to_owned(),
        };
        let expected = "Good day\n\nIt is above 100.5.\n\nNow: 120\nView: /api/metrics/sales\nFigure: \
                        /totalRevenue\nWindow: 24h\nAt: 2026-11-29T10:00:00.000Z\nService: \
                        https://bi.example.org\n";
        assert_eq!(text(&alert, "https://bi.example.org"), expected);
        let silent = Condition::from(alerts::Condition::NoEventsFor { seconds: 600 });
        let said = text(&Recorded { condition: silent, ..alert }, "");
        assert!(said.contains("There were no events for 10m."), "{said}");
    }
}
