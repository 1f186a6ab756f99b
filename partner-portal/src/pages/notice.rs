//! What a page says about the form that was just sent. It travels as a word in a cookie, never as text.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::cookies;

/// Long enough for one redirect.
const LIFE: Duration = Duration::from_secs(60);

/// Something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The tenant was registered, and has a key.
    Registered,
    /// The tenant was registered, and its key could not be issued.
    RegisteredWithoutKey,
    /// A new key.
    KeyIssued,
    /// A webhook was created.
    WebhookCreated,
    /// The URL changed.
    WebhookChanged,
    /// The URL is what it was.
    WebhookUnchanged,
    /// The endpoint is tried again.
    Verifying,
    /// A sample event is on its way.
    TestSent,
    /// A sample event waits until the endpoint is verified.
    TestWaits,
    /// A disabled webhook gets no test event.
    TestRefused,
    /// There is nothing to verify or test.
    NoWebhook,
    /// There is nothing to verify: events go out.
    VerifiedAlready,
    /// One delivery is sent again.
    Redelivering,
    /// So many deliveries are sent again.
    RedeliveringMany(u32),
    /// It is under way already.
    StillPending,
    /// There is nothing left to send.
    BodyNotKept,
    /// The form was of another organization than the person is looking at by now.
    OtherOrganization,
    /// The form came after the session's end.
    SessionEnded,
    /// Goodbye.
    SignedOut,
}

impl Notice {
    const PLAIN: [(Self, &'static str); 18] = [
        (Self::Registered, "registered"),
        (Self::RegisteredWithoutKey, "registered-without-key"),
        (Self::KeyIssued, "key-issued"),
        (Self::WebhookCreated, "webhook-created"),
        (Self::WebhookChanged, "webhook-changed"),
        (Self::WebhookUnchanged, "webhook-unchanged"),
        (Self::Verifying, "verifying"),
        (Self::TestSent, "test-sent"),
        (Self::TestWaits, "test-waits"),
        (Self::TestRefused, "test-refused"),
        (Self::NoWebhook, "no-webhook"),
        (Self::VerifiedAlready, "verified-already"),
        (Self::Redelivering, "redelivering"),
        (Self::StillPending, "still-pending"),
        (Self::BodyNotKept, "body-not-kept"),
        (Self::OtherOrganization, "other-organization"),
        (Self::SessionEnded, "session-ended"),
        (Self::SignedOut, "signed-out"),
    ];
    const MANY: &'static str = "redelivering-many.";

    /// The notice that this request brings, if any.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let word = cookies::read(headers, cookies::NOTICE)?;
        if let Some(count) = word.strip_prefix(Self::MANY) {
            return count.parse().ok().map(Self::RedeliveringMany);
        }
        Self::PLAIN.into_iter().find(|(_, known)| *known == word).map(|(notice, _)| notice)
    }

    /// Brings it to the next page.
    pub fn cookie(self) -> Option<HeaderValue> {
        self.cookie_for(LIFE)
    }

    /// Brings it to a page that comes later.
    pub fn cookie_for(self, life: Duration) -> Option<HeaderValue> {
        let word = match self {
            Self::RedeliveringMany(count) => format!("{}{count}", Self::MANY),
            plain => Self::PLAIN.into_iter().find(|(notice, _)| *notice == plain)?.1.to_owned(),
        };
        cookies::set(cookies::NOTICE, &word, life)
    }

    /// Whether something did not go as wished.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::RegisteredWithoutKey
                | Self::TestRefused
                | Self::NoWebhook
                | Self::OtherOrganization
                | Self::SessionEnded
                | Self::StillPending
                | Self::BodyNotKept
        )
    }

    /// The sentence.
    pub fn text(&self) -> String {
        let text = match self {
            Self::Registered => "Your organization is registered. Reveal its API key below and save it now.",
            Self::RegisteredWithoutKey => {
                "Your organization is registered, but its API key could not be issued. Issue it below."
            }
            Self::KeyIssued => "A new API key was issued. Reveal it below and save it now.",
            Self::WebhookCreated => {
                "The webhook URL is set. Events go there from now on; try it with a test event."
            }
            Self::WebhookChanged => {
                "The webhook URL was changed. We are verifying the new endpoint; events wait until it answers."
            }
            Self::WebhookUnchanged => "The webhook URL is the same as before. Nothing was changed.",
            Self::Verifying => "We are trying the endpoint again. Reload this page in a few seconds.",
            Self::TestSent => {
                "A test event is on its way. Reload this page in a few seconds to see it below."
            }
            Self::TestWaits => {
                "A test event is waiting: it goes out as soon as the endpoint is verified or answers again."
            }
            Self::TestRefused => {
                "The webhook is disabled, so no test event was sent. Have it verified first."
            }
            Self::NoWebhook => "Set a webhook URL first.",
            Self::VerifiedAlready => "The webhook is active already. Nothing was changed.",
            Self::Redelivering => "The event is being sent again. Reload this page in a few seconds.",
            Self::RedeliveringMany(0) => "No failed delivery since then is left to send again.",
            Self::RedeliveringMany(1) => {
                "One delivery is being sent again. Reload this page in a few seconds."
            }
            Self::RedeliveringMany(count) => {
                return format!(
                    "{count} deliveries are being sent again. Reload this page in a few seconds."
                );
            }
            Self::StillPending => "This event is still being tried; wait until that has ended.",
            Self::BodyNotKept => {
                "This event was delivered or is older than 30 days, so it is not kept and cannot be sent again."
            }
            Self::OtherOrganization => {
                "That form was of another organization than the one you are looking at. Nothing was changed."
            }
            Self::SessionEnded => "Your session had ended, so nothing was changed. Please do it again.",
            Self::SignedOut => "You are signed out.",
        };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_survives_the_redirect_and_no_other_word_is_one() {
        let all = Notice::PLAIN.iter().map(|(notice, _)| *notice).chain([Notice::RedeliveringMany(12)]);
        for notice in all {
            let cookie = notice.cookie().unwrap();
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            let headers = HeaderMap::from_iter([(http::header::COOKIE, pair.parse().unwrap())]);
            assert_eq!(Notice::read(&headers), Some(notice));
        }
        for bad in ["", "Registered", "<b>", "redelivering-many.", "redelivering-many.x"] {
            let pair = format!("{}={bad}", cookies::NOTICE).parse().unwrap();
            assert_eq!(Notice::read(&HeaderMap::from_iter([(http::header::COOKIE, pair)])), None);
        }
    }
}
