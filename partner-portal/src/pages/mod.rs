//! One file per page, each with its template in `templates/`.

pub mod api_key;
pub mod chart;
pub mod dashboard;
pub mod deliveries;
pub mod health;
pub mod moment;
pub mod notice;
pub mod onboarding;
pub mod organizations;
pub mod problem;
pub mod respond;
pub mod sign_in;
pub mod standing;
pub mod webhook;
pub mod webhook_card;

use crate::assets;
use crate::session::Session;
use crate::visit::Visit;
use notice::Notice;

/// What the base of every page shows.
pub struct Frame {
    title: String,
    stylesheet: &'static str,
    icon: &'static str,
    nonce: String,
    person: Option<SignedInPerson>,
    notice: Option<Notice>,
}

struct SignedInPerson {
    email: String,
    csrf: String,
}

impl Frame {
    /// The frame of a page for anybody.
    pub fn new(title: impl Into<String>, nonce: &str) -> Self {
        let paths = assets::paths();
        Self {
            title: title.into(),
            stylesheet: &paths.stylesheet,
            icon: &paths.icon,
            nonce: nonce.to_owned(),
            person: None,
            notice: None,
        }
    }

    /// The frame of a page for a person, with what is to be said about the form they just sent.
    pub fn of(title: impl Into<String>, visit: &Visit, session: &Session) -> Self {
        let person =
            SignedInPerson { email: session.email.clone(), csrf: visit.sessions.csrf_token(session) };
        Self {
            person: Some(person),
            notice: Notice::read(&visit.headers),
            ..Self::new(title, &visit.nonce.0)
        }
    }

    fn csrf(&self) -> &str {
        self.person.as_ref().map(|person| person.csrf.as_str()).unwrap_or_default()
    }
}

/// The page whose form goes to this path.
pub fn page_of_form(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    match path {
        "/onboarding" | "/organizations" => path,
        "/deliveries/redeliver" => "/dashboard",
        _ => path
            .strip_suffix("/redeliver")
            .filter(|path| path.starts_with("/deliveries/"))
            .unwrap_or("/dashboard"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_s_page_is_known() {
        for (form, page) in [
            ("/onboarding", "/onboarding"),
            ("/webhook", "/dashboard"),
            ("/webhook/test", "/dashboard"),
            ("/api-key/rotate", "/dashboard"),
            ("/deliveries/redeliver", "/dashboard"),
            ("/deliveries/a%2Fb/redeliver?x=1", "/deliveries/a%2Fb"),
            ("/elsewhere/redeliver", "/dashboard"),
        ] {
            assert_eq!(page_of_form(form), page);
        }
    }
}
