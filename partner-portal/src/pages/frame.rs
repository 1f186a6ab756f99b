//! What the base template of every page shows.

use crate::assets;
use crate::notice::PageNotice;
use crate::visit::SignedIn;

/// The frame around a page.
pub struct Frame {
    pub(super) title: String,
    pub(super) stylesheet: &'static str,
    pub(super) icon: &'static str,
    pub(super) nonce: String,
    pub(super) person: Option<Person>,
    pub(super) notice: Option<PageNotice>,
}

/// The person who is signed in.
pub(super) struct Person {
    pub(super) email: String,
    pub(super) csrf: String,
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

    /// The frame of a page for a person who is signed in, with the notice that the request brings.
    pub fn of(title: impl Into<String>, signed_in: &SignedIn) -> Self {
        let SignedIn { visit, session } = signed_in;
        let person = Person { email: session.email.clone(), csrf: visit.sessions.csrf_token(session) };
        Self {
            person: Some(person),
            notice: PageNotice::read(&visit.headers),
            ..Self::new(title, &visit.nonce.0)
        }
    }

    /// The frame of a page whose form was refused. The page says so itself and shows no notice.
    #[must_use]
    pub fn refused(self) -> Self {
        Self { title: format!("Error: {}", self.title), notice: None, ..self }
    }

    /// Returns the token for the page's forms.
    pub(super) fn csrf(&self) -> &str {
        self.person.as_ref().map(|person| person.csrf.as_str()).unwrap_or_default()
    }
}
