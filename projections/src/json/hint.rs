//! The hints of a reason beside the rule: the type that came instead, and the word or name that may
//! have been meant. They never have a value.

use std::borrow::Cow;

use super::declared::{Declared, Says};
use super::fields::{elements, entries_of};
use super::limits::Reason;
use super::text::string;

/// Words of other shops, and those that may be meant; the first that is allowed is.
const SYNONYMS: [(&str, &str); 18] = [
    ("refunded", "returned"),
    ("refund", "returned"),
    ("partiallyrefunded", "returned"),
    ("success", "completed"),
    ("succeeded", "completed"),
    ("successful", "completed"),
    ("paid", "completed"),
    ("captured", "completed"),
    ("settled", "completed"),
    ("done", "completed"),
    ("onhold", "pending"),
    ("open", "pending"),
    ("unpaid", "pending"),
    ("authorized", "pending"),
    ("declined", "failed"),
    ("error", "failed"),
    ("voided", "cancelled"),
    ("fulfilled", "delivered"),
];
/// Words that differ in more letters than this part of them are not alike.
const LETTERS_PER_SLIP: usize = 4;
/// The longest name of a member that a reason repeats, and the most names that are looked at.
const NAME_CHARS_MAX: usize = 40;
const NAMES_MAX: usize = 64;
/// The rule of a member that has to be there and is not.
pub(super) const REQUIRED: &str = "is required";

/// The type of a value that came: `a number`, `a text of 9 characters`.
#[must_use]
pub fn came(json: &str) -> Cow<'static, str> {
    match json.as_bytes() {
        [b'"', ..] => match string(json).map(|it| it.chars().count()) {
            Some(0) => "an empty text".into(),
            Some(1) => "a text of 1 character".into(),
            Some(chars) => format!("a text of {chars} characters").into(),
            None => "a text".into(),
        },
        [b'{', ..] => "an object".into(),
        [b'[', ..] => match elements(json).map_or(0, |it| it.len()) {
            0 => "an empty list".into(),
            len => format!("a list of {len}").into(),
        },
        b"true" => "true".into(),
        b"false" => "false".into(),
        b"null" => "null".into(),
        _ => "a number".into(),
    }
}

/// The word that is alike: the same but for case and the signs between its parts, the one that other
/// shops have a word of their own for, the only one that begins so, or one that differs in few
/// letters.
#[must_use]
pub fn nearest(said: &str, words: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let plain = |word: &str| -> String {
        word.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let said = plain(said);
    if said.is_empty() || said.len() > NAME_CHARS_MAX {
        return None;
    }
    let words: Vec<_> = words.into_iter().collect();
    let exact = words.iter().find(|word| plain(word) == said);
    let meant = || {
        let mut meant = SYNONYMS.iter().filter(|(synonym, _)| *synonym == said);
        meant.find_map(|(_, word)| words.iter().find(|it| *it == word))
    };
    let begins = || {
        let mut others = words.iter().filter(|it| {
            let word = plain(it);
            said.len() > 3 && (word.starts_with(&said) || said.starts_with(&word))
        });
        others.next().filter(|_| others.next().is_none())
    };
    let alike = || {
        let slips = |word: &&&str| strsim::damerau_levenshtein(&plain(word), &said);
        let near = words.iter().min_by_key(slips)?;
        let most =
            (said.chars().count().min(plain(near).chars().count()) / LETTERS_PER_SLIP).max(1);
        (slips(&near) <= most && said.len() > 2).then_some(near)
    };
    exact.or_else(meant).or_else(begins).or_else(alike).copied()
}

/// A refusal of a word that is none of those.
#[cold]
pub(crate) fn none_of(json: &str, words: &'static [&'static str]) -> String {
    let allowed = match words {
        [before @ .., last] => format!("must be {} or {last}", before.join(", ")),
        [] => String::new(),
    };
    let said = string(json).filter(|it| it.is_ascii());
    match said.and_then(|said| nearest(&said, words.iter().copied())) {
        Some(near) => format!("{allowed}; did you mean {near}?"),
        None => allowed,
    }
}

/// Adds to each reason for a member that is not there the unknown name that may be meant for it.
#[cold]
pub(super) fn suggest(body: &str, declared: &[Declared], reasons: &mut [Reason]) {
    if reasons.iter().all(|it| it.message != REQUIRED) {
        return;
    }
    let is_unknown = |name: &str| {
        name.len() <= NAME_CHARS_MAX
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.'))
            && declared.iter().all(|it| it.name != name)
    };
    for (name, _) in entries_of(body, NAMES_MAX).unwrap_or_default() {
        let near = nearest(&name, declared.iter().map(|it| it.name)).filter(|_| is_unknown(&name));
        let Some(near) = declared.iter().find(|it| Some(it.name) == near) else { continue };
        let member = match near.says {
            Says::Alias(member) => member,
            _ => near.name,
        };
        let mut missing = reasons.iter_mut().filter(|it| it.message == REQUIRED);
        if let Some(reason) = missing.find(|it| it.field == member) {
            reason.message = format!("{REQUIRED}; did you mean {} by {name}?", near.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Kind, Limits, parse};
    use crate::time::Time;

    #[test]
    fn what_came_is_told_by_its_type() {
        for (json, expected) in [
            ("7", "a number"),
            (r#""""#, "an empty text"),
            (r#""secret""#, "a text of 6 characters"),
            ("[1,2]", "a list of 2"),
            ("[]", "an empty list"),
            ("{}", "an object"),
            ("true", "true"),
        ] {
            assert_eq!(came(json), expected, "{json}");
        }
    }

    #[test]
    fn a_word_that_is_alike_is_found_and_one_that_is_not_is_none() {
        const STATUSES: [&str; 4] = ["completed", "pending", "failed", "returned"];
        for (said, expected) in [
            ("Completed", Some("completed")),
            ("COMPLETE", Some("completed")),
            ("compelted", Some("completed")),
            ("refunded", Some("returned")),
            ("paid", Some("completed")),
            ("on-hold", Some("pending")),
            ("fail", Some("failed")),
            ("banana", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(said, STATUSES), expected, "{said}");
        }
    }

    #[test]
    fn an_unknown_name_close_to_one_that_is_missing_is_named() {
        let limits = Limits { latest: Time(i64::MAX), currency: "EUR" };
        let messages = |body: &str| -> Vec<String> {
            let reasons = parse(Kind::Stock, body.as_bytes(), &limits).unwrap_err();
            reasons.into_iter().map(|it| format!("{} {}", it.field, it.message)).collect()
        };
        assert_eq!(
            messages(r#"{"ProductID":"p","stok":1,"secret thing":2}"#),
            [
                "productId is required; did you mean productId by ProductID?",
                "stock is required; did you mean stock by stok?"
            ]
        );
        assert_eq!(messages(r#"{"sku":"p","stock":1}"#), ["productId is required"]);
    }
}
