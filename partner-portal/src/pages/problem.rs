//! Problems as pages.

use askama::Template;
use edge::problem::Problem;
use edge::serve::ProblemFormat;
use http::{Extensions, StatusCode, Uri};
use shared::code::ErrorCode;

use super::frame::{Contacts, Frame};
use crate::account_bar::AccountBar;
use crate::respond::without_redirection;

/// Renders a problem as `text/html`, with a link that leads on.
#[derive(Default)]
pub struct HtmlProblems {
    /// The page that the person asked for, if it makes sense to ask for it again.
    again: Option<String>,
    /// The person who is signed in, whose bar stays on the page.
    account_bar: AccountBar,
    contacts: Contacts,
}

/// The path where the person signs in again and then goes on; left on the answer of a callback that failed.
#[derive(Clone)]
pub struct SignInAt(pub String);

/// A path and the text of the link.
type Link<'a> = (&'a str, &'a str);

const START: Link<'_> = ("/", "Go to the start page");
const DELIVERIES: Link<'_> = ("/deliveries", "Go to the deliveries");
const EVENT_TYPES: Link<'_> = ("/events", "See all event types");
const DASHBOARD: Link<'_> = ("/dashboard", "Go to the dashboard");
/// Asks the provider for a sign-in even of a person whom it remembers.
const ANOTHER_ACCOUNT: Link<'_> = ("/login?switch=1", "Use another account");

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    title: &'a str,
    message: &'a str,
    request_id: &'a str,
    link: Link<'a>,
    second_link: Option<Link<'a>>,
}

#[derive(Template)]
#[template(path = "misconfigured.html")]
struct MisconfiguredPage<'a> {
    request_id: &'a str,
}

impl HtmlProblems {
    /// Renders the problems of this request.
    pub fn of(is_get: bool, uri: &Uri, account_bar: AccountBar, contacts: Contacts) -> Self {
        // The code of a callback is good once at most.
        let repeatable = is_get && uri.path() != "/callback";
        Self {
            again: repeatable.then(|| uri.path_and_query().map_or("/", |target| target.as_str()).to_owned()),
            account_bar,
            contacts,
        }
    }

    fn page(&self, problem: &Problem, request_id: &str, left: &Extensions) -> Result<String, askama::Error> {
        if problem.code == ErrorCode::Misconfigured {
            return MisconfiguredPage { request_id }.render();
        }
        let again = self.again.as_deref();
        let sign_in = left.get::<SignInAt>().map(|SignInAt(path)| path.as_str());
        let sign_in = sign_in.or(again).unwrap_or("/login");
        let person = self.account_bar.person().cloned();
        let start = if person.is_some() { DASHBOARD } else { START };
        let (title, link, second_link) = match problem.code {
            ErrorCode::NotFound if again.is_some_and(|path| path.starts_with("/events/")) => {
                ("Event type not found", EVENT_TYPES, Some(start))
            }
            ErrorCode::NotFound => ("Page not found", start, None),
            ErrorCode::MethodNotAllowed => ("This address only takes forms", start, None),
            ErrorCode::FetchedAhead => ("Not fetched ahead", start, None),
            ErrorCode::SignedInAlready => ("You are signed in", DASHBOARD, None),
            ErrorCode::FormRefused => ("We did not accept this form", DASHBOARD, None),
            ErrorCode::SignInFailed => ("You are not signed in", (sign_in, "Sign in again"), None),
            ErrorCode::SignInRefused => {
                ("The sign-in service refused", (sign_in, "Sign in again"), Some(ANOTHER_ACCOUNT))
            }
            ErrorCode::EmailNotVerified => {
                let link = (sign_in, "I have verified it: sign in");
                ("Verify your e\u{2011}mail address", link, Some(ANOTHER_ACCOUNT))
            }
            ErrorCode::EmailNotUsable => ("We need an e\u{2011}mail address", ANOTHER_ACCOUNT, None),
            ErrorCode::ProviderUnavailable => {
                ("Signing in does not work at the moment", (sign_in, "Try again"), None)
            }
            ErrorCode::TooManyRequests => ("Too many requests", DASHBOARD, None),
            ErrorCode::DeliveryNotFound => ("Event not found", DELIVERIES, Some(DASHBOARD)),
            _ if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
                ("We cannot answer at the moment", (again.unwrap_or("/dashboard"), "Try again"), None)
            }
            _ if problem.status.is_client_error() => ("That did not work", DASHBOARD, None),
            _ => ("Something went wrong on our side", DASHBOARD, None),
        };
        let frame = Frame::of_problem(title, person, self.contacts.clone());
        let message = match problem.code {
            ErrorCode::MethodNotAllowed => {
                "You opened an address that takes only a form. Nothing was changed."
            }
            _ => &problem.message,
        };
        ProblemPage { frame, title, message, request_id, link, second_link }.render()
    }
}

impl ProblemFormat for HtmlProblems {
    fn render(&self, problem: &Problem, request_id: &str, left: &Extensions) -> (&'static str, String) {
        let html = self.page(problem, request_id, left).unwrap_or_default();
        ("text/html; charset=utf-8", without_redirection(html))
    }
}
