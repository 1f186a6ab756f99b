//! Forms, as browsers send them.

use std::collections::BTreeMap;

use axum::extract::Request;
use http::header;

use crate::json::{LARGEST_BODY, collect};
use crate::media_type::MediaType;
use crate::problem::Problem;
use crate::secret::the_only;

/// The fields of a body of `application/x-www-form-urlencoded`.
///
/// # Errors
/// 415 for another type or any encoding, 413 above 64 KiB, 400 if a field is given twice or is not UTF-8.
pub async fn read_form(request: Request) -> Result<BTreeMap<String, String>, Problem> {
    let headers = request.headers();
    let media_type = the_only(headers, &header::CONTENT_TYPE)
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(MediaType::parse);
    if headers.contains_key(header::CONTENT_ENCODING)
        || media_type.is_none_or(|media_type| !media_type.is_utf_8("application/x-www-form-urlencoded"))
    {
        return Err(Problem::unsupported_media_type("Send the form as application/x-www-form-urlencoded."));
    }
    let bytes = collect(request.into_body(), LARGEST_BODY).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Problem::invalid_request("The form is not UTF-8."))?;
    fields(text)
}

/// The fields of a form or a query.
///
/// # Errors
/// 400 if a field is given twice or is not UTF-8.
pub fn fields(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    // serde_urlencoded would replace bytes that are not UTF-8 by U+FFFD.
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| Problem::invalid_request("The form is not UTF-8."))?;
    let malformed = |_| Problem::invalid_request("The form is malformed.");
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text).map_err(malformed)?;
    let count = pairs.len();
    let fields: BTreeMap<_, _> = pairs.into_iter().collect();
    if fields.len() == count { Ok(fields) } else { Err(Problem::invalid_request("A field is there twice.")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_once_each_and_as_utf_8() {
        let read = fields("a=1&b=%C3%A9+x&c=").unwrap();
        assert_eq!(
            read.into_iter().collect::<Vec<_>>(),
            [("a", "1"), ("b", "é x"), ("c", "")].map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        for bad in ["a=1&a=2", "a=%FF", "%FF=1", "a=%C3&b=%A9", "a=%ED%A0%80"] {
            assert_eq!(fields(bad).unwrap_err().status, http::StatusCode::BAD_REQUEST, "{bad}");
        }
    }
}
