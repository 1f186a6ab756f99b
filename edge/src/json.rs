//! Bodies: strict JSON in, JSON out.

use std::fmt;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::error::Error;
use shared::strict_json;
use shared::text::printable_json;

use crate::fields::{Fields, Kind};
use crate::media_type::MediaType;
use crate::problem::Problem;
use crate::secret::the_only;

/// The largest body of an Admin API request: 64 KiB.
pub const LARGEST_BODY: usize = 64 * 1024;

/// A body of `application/json`: one strict object of the fields that `T` has.
///
/// # Errors
/// 415 for another type or any encoding, 413 above 64 KiB, 400 naming each field that is wrong.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: Fields> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        parse(&read(request, LARGEST_BODY).await?).map(Self)
    }
}

fn parse<T: Fields>(bytes: &[u8]) -> Result<T, Problem> {
    let malformed = |fault: &dyn fmt::Display| Problem::invalid_request(fault.to_string());
    strict_json::check_object(bytes).map_err(|fault| malformed(&fault))?;
    let object = serde_json::from_slice(bytes).map_err(|fault| malformed(&fault))?;
    Ok(T::read(&object, Kind::Field).map_err(Error::Invalid)?)
}

/// As [`Json`], for routes whose body may be absent: an absent body is read as `{}`. Generated clients name the type of a
/// body that they leave out, too.
pub struct OptionalJson<T>(pub T);

impl<S: Send + Sync, T: Fields> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        let typed =
            headers.contains_key(header::CONTENT_TYPE) || headers.contains_key(header::CONTENT_ENCODING);
        let bytes = if typed {
            read(request, LARGEST_BODY).await?
        } else {
            collect(request.into_body(), LARGEST_BODY).await?
        };
        if bytes.is_empty() {
            return Ok(Self(T::read(&Value::Object(Map::new()), Kind::Field).map_err(Error::Invalid)?));
        }
        if !typed {
            return Err(Problem::unsupported_media_type("Send the body as application/json."));
        }
        parse(&bytes).map(Self)
    }
}

/// The body's bytes, once its type, encoding and size are right.
///
/// # Errors
/// 415 or 413.
pub async fn read(request: Request, limit: usize) -> Result<Vec<u8>, Problem> {
    check_media_type(request.headers())?;
    collect(request.into_body(), limit).await
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::unsupported_media_type("Send the body without Content-Encoding."));
    }
    let media_type = the_only(headers, &header::CONTENT_TYPE)
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(MediaType::parse);
    let good = media_type.is_some_and(|media_type| media_type.is_utf_8("application/json"));
    if good { Ok(()) } else { Err(Problem::unsupported_media_type("Send the body as application/json.")) }
}

pub(crate) async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::payload_too_large(limit)),
        Err(_) => Err(Problem::invalid_request("The body ended early.")),
    }
}

/// An answer in JSON with its status. Whatever its texts hold, the answer shows every character and leaves the cursor of a
/// terminal alone: event bodies, and what a caller typed, are others' words.
pub struct JsonAnswer<T>(pub StatusCode, pub T);

impl<T: Serialize> IntoResponse for JsonAnswer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_string(&self.1) {
            Ok(body) => {
                let mut response = (self.0, printable_json(body)).into_response();
                let value = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, value);
                response
            }
            Err(error) => Problem::from(Error::Internal(error.to_string())).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_body_of_one_piece_stays_where_it_lies() {
        let given = vec![b'x'; 1000];
        let address = given.as_ptr();
        let collected = collect(Body::from(given), 1000).now_or_never();
        assert_eq!(collected.and_then(Result::ok).map(|bytes| bytes.as_ptr()), Some(address));
    }
}
