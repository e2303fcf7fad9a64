//! The parameters of `/api/quarantine`.

use projections::event::{Kind, Reason};

use crate::http::parameters::values::{
    Flag, OneOf, Own, POSITION, Since, Text, Until, Whole, Word,
};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::store::quarantine::{QuarantineWanted, Which};
use crate::stream::subject;

const KIND: Parameter<OneOf<OfKind>> =
    Parameter::query("kind", "Those whose subject names this kind, or names none.", OneOf::new());
const FIELD: Parameter<Text> = Parameter::query(
    "field",
    "Those with a reason about this field; an empty one is the whole message.",
    Text { min: 0, max: 256, allowed: "must be the field that a reason is about" },
)
.example("totalPrice");
const REASON: Parameter<OneOf<Waits>> =
    Parameter::query("reason", "Those with a reason of this word.", OneOf::new());
const STATE: Parameter<OneOf<Which>> =
    Parameter::query("state", "The decision about them.", OneOf::new());
const CURSOR: Parameter<Own<u64>> = Parameter::query(
    "cursor",
    "Those after the page that had this as `pagination.next`.",
    Own {
        read: |text| text.parse().map_err(|_| "must be pagination.next of the page before"),
        ..POSITION
    },
);
const FROM_POSITION: Parameter<Own<u64>> =
    Parameter::query("fromPosition", "Those from this position of the log on.", POSITION);
const TO_POSITION: Parameter<Own<u64>> =
    Parameter::query("toPosition", "Those up to and with this position of the log.", POSITION);
const FROM: Parameter<Since> =
    Parameter::query("from", "Those that the log stored since this day or instant.", Since);
const TO: Parameter<Until> = Parameter::query(
    "to",
    "Those that the log stored before this instant, or up to this day, which is included whole.",
    Until,
);
const LIMIT: Parameter<Whole<u32>> =
    Parameter::query("limit", "The most messages of a page.", Whole { min: 1, max: 100 });
const DRY_RUN: Parameter<Flag> =
    Parameter::query("dryRun", "Says what it would do, and does nothing.", Flag);

/// The filter that is asked for, and the size of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    kind: Option<OfKind>,
    wanted: QuarantineWanted,
    pub(super) limit: u32,
}

/// A kind of event, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfKind {
    One(Kind),
    Unknown,
}

impl Parameters for Page {
    fn read(query: &mut Query) -> Self {
        let kind = query.take(&KIND);
        let wanted = QuarantineWanted {
            subjects: None,
            field: query.take(&FIELD),
            reason: query.take(&REASON).map(|reason| reason.word().to_owned()),
            which: query.take_or(&STATE, Which::default()),
            after: query.take(&CURSOR),
            from_position: query.take(&FROM_POSITION),
            to_position: query.take(&TO_POSITION),
            from: query.take(&FROM),
            to: query.take(&TO),
            limit: 0,
        };
        Page { kind, wanted, limit: query.take_or(&LIMIT, 50) }
    }
}

impl Page {
    /// The filter for subjects that begin with `prefix`. It asks for one message more than is
    /// shown, which says whether there are more.
    pub(super) fn wanted(self, prefix: &str) -> QuarantineWanted {
        let of = |kind| subject::of_kind(prefix, kind);
        let subjects = self.kind.map(|kind| match kind {
            OfKind::One(kind) => (vec![of(kind)], false),
            OfKind::Unknown => (Kind::ALL.map(of).to_vec(), true),
        });
        QuarantineWanted { subjects, limit: self.limit + 1, ..self.wanted }
    }
}

/// A page of the open messages that wait for something that may have come.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) reason: Waits,
    pub(super) after: Option<u64>,
    pub(super) limit: u32,
    pub(super) dry: bool,
}

impl Parameters for Sweep {
    fn read(query: &mut Query) -> Self {
        Sweep {
            // Without one, all parameters are refused.
            reason: query.needed(&REASON).unwrap_or(Waits::NoRate),
            after: query.take(&CURSOR),
            limit: query.take_or(&LIMIT, 50),
            dry: query.take_or(&DRY_RUN, false),
        }
    }
}

