//! Answers to a browser: a page, or a redirect.

use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use edge::problem::Problem;
use http::{HeaderValue, StatusCode, header};
use shared::code::ErrorCode;
use shared::error::Error;
use shared::text::redirects;

use crate::admin_client::AdminFault;
use crate::cookies;
use crate::notice::PageNotice;

/// What the handler of a page returns.
pub type PageResult = Result<Response, Instead>;

/// The answer in place of the page that the person asked for: a problem, or a redirect to what comes first.
#[derive(Debug)]
pub struct Instead(Box<Response>);

impl From<Response> for Instead {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<Problem> for Instead {
    fn from(problem: Problem) -> Self {
        problem.into_response().into()
    }
}

impl From<AdminFault> for Instead {
    fn from(fault: AdminFault) -> Self {
        Problem::from(fault).into()
    }
}

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// Renders a page. `notice` is the notice that the page shows, if any: its cookie is cleared.
///
/// # Errors
/// 500 if the template fails.
pub fn page(status: StatusCode, notice: Option<PageNotice>, template: &impl Template) -> PageResult {
    let text = template.render().map_err(|error| Problem::from(Error::Internal(error.to_string())))?;
    let mut response = Response::new(Body::from(without_redirection(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(with_cookies(response, [notice.and_then(|_| cookies::clear(cookies::NOTICE))]))
}

/// The text of a page, in which no word of others turns the words beside it around: what a person typed, or another site had
/// them send, may hold any character. Line ends and tabs are the page's own.
pub fn without_redirection(html: String) -> String {
    let turns = |character| redirects(character) && !matches!(character, '\n' | '\t');
    // Nearly all of a page is ASCII, whose bytes are looked at much faster than characters.
    let may_turn = |(at, byte): (usize, u8)| {
        !matches!(byte, b'\n' | b'\t' | b' '..=b'~')
            && html.get(at..).and_then(|rest| rest.chars().next()).is_some_and(turns)
    };
    if html.bytes().enumerate().any(may_turn) { html.replace(turns, "\u{fffd}") } else { html }
}

/// Redirects to another page with `GET`, whatever the method of this request is.
pub fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return Problem::from(Error::Internal("a location that no header can hold".into())).into_response();
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Redirects to another page, which shows the notice.
pub fn see_other_with(location: &str, notice: PageNotice) -> Response {
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

/// There is no page at the path of the request.
pub fn no_page() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "There is no page at this address.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_text_around_is_replaced_wherever_it_stands_and_all_else_stays() {
        for character in '\u{0}'..='\u{ffff}' {
            let turns = redirects(character) && !matches!(character, '\n' | '\t');
            for (before, after) in [("", ""), ("a", "b"), ("\u{20ac}", "\u{1f511}")] {
                let given = format!("{before}{character}{after}");
                let kept = if turns { format!("{before}\u{fffd}{after}") } else { given.clone() };
                assert_eq!(without_redirection(given), kept, "U+{:04X}", u32::from(character));
            }
        }
    }
}
