//! The preferences of a request (RFC 7240).

use std::time::Duration;

use axum::http::HeaderMap;

/// The time that a request would wait for its answer: `wait=5`. A bare `wait` is `unsaid` seconds. A
/// preference that is not understood is none.
#[must_use]
pub fn wait(headers: &HeaderMap, unsaid: Option<u64>) -> Option<Duration> {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';']));
    let seconds = preferences.find_map(|preference| {
        let (name, value) = match preference.split_once('=') {
            Some((name, value)) => (name, value.trim().trim_matches('"').parse().ok()),
            None => (preference, unsaid),
        };
        value.filter(|_: &u64| name.trim().eq_ignore_ascii_case("wait"))
    });
    seconds.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(prefer: &str, unsaid: Option<u64>) -> Option<u64> {
        let headers = [(axum::http::HeaderName::from_static("prefer"), prefer.parse().unwrap())];
        wait(&headers.into_iter().collect(), unsaid).map(|it| it.as_secs())
    }

    #[test]
    fn a_bare_wait_is_as_long_as_is_said_for_it() {
        assert_eq!(waits("wait", Some(30)), Some(30));
        assert_eq!(waits("respond-async, wait", Some(30)), Some(30));
        assert_eq!(waits("wait", None), None);
        assert_eq!(waits("wait=5", Some(30)), Some(5));
        assert_eq!(waits("wait=soon", Some(30)), None);
        assert_eq!(waits("return=minimal", Some(30)), None);
    }
}
