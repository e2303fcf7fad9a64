//! The parameters of `GET /api/quarantine`.

use axum::http::Uri;
use projections::event::Kind;
use projections::time::Time;

use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::store::quarantine::{QuarantineWanted, Which};
use crate::stream::subject;

const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 100;
const DAY_MS: i64 = 86_400_000;

/// What is asked for, and how many a page has.
pub(super) fn wanted(uri: &Uri, prefix: &str) -> Result<(QuarantineWanted, u32), Problem> {
    let mut query = Parameters::of(uri);
    let position = |text: &str| text.parse::<u64>().ok();
    let a_position = "must be a position of the log";
    let text = |text: &str| (text.chars().count() <= 256).then(|| text.to_owned());
    let instant = |text: &str| Time::parse(text).ok().map(|time| time.0);
    // A day is included whole.
    let end = |text: &str| instant(text).map(|ms| if text.len() > 10 { ms } else { ms + DAY_MS });
    let an_instant = "must be a day or an instant in RFC 3339";
    let kinds = "must be a kind of event, or unknown";
    let wanted = QuarantineWanted {
        subjects: query.take("kind", |name| of_kind(prefix, name), kinds),
        field: query.take("field", text, "must be the field that a reason is about"),
        which: query
            .take("state", which, "must be open, replayed, discarded or all")
            .unwrap_or_default(),
        after: query.take("cursor", position, "must be pagination.next of the page before"),
        from_position: query.take("fromPosition", position, a_position),
        to_position: query.take("toPosition", position, a_position),
        from: query.take("from", instant, an_instant),
        to: query.take("to", end, an_instant),
        limit: 0,
    };
    let limit = query.number("limit", LIMIT_MAX, "must be a whole number from 1 to 100");
    query.finish()?;
    Ok((wanted, limit.unwrap_or(LIMIT)))
}

/// Whether it is only to be tried.
pub(super) fn is_dry(uri: &Uri) -> Result<bool, Problem> {
    let mut query = Parameters::of(uri);
    let dry = query.take("dryRun", |text| text.parse().ok(), "must be true or false");
    query.finish()?;
    Ok(dry.unwrap_or(false))
}

/// The subjects of a kind, or those of none.
fn of_kind(prefix: &str, name: &str) -> Option<(Vec<String>, bool)> {
    if name == "unknown" {
        let all = Kind::ALL.map(|kind| subject::of_kind(prefix, kind));
        return Some((all.to_vec(), true));
    }
    Kind::parse(name).map(|kind| (vec![subject::of_kind(prefix, kind)], false))
}

/// Those of a state.
fn which(name: &str) -> Option<Which> {
    match name {
        "open" => Some(Which::Open),
        "replayed" => Some(Which::Replayed),
        "discarded" => Some(Which::Discarded),
        "all" => Some(Which::All),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<(QuarantineWanted, u32), String> {
        wanted(&format!("/api/quarantine?{query}").parse().unwrap(), "shop")
            .map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn what_is_asked_for_is_read_and_what_cannot_be_is_named() {
        assert_eq!(read(""), Ok((QuarantineWanted::default(), LIMIT)));
        let (wanted, limit) =
            read("kind=stock&field=&state=all&cursor=7&from=2026-01-01&to=2026-01-01&limit=3")
                .unwrap();
        assert_eq!(wanted.subjects, Some((vec!["shop.stock".to_owned()], false)));
        assert_eq!((wanted.field.as_deref(), wanted.after), (Some(""), Some(7)));
        assert_eq!((wanted.which, limit), (Which::All, 3));
        assert_eq!(wanted.to.unwrap() - wanted.from.unwrap(), DAY_MS);
        assert!(read("kind=unknown").unwrap().0.subjects.unwrap().1);
        for (query, field) in [
            ("kind=orders", "kind"),
            ("state=begun", "state"),
            ("cursor=-1", "cursor"),
            ("fromPosition=x", "fromPosition"),
            ("to=", "to"),
            ("limit=1000", "limit"),
            ("subject[$ne]=x", "subject[$ne]"),
        ] {
            let message = read(query).unwrap_err();
            assert!(message.contains(&format!("failed: {field} ")), "{query}: {message}");
        }
    }
}
