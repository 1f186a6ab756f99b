//! What the base template of every page shows.

use edge::problem::Problem;

use crate::account_bar::Person;
use crate::assets;
use crate::config::Config;
use crate::notice::PageNotice;
use crate::visit::{SignedIn, Visit};

/// The frame around a page.
pub struct Frame {
    pub(super) title: String,
    pub(super) stylesheet: &'static str,
    pub(super) icon: &'static str,
    pub(super) nonce: String,
    pub(super) person: Option<Person>,
    pub(super) notice: Option<PageNotice>,
    pub(super) contacts: Contacts,
    /// The path of the page; empty on a page that says what went wrong.
    pub(super) here: String,
    /// Whether the page leads to the pages of the person's organization.
    pub(super) has_sections: bool,
    /// How the page renews itself, if it does.
    pub(super) renewal: Option<Renewal>,
}

/// A page that renews itself, because what it shows is still under way. Such a page has no field to type into.
pub struct Renewal {
    /// The time until then, in seconds.
    pub(super) seconds: u64,
    /// The path of the same page that stays as it is.
    pub(super) still: String,
    /// What has to happen before the page stays as it is: `the endpoint has answered`.
    pub(super) until: &'static str,
}

/// Where people find help: the links of every page's footer that depend on the configuration.
#[derive(Clone, Default)]
pub struct Contacts {
    /// The e-mail address of partners' support.
    pub(super) support: Option<String>,
    /// The URL of the page that says how the service does.
    pub(super) status: Option<String>,
}

impl From<&Config> for Contacts {
    fn from(config: &Config) -> Self {
        let support = config.support_email.as_ref().map(|address| address.as_str().to_owned());
        Self { support, status: config.status_url.clone() }
    }
}

impl Frame {
    /// The frame of a page that says what went wrong, for this person, if somebody is signed in.
    pub fn of_problem(title: impl Into<String>, person: Option<Person>, contacts: Contacts) -> Self {
        let paths = assets::paths();
        Self {
            title: title.into(),
            stylesheet: &paths.stylesheet,
            icon: &paths.icon,
            nonce: String::new(),
            person,
            notice: None,
            contacts,
            here: String::new(),
            has_sections: true,
            renewal: None,
        }
    }

    /// The frame of a page for anybody.
    pub fn for_anybody(title: impl Into<String>, visit: &Visit) -> Self {
        let contacts = Contacts::from(&visit.service.config);
        let here = visit.target.split('?').next().unwrap_or_default().to_owned();
        Self { nonce: visit.nonce.0.clone(), here, ..Self::of_problem(title, None, contacts) }
    }

    /// The frame of a page for anybody, with the bar of whoever is signed in.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn for_whoever(visit: &Visit, title: impl Into<String>) -> Result<Self, Problem> {
        let session = visit.session().await?;
        let person = session.map(|session| Person::of(&session, &visit.sessions));
        Ok(Self { person, notice: PageNotice::read(&visit.headers), ..Self::for_anybody(title, visit) })
    }

    /// The frame of a page for a person who is signed in, with the notice that the request brings.
    pub fn of(title: impl Into<String>, signed_in: &SignedIn) -> Self {
        let SignedIn { visit, session } = signed_in;
        Self {
            person: Some(Person::of(session, &visit.sessions)),
            notice: PageNotice::read(&visit.headers),
            ..Self::for_anybody(title, visit)
        }
    }

    /// The frame of a page whose form was refused. The page says so itself and shows no notice.
    #[must_use]
    pub fn refused(self) -> Self {
        Self { title: format!("Error: {}", self.title), notice: None, ..self }
    }

    /// The frame of a page for a person who has no organization, or has not chosen one.
    #[must_use]
    pub fn without_sections(self) -> Self {
        Self { has_sections: false, ..self }
    }

    /// The frame of a page that renews itself, if `renewal` says how.
    #[must_use]
    pub fn renewed(self, renewal: Option<Renewal>) -> Self {
        Self { renewal, ..self }
    }

    /// Returns the token for the page's forms.
    pub(super) fn csrf(&self) -> &str {
        self.person.as_ref().map(|person| person.csrf.as_str()).unwrap_or_default()
    }
}
