//! Mails to the members of a tenant, in plain words.

use serde_json::Value;

use crate::civil::Civil;
use crate::time::Timestamp;
use crate::transition::TransitionKind;
use crate::webhook::health::Change;
use crate::whatwg::Url;

/// One mail, as plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The sender's address.
    pub from: String,
    /// The recipient's address.
    pub to: String,
    /// The subject, in one line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A webhook's circuit has been open for an hour.
    Failing,
    /// A webhook gets no event any more.
    Disabled,
    /// A webhook is well again, after either.
    Recovered,
    /// An API key ends in 14 days.
    ExpiresIn14Days,
    /// An API key ends in 3 days.
    ExpiresIn3Days,
    /// An API key was replaced.
    KeyRotated,
    /// A webhook has another URL.
    UrlChanged,
    /// A person looked at a webhook's signing secret.
    SecretRevealed,
    /// A person may sign in for the tenant.
    PersonAdded,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Failing,
        Self::Disabled,
        Self::Recovered,
        Self::ExpiresIn14Days,
        Self::ExpiresIn3Days,
        Self::KeyRotated,
        Self::UrlChanged,
        Self::SecretRevealed,
        Self::PersonAdded,
    ];

    /// As the database spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failing => Change::Failing.as_str(),
            Self::Disabled => Change::Disabled.as_str(),
            Self::Recovered => Change::Recovered.as_str(),
            Self::ExpiresIn14Days => "expires in 14 days",
            Self::ExpiresIn3Days => "expires in 3 days",
            Self::KeyRotated => TransitionKind::ApiKeyRotated.as_str(),
            Self::UrlChanged => TransitionKind::WebhookUrlChanged.as_str(),
            Self::SecretRevealed => TransitionKind::WebhookSecretRevealed.as_str(),
            Self::PersonAdded => TransitionKind::MemberAdded.as_str(),
        }
    }

    /// The topic that the database spells so; `None` where members get no mail of it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }

    /// Whether the mail says that somebody did something, so that a stolen session is noticed.
    fn is_of_a_person(self) -> bool {
        matches!(self, Self::KeyRotated | Self::UrlChanged | Self::SecretRevealed | Self::PersonAdded)
    }
}

/// What a mail's words are made of.
pub struct Subject<'a> {
    /// What the mail is about.
    pub topic: Topic,
    /// The tenant's name.
    pub org_name: &'a str,
    /// The webhook's URL, where it still has one. The mail names the host alone: a path may hold a token.
    pub url: Option<&'a str>,
    /// `actor` and `email` of a transition, `reason` of a change.
    pub details: &'a Value,
    /// The time of what the mail tells.
    pub at: Timestamp,
    /// Where the tenant's dashboard is.
    pub dashboard: &'a str,
}

