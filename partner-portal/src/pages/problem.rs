//! Problems as pages.

use askama::Template;
use edge::problem::Problem;
use edge::serve::ProblemFormat;
use http::{Extensions, StatusCode, Uri};
use shared::code::ErrorCode;

use super::Frame;

/// `text/html`, with a way on.
#[derive(Default)]
pub struct HtmlProblems {
    /// The page that was asked for, where asking again makes sense.
    again: Option<String>,
}

/// Where to sign in again, left on the answer of a callback that failed: the path knows where the person was going.
#[derive(Clone)]
pub struct SignInAt(pub String);

/// Signs in as somebody else than the provider remembers.
const ANOTHER_ACCOUNT: (&str, &str) = ("/login?switch=1", "Use another account");

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    title: &'a str,
    message: &'a str,
    request_id: &'a str,
    link: Option<(&'a str, &'a str)>,
    second_link: Option<(&'a str, &'a str)>,
}

#[derive(Template)]
#[template(path = "misconfigured.html")]
struct MisconfiguredPage<'a> {
    request_id: &'a str,
}

/// There is nothing here.
pub fn no_page() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "There is no page at this address.")
}

impl HtmlProblems {
    /// Problems of this request.
    pub fn of(is_get: bool, uri: &Uri) -> Self {
        // A callback's code was used, or never will be good.
        let repeatable = is_get && uri.path() != "/callback";
        Self {
            again: repeatable.then(|| uri.path_and_query().map_or("/", |target| target.as_str()).to_owned()),
        }
    }

    fn page(&self, problem: &Problem, request_id: &str, left: &Extensions) -> Result<String, askama::Error> {
        if problem.code == ErrorCode::Misconfigured {
            return MisconfiguredPage { request_id }.render();
        }
        let sign_in = left.get::<SignInAt>().map(|SignInAt(path)| path.as_str());
        let sign_in = sign_in.or(self.again.as_deref()).unwrap_or("/login");
        let (title, link, second_link) = match problem.code {
            ErrorCode::NotFound => ("Page not found", ("/", "Go to the start page"), None),
            ErrorCode::MethodNotAllowed => {
                ("That is not how this works", ("/", "Go to the start page"), None)
            }
            ErrorCode::FormRefused => {
                ("This form was not taken", ("/dashboard", "Go to the dashboard"), None)
            }
            ErrorCode::SignInFailed => ("You are not signed in", (sign_in, "Sign in again"), None),
            ErrorCode::SignInRefused => {
                ("The sign-in service refused", (sign_in, "Sign in again"), Some(ANOTHER_ACCOUNT))
            }
            ErrorCode::EmailNotVerified => (
                "Verify your e\u{2011}mail address",
                (sign_in, "I have verified it: sign in"),
                Some(ANOTHER_ACCOUNT),
            ),
            ErrorCode::EmailNotUsable => ("We need an e\u{2011}mail address", ANOTHER_ACCOUNT, None),
            ErrorCode::ProviderUnavailable => {
                ("Signing in does not work at the moment", (sign_in, "Try again"), None)
            }
            ErrorCode::TooManyRequests => ("That was too often", ("/dashboard", "Go to the dashboard"), None),
            ErrorCode::DeliveryNotFound => ("Event not found", ("/dashboard", "Go to the dashboard"), None),
            _ if problem.status == StatusCode::SERVICE_UNAVAILABLE => (
                "We cannot answer at the moment",
                (self.again.as_deref().unwrap_or("/dashboard"), "Try again"),
                None,
            ),
            _ if problem.status.is_client_error() => {
                ("That did not work", ("/dashboard", "Go to the dashboard"), None)
            }
            _ => ("Something went wrong on our side", ("/dashboard", "Go to the dashboard"), None),
        };
        let page = ProblemPage {
            frame: Frame::new(title, ""),
            title,
            message: &problem.message,
            request_id,
            link: Some(link),
            second_link,
        };
        page.render()
    }
}

impl ProblemFormat for HtmlProblems {
    fn render(&self, problem: &Problem, request_id: &str, left: &Extensions) -> (&'static str, String) {
        ("text/html; charset=utf-8", self.page(problem, request_id, left).unwrap_or_default())
    }
}
