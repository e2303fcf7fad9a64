//! Lengths of time with their unit, as people write them: `90s`, `15m`, `24h`, `7d`.

use std::time::Duration;

/// The units, and their seconds.
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];

/// Reads one; `None` where a text is none.
#[must_use]
pub fn read(text: &str) -> Option<Duration> {
    let text = text.trim();
    UNITS.into_iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        Some(Duration::from_secs(number.checked_mul(seconds)?))
    })
}

/// Writes one, to the second, in its largest unit that is whole.
#[must_use]
pub fn write(span: Duration) -> String {
    let all = span.as_secs();
    let whole =
        UNITS.into_iter().rev().find(|(_, seconds)| all > 0 && all.is_multiple_of(*seconds));
    let (unit, seconds) = whole.unwrap_or(UNITS[0]);
    format!("{}{unit}", all / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_read_as_it_is_written() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("24h", 86_400), (" 7 d ", 604_800)] {
            assert_eq!(read(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "m", "15", "1.5h", "-1m", "15 minutes", "99999999999999999999d"] {
            assert_eq!(read(text), None, "{text}");
        }
        for text in ["0s", "90s", "15m", "5h", "7d"] {
            assert_eq!(read(text).map(write).as_deref(), Some(text));
        }
        assert_eq!(write(Duration::from_hours(48)), "2d");
    }
}