impl Subject<'_> {
    /// The mail's subject line and text.
    pub fn write(&self) -> (String, String) {
        let (line, paragraphs) = self.words();
        let mut text = String::from("Hello,\n\n");
        for paragraph in paragraphs {
            text.push_str(&paragraph);
            text.push_str("\n\n");
        }
        if self.topic.is_of_a_person() {
            text.push_str(
                "If you did not expect this, sign in and look at the activity page. Remove people whom you do not know, \
                 end the sessions on your account page, and rotate the API key.\n\n",
            );
        }
        text.push_str(&format!(
            "Your dashboard: {}\n\nYou get this mail because you may sign in for {} at SmartphoneKey.\n",
            self.dashboard, self.org_name
        ));
        (format!("{line} ({})", self.org_name), text)
    }

    fn words(&self) -> (&'static str, Vec<String>) {
        let webhook = match self.url.and_then(Url::parse) {
            Some(url) => format!("The webhook at {}", url.hostname),
            None => "The webhook".to_owned(),
        };
        let actor = self.details["actor"].as_str().unwrap_or("somebody");
        let at = Civil::from(self.at).in_words();
        match self.topic {
            Topic::Failing => (
                "Your webhook has failed for an hour",
                vec![
                    format!("{webhook} has accepted no event for an hour."),
                    "No event is lost: SmartphoneKey keeps the events, tries the webhook again and again, and sends \
                     everything once the webhook accepts events again. The dashboard shows the last error. Press Try \
                     now there when the webhook is repaired."
                        .to_owned(),
                ],
            ),
            Topic::Disabled => (
                "Your webhook is disabled",
                vec![
                    format!("{webhook} is disabled: {}.", self.details["reason"].as_str().unwrap_or("it failed")),
                    "SmartphoneKey sends no more events there. Repair the endpoint or change the URL, then press \
                     Verify and enable on the dashboard. After that you can send the failed events again."
                        .to_owned(),
                ],
            ),
            Topic::Recovered => (
                "Your webhook works again",
                vec![
                    format!("{webhook} has worked again since {at}."),
                    "The events that waited are on their way.".to_owned(),
                ],
            ),
            Topic::ExpiresIn14Days => self.expiry("Your API key expires in 14 days"),
            Topic::ExpiresIn3Days => self.expiry("Your API key expires in 3 days"),
            Topic::KeyRotated => (
                "Your API key was rotated",
                vec![format!("{actor} rotated the API key of {} on {at}.", self.org_name)],
            ),
            Topic::UrlChanged => (
                "Your webhook's URL was changed",
                vec![format!("{actor} changed the URL of a webhook on {at}. Events go to the new URL once its endpoint is verified.")],
            ),
            Topic::SecretRevealed => (
                "A signing secret was shown",
                vec![format!("{webhook}: {actor} looked at the signing secret on {at}.")],
            ),
            Topic::PersonAdded => (
                "A person was added",
                vec![format!(
                    "{actor} added {} on {at}. This person may sign in for {} from now on.",
                    self.details["email"].as_str().unwrap_or("a person"),
                    self.org_name
                )],
            ),
        }
    }

    fn expiry(&self, line: &'static str) -> (&'static str, Vec<String>) {
        let expires = self.details["expiresAt"].as_i64().map(Timestamp::from_milliseconds);
        let when = expires.map_or_else(String::new, |at| format!(" on {}", Civil::from(at).in_words()));
        let prefix = self.details["prefix"].as_str().unwrap_or_default();
        let text = format!(
            "The API key of {} that begins with {prefix} expires{when}. After that, requests with the key are refused.",
            self.org_name
        );
        (
            line,
            vec![
                text,
                "Rotate the key on the dashboard before that, and give your programs the new key.".to_owned(),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn write(topic: Topic, details: &Value) -> (String, String) {
        let subject = Subject {
            topic,
            org_name: "Acme",
            url: Some("https://hooks.example.com/in/s3cr3t-path"),
            details,
            at: Timestamp::from_milliseconds(1_775_124_000_000),
            dashboard: "https://portal.example.com/dashboard",
        };
        subject.write()
    }

    #[test]
    fn each_topic_has_words_of_its_own_and_a_way_to_the_dashboard() {
        let details =
            json!({"actor": "ann@example.com", "email": "bob@example.com", "reason": "it answered 410 Gone"});
        let mut seen = std::collections::BTreeSet::new();
        for topic in Topic::ALL {
            let (line, text) = write(topic, &details);
            assert!(line.ends_with(" (Acme)") && !line.contains('\n'), "{line}");
            assert!(text.contains("https://portal.example.com/dashboard"), "{text}");
            assert!(!text.contains("s3cr3t-path"), "{text}");
            assert!(seen.insert(line));
            assert_eq!(Topic::parse(topic.as_str()), Some(topic));
        }
    }

    #[test]
    fn a_mail_names_who_did_what() {
        let details = json!({"actor": "ann@example.com", "email": "bob@example.com"});
        let (_, text) = write(Topic::PersonAdded, &details);
        assert!(text.contains("ann@example.com added bob@example.com on 2 Apr 2026, 10:00:00 UTC"), "{text}");
        assert!(text.contains("If you did not expect this"));
        assert!(!write(Topic::Failing, &details).1.contains("If you did not expect this"));
    }

    #[test]
    fn a_transition_that_nobody_is_mailed_of_is_no_topic() {
        assert_eq!(Topic::parse(TransitionKind::WebhookDeleted.as_str()), None);
        assert_eq!(Topic::parse("verified"), None);
    }
}
