//! Paths within the portal.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is not unreserved (RFC 3986, section 2.3).
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The query parameter and form field with the path to go to afterwards.
pub const RETURN_FIELD: &str = "return_to";

/// The query parameter of `/login` for a person who has to sign in again before they do something dangerous.
pub const CONFIRM_FIELD: &str = "confirm";

/// The longest path that the portal returns to.
const LONGEST: usize = 512;

/// Returns `text` if it is a path of the portal, otherwise `/`.
pub fn local_path(text: &str) -> &str {
    // Browsers read `//host` and `/\host` as another host, and drop tabs and line feeds.
    let local = text.starts_with('/')
        && !text[1..].starts_with(['/', '\\'])
        && text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if local { text } else { "/" }
}

/// Returns `path` with a query that says where to go afterwards.
pub fn with_return(path: &str, return_to: &str) -> String {
    let query = serde_urlencoded::to_string([(RETURN_FIELD, return_to)]).unwrap_or_default();
    format!("{path}?{query}")
}

/// Returns the path where a person signs in again before they do something dangerous on the page `return_to`.
pub fn to_confirm(return_to: &str) -> String {
    format!("{}&{CONFIRM_FIELD}=1", with_return("/login", return_to))
}

/// Encodes a text as one segment of a path.
pub fn path_segment(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).collect()
}

/// Returns the path of a delivery's page.
pub fn delivery_path(event_id: &str) -> String {
    format!("/deliveries/{}", path_segment(event_id))
}

/// The query parameter and form field with the id of a webhook that is not the organization's first.
pub const WEBHOOK_FIELD: &str = "webhook";

/// The query parameter of a page that would renew itself, and is to stay as it is.
pub const STILL_FIELD: &str = "still";

/// Returns `path` with these parameters, without those that are empty.
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let given: Vec<_> = parameters.iter().filter(|(_, value)| !value.is_empty()).collect();
    match serde_urlencoded::to_string(given) {
        Ok(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

/// Returns the path of an event type's page.
pub fn event_type_path(name: &str) -> String {
    format!("/events/{}", path_segment(name))
}

/// Returns the page with the form that posts to `target`.
pub fn page_of_form(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    match path {
        "/onboarding" | "/organizations" | "/account" => path,
        "/deliveries/redeliver" => "/deliveries",
        "/people/remove" | "/people" => "/people",
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
    fn a_path_of_the_portal_is_kept() {
        for good in ["/", "/dashboard", "/deliveries/a%2Fb?x=1&y=//z", "/:80", "/@host"] {
            assert_eq!(local_path(good), good);
        }
    }

    #[test]
    fn anything_else_is_the_start_page() {
        for bad in [
            "",
            "dashboard",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " /",
            "/a b",
            "/ä",
            "/a\\b",
            &format!("/{}", "a".repeat(512)),
        ] {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn empty_parameters_are_left_out() {
        assert_eq!(with_query("/deliveries", &[("state", ""), ("since", "")]), "/deliveries");
        assert_eq!(
            with_query("/deliveries", &[("state", ""), ("a", "x y&"), ("b", "1")]),
            "/deliveries?a=x+y%26&b=1"
        );
    }

    #[test]
    fn a_text_stays_one_segment() {
        assert_eq!(path_segment("a-B_1.~"), "a-B_1.~");
        assert_eq!(path_segment("../x?y#z ä"), "..%2Fx%3Fy%23z%20%C3%A4");
    }

    #[test]
    fn a_segment_keeps_what_is_unreserved_and_nothing_else() {
        let text = "aZ09-_.~ /?#%+&=\"<\u{e9}\u{1f511}";
        let encoded = "aZ09-_.~%20%2F%3F%23%25%2B%26%3D%22%3C%C3%A9%F0%9F%94%91";
        assert_eq!(path_segment(text), encoded);
    }

    #[test]
    fn the_page_of_every_form_is_known() {
        for (form, page) in [
            ("/onboarding", "/onboarding"),
            ("/webhook", "/dashboard"),
            ("/webhook/test", "/dashboard"),
            ("/api-key/rotate", "/dashboard"),
            ("/deliveries/redeliver", "/deliveries"),
            ("/people/remove", "/people"),
            ("/deliveries/a%2Fb/redeliver?x=1", "/deliveries/a%2Fb"),
            ("/elsewhere/redeliver", "/dashboard"),
        ] {
            assert_eq!(page_of_form(form), page);
        }
    }
}
