//! What an attempt led to, and what that means for its delivery.

use std::time::Duration;

use super::retry_after::parse_retry_after;
use crate::event::id::EventId;
use crate::time::Timestamp;
use crate::webhook::health::{Effect, Ended};
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
        /// Whether the endpoint gave an answer of its own: a refusal, which neither opens nor closes a circuit.
        refused: bool,
    },
    /// Not sent, because the URL is no longer allowed: not tried again, but can be redelivered.
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
            Self::TimedOut | Self::ConnectionFailed(_) => Outcome::Retry { not_before: None, refused: false },
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

impl Outcome {
    /// What an attempt with this outcome says of its webhook.
    #[must_use]
    pub fn ended(self, event: EventId, at: Timestamp) -> Ended {
        let (effect, asked) = match self {
            Self::Delivered => (Effect::Success, None),
            Self::Retry { not_before, refused: true } => (Effect::Refusal, not_before),
            Self::Retry { not_before, refused: false } => (Effect::Strike, not_before),
            Self::Failed => (Effect::Refusal, None),
            Self::Gone => (Effect::Gone, None),
        };
        Ended { effect, at, event, asked }
    }
}

/// Decides by the status alone. Whatever is neither 2xx nor 410 is tried again, as Standard Webhooks ask for: a proxy
/// that answers 404 while a partner deploys must not cost an event.
#[must_use]
pub fn outcome_of_status(status: u16, not_before: Option<Duration>) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        410 => Outcome::Gone,
        408 | 425 | 429 => Outcome::Retry { not_before, refused: false },
        300..=499 => Outcome::Retry { not_before, refused: true },
        // A 1xx as the last word is a broken server or proxy. What is no status code at all counts as 5xx
        // (RFC 9110 section 15).
        0..=199 | 500.. => Outcome::Retry { not_before, refused: false },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRIKE: Outcome = Outcome::Retry { not_before: None, refused: false };
    const REFUSAL: Outcome = Outcome::Retry { not_before: None, refused: true };

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
                408 | 425 | 429 => STRIKE,
                410 => Outcome::Gone,
                300..=499 => REFUSAL,
                _ => STRIKE,
            };
            assert_eq!(answer(status, None).outcome(0), expected, "{status}");
        }
    }

    #[test]
    fn no_answer_is_tried_again() {
        assert_eq!(AttemptResult::TimedOut.outcome(0), STRIKE);
        assert_eq!(AttemptResult::ConnectionFailed("reset".into()).outcome(0), STRIKE);
    }

    #[test]
    fn a_url_that_is_refused_by_now_fails() {
        assert_eq!(AttemptResult::BlockedUrl(UrlFault::NotHttps).outcome(0), Outcome::Failed);
    }

    #[test]
    fn retry_after_is_honoured_wherever_an_answer_is_retried() {
        for (status, refused) in [
            (0, false),
            (101, false),
            (301, true),
            (404, true),
            (408, false),
            (429, false),
            (503, false),
            (600, false),
        ] {
            let expected = Outcome::Retry { not_before: Some(Duration::from_secs(120)), refused };
            assert_eq!(answer(status, Some("120")).outcome(0), expected, "{status}");
        }
        let date = answer(503, Some("Thu, 01 Jan 1970 00:01:00 GMT"));
        let not_before = Some(Duration::from_secs(10));
        assert_eq!(date.outcome(50_000), Outcome::Retry { not_before, refused: false });
        assert_eq!(answer(503, Some("soon")).outcome(0), STRIKE);
    }

    #[test]
    fn retry_after_changes_no_other_outcome() {
        assert_eq!(answer(200, Some("120")).outcome(0), Outcome::Delivered);
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
