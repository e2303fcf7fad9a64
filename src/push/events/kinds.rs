//! The kinds of events that a subscriber follows.

use projections::event::Kind;

/// The topic's name.
pub const EVENTS: &str = "events";

/// Some kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u32);

/// A text that names a kind that there is none of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{EVENTS}: must be followed by kinds with commas between them, of {}", Kind::ALL.map(Kind::as_str).join(", "))]
pub struct NoSuchKind;

impl Kinds {
    /// All of them.
    pub const ALL: Kinds = Kinds(u32::MAX);

    /// The kinds that the name of a topic asks for: `events`, or `events:` and words with commas between
    /// them. `None` where it is another topic's name.
    ///
    /// # Errors
    /// [`NoSuchKind`].
    #[must_use]
    pub fn of_topic(name: &str) -> Option<Result<Self, NoSuchKind>> {
        let rest = name.strip_prefix(EVENTS)?;
        if rest.is_empty() {
            return Some(Ok(Kinds::ALL));
        }
        let words = rest.strip_prefix(':')?;
        let mut kinds = words.split(',').map(|word| Kind::parse(word.trim()).ok_or(NoSuchKind));
        Some(kinds.try_fold(Kinds(0), |kinds, kind| Ok(Kinds(kinds.0 | Kinds::bit(kind?)))))
    }

    /// Whether a kind is among them.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        self.0 & Kinds::bit(kind) != 0
    }

    fn bit(kind: Kind) -> u32 {
        1 << kind as u32
    }
}

/// The names of topics in a list with commas between them. Kinds behind `events:` have commas too, so
/// they go on up to the end.
#[must_use]
pub fn names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
    while let Some(part) = parts.next() {
        if part.strip_prefix(EVENTS).is_some_and(|rest| rest.starts_with(':')) {
            names.push(std::iter::once(part).chain(parts.by_ref()).collect::<Vec<_>>().join(","));
        } else {
            names.push(part.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_behind_the_topic() {
        let of = |name| Kinds::of_topic(name);
        let all = of("events").unwrap().unwrap();
        assert!(Kind::ALL.into_iter().all(|kind| all.has(kind)));
        let some = of("events:order, stock").unwrap().unwrap();
        let had: Vec<_> = Kind::ALL.into_iter().filter(|kind| some.has(*kind)).collect();
        assert_eq!(had, [Kind::Order, Kind::Stock]);
        for name in ["events:", "events:orders", "events:order,", "events:,order"] {
            assert_eq!(of(name), Some(Err(NoSuchKind)), "{name}");
        }
        for name in ["sales", "eventsx", "", "event"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn in_a_list_kinds_go_on_up_to_the_end() {
        assert_eq!(names("sales, stock,"), ["sales", "stock"]);
        assert_eq!(names("sales,events,stock"), ["sales", "events", "stock"]);
        assert_eq!(names("sales,events:order, stock"), ["sales", "events:order,stock"]);
        assert!(names("").is_empty());
    }
}
