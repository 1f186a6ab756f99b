//! What an attempt led to, and what that means for its delivery.

use std::time::Duration;

use super::retry_after::parse_retry_after;
use crate::webhook::url::UrlFault;

/// What the transport reports of one HTTP request. Redirects are not followed, so a 3xx is reported as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptResult {
    /// The endpoint answered, whatever it said.
    Response {
        /// The status code.
        status: u16,
        /// The header `Retry-After` as it came.
        retry_after: Option<String>,
        /// The start of the body, for admins.
        excerpt: String,
    },
    /// No whole answer in time.
    TimedOut,
    /// No answer at all: name resolution, connection, TLS, a reset or a malformed response. The text is the
    /// transport's, for admins.
    ConnectionFailed(String),
    /// The URL is refused by today's rules, and nothing was sent.
    BlockedUrl(UrlFault),
}

/// What happens to the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint has it.
    Delivered,
    /// Try again, if the retry policy still allows, and not before that much time.
    Retry {
        /// What `Retry-After` asked for, at most an hour.
        not_before: Option<Duration>,
    },
    /// Refused for good: not tried again, but can be redelivered.
    Failed,
    /// The endpoint is gone: as `Failed`, and its webhook becomes `disabled`.
    Gone,
}

impl AttemptResult {
    /// Decides by the table "The request" of the delivery rules. `now_milliseconds` (since 1970) is when the
    /// answer came, for a `Retry-After` that is a date.
    #[must_use]
    pub fn outcome(&self, now_milliseconds: i64) -> Outcome {
        match self {
            Self::Response { status, retry_after, .. } => {
                let not_before =
                    retry_after.as_deref().and_then(|value| parse_retry_after(value, now_milliseconds));
                outcome_of_status(*status, not_before)
            }
            Self::TimedOut | Self::ConnectionFailed(_) => Outcome::Retry { not_before: None },
            // Only a change of the URL or of the rules helps. Redelivery is for after that.
            Self::BlockedUrl(_) => Outcome::Failed,
        }
    }

    /// The status code, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Response { status, .. } => Some(*status),
            Self::TimedOut | Self::ConnectionFailed(_) | Self::BlockedUrl(_) => None,
        }
    }

    /// The status code, or why there is none, in words few enough to count by.
    #[must_use]
    pub fn answer(&self) -> String {
        match self {
            Self::Response { status, .. } => status.to_string(),
            Self::TimedOut => "timed out".to_owned(),
            Self::ConnectionFailed(_) => "connection failed".to_owned(),
            Self::BlockedUrl(_) => "not sent".to_owned(),
        }
    }

    /// What went wrong, in a few words without anything the endpoint wrote. `None` where nothing did.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Response { status: 200..=299, .. } => None,
            Self::Response { status: status @ 300..=399, .. } => {
                Some(format!("answered {status}; redirects are not followed"))
            }
            Self::Response { status, .. } => Some(format!("answered {status}")),
            Self::TimedOut => Some("timed out".to_owned()),
            Self::ConnectionFailed(reason) => Some(format!("connection failed: {reason}")),
            Self::BlockedUrl(fault) => Some(format!("not sent: the URL {fault}")),
        }
    }
}

/// Decides by the status alone.
#[must_use]
pub fn outcome_of_status(status: u16, not_before: Option<Duration>) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        410 => Outcome::Gone,
        408 | 425 | 429 | 500..=599 => Outcome::Retry { not_before },
        300..=499 => Outcome::Failed,
        // No final answer in HTTP. What is no status code at all counts as 5xx (RFC 9110 §15); a 1xx as the
        // last word is a broken server or proxy. Neither is a refusal by the partner, so neither may end a
        // delivery.
        0..=199 | 600.. => Outcome::Retry { not_before },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RETRY: Outcome = Outcome::Retry { not_before: None };

    fn answer(status: u16, retry_after: Option<&str>) -> AttemptResult {
        AttemptResult::Response {
            status,
            retry_after: retry_after.map(str::to_owned),
            excerpt: "<html>".to_owned(),
        }
    }

    #[test]
    fn every_status_has_the_outcome_of_the_table() {
        for status in 0..=u16::MAX {
            let expected = match status {
                200..=299 => Outcome::Delivered,
                408 | 425 | 429 => RETRY,
                410 => Outcome::Gone,
                300..=499 => Outcome::Failed,
                _ => RETRY,
            };
            assert_eq!(answer(status, None).outcome(0), expected, "{status}");
        }
    }

    #[test]
    fn no_answer_is_tried_again() {
        assert_eq!(AttemptResult::TimedOut.outcome(0), RETRY);
        assert_eq!(AttemptResult::ConnectionFailed("reset".into()).outcome(0), RETRY);
    }

    #[test]
    fn a_url_that_is_refused_by_now_fails() {
        assert_eq!(AttemptResult::BlockedUrl(UrlFault::NotHttps).outcome(0), Outcome::Failed);
    }

    #[test]
    fn retry_after_is_honoured_wherever_an_answer_is_retried() {
        for status in [0, 101, 408, 425, 429, 500, 503, 599, 600] {
            let not_before = Some(Duration::from_secs(120));
            assert_eq!(answer(status, Some("120")).outcome(0), Outcome::Retry { not_before }, "{status}");
        }
        let date = answer(503, Some("Thu, 01 Jan 1970 00:01:00 GMT"));
        assert_eq!(date.outcome(50_000), Outcome::Retry { not_before: Some(Duration::from_secs(10)) });
        assert_eq!(answer(503, Some("soon")).outcome(0), RETRY);
    }

    #[test]
    fn retry_after_changes_no_other_outcome() {
        assert_eq!(answer(200, Some("120")).outcome(0), Outcome::Delivered);
        assert_eq!(answer(301, Some("120")).outcome(0), Outcome::Failed);
        assert_eq!(answer(410, Some("120")).outcome(0), Outcome::Gone);
    }

    #[test]
    fn errors_say_what_happened_without_the_endpoint_s_words() {
        for (result, error) in [
            (answer(204, None), None),
            (answer(302, None), Some("answered 302; redirects are not followed")),
            (answer(503, None), Some("answered 503")),
            (AttemptResult::TimedOut, Some("timed out")),
            (AttemptResult::ConnectionFailed("reset".into()), Some("connection failed: reset")),
            (AttemptResult::BlockedUrl(UrlFault::NotHttps), Some("not sent: the URL must use https")),
        ] {
            assert_eq!(result.error().as_deref(), error);
        }
    }

    #[test]
    fn only_an_answer_has_a_status() {
        assert_eq!(answer(503, None).status(), Some(503));
        assert_eq!(AttemptResult::TimedOut.status(), None);
    }

    #[test]
    fn what_is_counted_by_is_the_status_or_a_word() {
        for (result, answer) in [
            (answer(204, None), "204"),
            (AttemptResult::TimedOut, "timed out"),
            (AttemptResult::ConnectionFailed("reset by 203.0.113.7".into()), "connection failed"),
            (AttemptResult::BlockedUrl(UrlFault::NotHttps), "not sent"),
        ] {
            assert_eq!(result.answer(), answer);
        }
    }

    proptest! {
        #[test]
        fn only_what_is_delivered_has_no_error(status: u16) {
            let result = answer(status, None);
            prop_assert_eq!(result.outcome(0) == Outcome::Delivered, result.error().is_none());
        }
    }
}
