//! What a page says about the form that the person has just sent. A cookie brings a word to that page, and the page has
//! the text for the word.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::cookies;
use crate::count::Count;

/// Enough time for one redirect.
const LIFE: Duration = Duration::from_secs(60);

enum News {
    Good,
    Bad,
}

/// Makes the enum of notices from a table: the variant, its word in the cookie, whether it is good or bad news, its text.
macro_rules! notices {
    ($($notice:ident = $word:literal, $news:ident: $text:literal;)+) => {
        /// A message about the form that the person has just sent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum PageNotice {
            $(#[doc = $text] $notice,)+
            /// So many deliveries are sent again.
            RedeliveringMany(Count),
        }

        impl PageNotice {
            const WORDS: &[(Self, &'static str)] = &[$((Self::$notice, $word)),+];

            /// Returns whether the notice is bad news.
            pub fn is_failure(self) -> bool {
                match self {
                    $(Self::$notice => matches!(News::$news, News::Bad),)+
                    Self::RedeliveringMany(_) => false,
                }
            }

            /// Returns the text for the page.
            pub fn text(self) -> String {
                match self {
                    $(Self::$notice => $text.to_owned(),)+
                    Self::RedeliveringMany(Count { number: 0, .. }) => {
                        "No delivery failed in that time, so nothing was sent again.".to_owned()
                    }
                    Self::RedeliveringMany(Count { number: 1, .. }) => {
                        "One delivery is being sent again.".to_owned()
                    }
                    Self::RedeliveringMany(count) => format!(
                        "{count} deliveries are being sent again. They go out slowly at first, then faster."
                    ),
                }
            }
        }
    };
}

notices! {
    Registered = "registered", Good: "Your organization is registered. Reveal its API key below and save it now.";
    RegisteredWithoutKey = "registered-without-key", Bad:
        "Your organization is registered, but its API key could not be issued. Issue it below.";
    KeyIssued = "key-issued", Good: "A new API key was issued. Reveal it below and save it now.";
    WebhookCreated = "webhook-created", Good:
        "The webhook URL is set. We send events there from now on. Try it with a test event.";
    WebhookChanged = "webhook-changed", Good:
        "The webhook URL was changed. We are verifying the new endpoint. Events wait until it answers.";
    WebhookChangedAndVerified = "webhook-changed-and-verified", Good:
        "The webhook URL was changed, and the new endpoint answered. We send events there from now on.";
    WebhookChangedNotVerified = "webhook-changed-not-verified", Bad:
        "The webhook URL was changed. The new endpoint did not accept the challenge: see the last error below. Events wait \
         while we go on trying.";
    WebhookUnchanged = "webhook-unchanged", Good:
        "The webhook URL is the same as before. Nothing was changed.";
    Verifying = "verifying", Good: "We are trying the endpoint.";
    Verified = "verified", Good:
        "Your endpoint answered. The webhook is active. If events failed before, you can send them again under Deliveries.";
    NotVerified = "not-verified", Bad:
        "Your endpoint did not accept the challenge: see the last error below. We go on trying for 72 hours.";
    TryingNow = "trying-now", Good:
        "We are trying the endpoint with one of the events that wait, or with your next event if none waits.";
    TriedWell = "tried-well", Good: "Your endpoint accepted an event. We send the others now.";
    TriedInVain = "tried-in-vain", Bad: "Your endpoint did not accept the event: see the last error below.";
    TestSent = "test-sent", Good: "The test event is on its way.";
    TestArrived = "test-arrived", Good: "Your endpoint accepted the test event.";
    TestFailed = "test-failed", Bad: "Your endpoint did not accept the test event. See its answer below.";
    TestWaits = "test-waits", Good:
        "The test event waits. We send it as soon as the endpoint is verified or answers again.";
    TestRefused = "test-refused", Bad:
        "The webhook is disabled, so no test event was sent. Verify and enable it first.";
    NoWebhook = "no-webhook", Bad: "Set a webhook URL first.";
    VerifiedAlready = "verified-already", Good: "The webhook is active already. Nothing was changed.";
    Redelivering = "redelivering", Good: "The event is being sent again.";
    SentAgainWell = "sent-again-well", Good: "We sent the event again, and your endpoint accepted it.";
    SentAgainInVain = "sent-again-in-vain", Bad:
        "We sent the event again, and your endpoint did not accept it. See its answer below.";
    RedeliveryWaits = "redelivery-waits", Good:
        "The event waits. We send it again as soon as the endpoint is verified or answers again.";
    RedeliveriesWait = "redeliveries-wait", Good:
        "The events wait. We send them again as soon as the endpoint is verified or answers again.";
    RedeliveryRefused = "redelivery-refused", Bad:
        "The webhook is disabled, so nothing was sent again. Verify and enable it on the dashboard first.";
    StillPending = "still-pending", Bad: "This event is still being tried. Wait until it is delivered or has failed.";
    BodyNotKept = "body-not-kept", Bad:
        "We no longer have the body of this event, so we cannot send it again.";
    OtherOrganization = "other-organization", Bad:
        "That form belongs to another organization than the one you are looking at. Nothing was changed.";
    SessionEnded = "session-ended", Bad:
        "Your session had ended, so nothing was changed. Please do it again.";
    SignedInAgain = "signed-in-again", Good:
        "Your last sign-in was more than an hour ago, so we asked you to sign in again first. Nothing was changed yet. Please \
         do it once more.";
    KeyGone = "key-gone", Bad:
        "There is no key to reveal: it was shown already, or it waited for more than 15 minutes. If you did not save the \
         key, rotate it.";
    KeyReplaced = "key-replaced", Bad:
        "Another rotation has replaced this key, so we do not show it. Only the newest key works.";
    OneSessionEnded = "one-session-ended", Good: "That session has ended.";
    OtherSessionsEnded = "other-sessions-ended", Good: "All your other sessions have ended.";
    MemberAdded = "member-added", Good: "The person was added, and can sign in with that address from now on.";
    MemberBefore = "member-before", Good: "This person can sign in for your organization already. Nothing was changed.";
    MemberRemoved = "member-removed", Good: "The person was removed, and is signed out.";
    MemberIsOwner = "member-is-owner", Bad:
        "The owner cannot be removed. SmartphoneKey\u{2019}s support can make another person the owner.";
    SignedOut = "signed-out", Good: "You are signed out.";
}

impl PageNotice {
    /// The word of [`PageNotice::RedeliveringMany`], before the count.
    const MANY: &'static str = "redelivering-many.";
    /// What follows a count that is not all.
    const MORE: &'static str = ".more";

    /// Returns the notice that this request brings, if any.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let word = cookies::read(headers, cookies::NOTICE)?;
        if let Some(count) = word.strip_prefix(Self::MANY) {
            let (digits, more) =
                count.strip_suffix(Self::MORE).map_or((count, false), |digits| (digits, true));
            return digits.parse().ok().map(|number| Self::RedeliveringMany(Count { number, more }));
        }
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(notice, _)| *notice)
    }

    /// Returns the cookie that brings the notice to the next page.
    pub fn cookie(self) -> Option<HeaderValue> {
        self.cookie_for(LIFE)
    }

    /// Returns the cookie that brings the notice to a page within `life`.
    pub fn cookie_for(self, life: Duration) -> Option<HeaderValue> {
        let word = match self {
            Self::RedeliveringMany(Count { number, more }) => {
                format!("{}{number}{}", Self::MANY, if more { Self::MORE } else { "" })
            }
            plain => Self::WORDS.iter().find(|(notice, _)| *notice == plain)?.1.to_owned(),
        };
        cookies::set(cookies::NOTICE, &word, life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_survives_the_redirect_and_no_other_word_is_one() {
        let many = [false, true].map(|more| PageNotice::RedeliveringMany(Count { number: 10_000, more }));
        let all = PageNotice::WORDS.iter().map(|(notice, _)| *notice).chain(many);
        for notice in all {
            let cookie = notice.cookie().unwrap();
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            let headers = HeaderMap::from_iter([(http::header::COOKIE, pair.parse().unwrap())]);
            assert_eq!(PageNotice::read(&headers), Some(notice));
        }
        for bad in
            ["", "Registered", "<b>", "redelivering-many.", "redelivering-many.x", "redelivering-many..more"]
        {
            let pair = format!("{}={bad}", cookies::NOTICE).parse().unwrap();
            assert_eq!(PageNotice::read(&HeaderMap::from_iter([(http::header::COOKIE, pair)])), None);
        }
    }
}
