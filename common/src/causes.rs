//! Errors as the log and messages state them: with their causes, on one line.

/// An error with its causes, on one line; a cause that was told already is not told again.
#[must_use]
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let told = source.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Told {
        text: &'static str,
        #[source]
        source: Option<Box<Told>>,
    }

    #[test]
    fn a_cause_is_told_once() {
        let refused = Told { text: "connection refused", source: None };
        let io = Told { text: "IO error: connection refused", source: Some(Box::new(refused)) };
        let error = Told { text: "no NATS answers", source: Some(Box::new(io)) };
        assert_eq!(describe(&error), "no NATS answers: IO error: connection refused");
    }
}