/// Whether something is only to be tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct IsDry(pub(super) bool);

impl Parameters for IsDry {
    fn read(query: &mut Query) -> Self {
        IsDry(query.take_or(&DRY_RUN, false))
    }
}

impl Word for OfKind {
    const ALL: &'static [Self] = &{
        let mut all = [OfKind::Unknown; Kind::ALL.len() + 1];
        let mut at = 0;
        while at < Kind::ALL.len() {
            all[at] = OfKind::One(Kind::ALL[at]);
            at += 1;
        }
        all
    };

    fn word(self) -> &'static str {
        match self {
            OfKind::One(kind) => kind.as_str(),
            OfKind::Unknown => "unknown",
        }
    }
}

/// A reason that another event can take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// There is no rate of its currency.
    NoRate,
}

impl Word for Waits {
    const ALL: &'static [Self] = &[Waits::NoRate];

    fn word(self) -> &'static str {
        match self {
            Waits::NoRate => Reason::NO_RATE,
        }
    }
}

impl Word for Which {
    const ALL: &'static [Self] = &[Which::Open, Which::Replayed, Which::Discarded, Which::All];

    fn word(self) -> &'static str {
        match self {
            Which::Open => "open",
            Which::Replayed => "replayed",
            Which::Discarded => "discarded",
            Which::All => "all",
        }
    }
}

#[cfg(test)]
mod tests {
    use projections::time::Time;

    use super::*;
    use crate::http::problem::Problem;

    const DAY_MS: i64 = 86_400_000;

    fn read(query: &str) -> Result<QuarantineWanted, String> {
        Page::parse(&format!("/api/quarantine?{query}").parse().unwrap(), Time(0))
            .map(|page| page.wanted("shop"))
            .map_err(|errors| Problem::invalid(errors).message().to_owned())
    }

    #[test]
    fn a_page_is_sent_again_for_a_reason_that_is_named() {
        let sweep = |query: &str| {
            let uri = format!("/api/quarantine/replay{query}").parse().unwrap();
            let errors = Sweep::parse(&uri, Time(0)).map(|it| it.reason).map_err(Problem::invalid);
            errors.map_err(|problem| problem.message().to_owned())
        };
        assert_eq!(sweep("?reason=no-rate"), Ok(Waits::NoRate));
        for query in ["", "?limit=2", "?reason=", "?reason=currency"] {
            let message = sweep(query).unwrap_err();
            assert!(message.contains("reason must be no-rate"), "{query}: {message}");
        }
        let needed = Sweep::described().into_iter().find(|it| it["name"] == "reason").unwrap();
        assert_eq!(needed["required"], true);
    }

    #[test]
    fn what_is_asked_for_is_read_and_what_cannot_be_is_named() {
        assert_eq!(read(""), Ok(QuarantineWanted { limit: 51, ..QuarantineWanted::default() }));
        let wanted =
            read("kind=stock&field=&state=all&cursor=7&from=2026-01-01&to=2026-01-01&limit=3")
                .unwrap();
        assert_eq!(wanted.subjects, Some((vec!["shop.stock".to_owned()], false)));
        assert_eq!((wanted.field.as_deref(), wanted.after), (Some(""), Some(7)));
        assert_eq!((wanted.which, wanted.limit), (Which::All, 4));
        assert_eq!(wanted.to.unwrap() - wanted.from.unwrap(), DAY_MS);
        assert!(read("kind=unknown").unwrap().subjects.unwrap().1);
        let waits = read("reason=no-rate").unwrap();
        assert_eq!(waits.reason.as_deref(), Some("no-rate"));
        let named = OfKind::ALL.iter().map(|it| it.word());
        assert!(named.eq(Kind::ALL.map(Kind::as_str).into_iter().chain(["unknown"])));
        for (query, field) in [
            ("kind=orders", "kind"),
            ("state=begun", "state"),
            ("reason=currency", "reason"),
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
