//! Answers: a page, or the way to one.

use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use edge::problem::Problem;
use http::{HeaderValue, StatusCode, header};
use shared::error::Error;

use super::notice::Notice;
use crate::admin_client::AdminFault;
use crate::cookies;

/// What a handler gives back.
pub type Answered = Result<Response, Instead>;

/// What comes in place of what was asked for.
#[derive(Debug)]
pub enum Instead {
    /// What is wrong.
    Problem(Box<Problem>),
    /// The way to what has to be settled first.
    Elsewhere(Box<Response>),
}

impl From<Problem> for Instead {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<AdminFault> for Instead {
    fn from(fault: AdminFault) -> Self {
        Problem::from(fault).into()
    }
}

impl Instead {
    /// Elsewhere first.
    pub fn elsewhere(response: Response) -> Self {
        Self::Elsewhere(Box::new(response))
    }
}

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Elsewhere(response) => *response,
        }
    }
}

/// A page.
///
/// # Errors
/// 500 where the template fails.
pub fn page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let text = template.render().map_err(|error| Error::Internal(error.to_string()))?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

/// To another page, whatever the method was.
pub fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return Problem::from(Error::Internal("a location that no header can hold".into())).into_response();
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// To another page, which says this first.
pub fn see_other_with(location: &str, notice: Notice) -> Response {
    with_cookies(see_other(location), [notice.cookie()])
}

/// Sets cookies.
pub fn with_cookies(
    mut response: Response,
    cookies: impl IntoIterator<Item = Option<HeaderValue>>,
) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A page that has shown its notice: the next one does not.
pub fn noticed(response: Response, notice: Option<&Notice>) -> Response {
    with_cookies(response, [notice.and_then(|_| cookies::clear(cookies::NOTICE))])
}
