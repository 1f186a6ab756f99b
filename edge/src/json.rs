//! Bodies: strict JSON in, JSON out.

use std::fmt;
use std::marker::PhantomData;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use shared::strict_json;

use crate::problem::Problem;
use crate::secret::the_only;

/// The largest body of an Admin API request: 64 KiB.
pub const LARGEST_BODY: usize = 64 * 1024;

/// A body of `application/json`, checked to be one strict object with no field that `T` does not know.
///
/// # Errors
/// 415 for another type or any encoding, 413 above 64 KiB, 400 naming the field otherwise.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let bytes = read(request, LARGEST_BODY).await?;
        strict_json::check_object(&bytes).map_err(|fault| Problem::invalid_request(fault.to_string()))?;
        parse(&bytes).map(Self)
    }
}

/// As [`Json`], for routes whose body may be absent: then `T` is as if the body were `{}`.
pub struct OptionalJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        if headers.contains_key(header::CONTENT_TYPE) || headers.contains_key(header::CONTENT_ENCODING) {
            return Json::from_request(request, state).await.map(|Json(value)| Self(value));
        }
        let bytes = collect(request.into_body(), LARGEST_BODY).await?;
        if !bytes.is_empty() {
            return Err(Problem::unsupported_media_type("Send the body as application/json."));
        }
        parse(b"{}").map(Self)
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
        .and_then(|value| value.parse::<mime::Mime>().ok());
    let good = media_type.is_some_and(|media_type| {
        media_type.essence_str() == "application/json"
            && media_type.get_param("charset").is_none_or(|charset| charset == "utf-8")
    });
    if good { Ok(()) } else { Err(Problem::unsupported_media_type("Send the body as application/json.")) }
}

pub(crate) async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::payload_too_large(limit)),
        Err(_) => Err(Problem::invalid_request("The body ended early.")),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let fault = explained(&error.inner().to_string());
        Problem::invalid_field(if path == "." { "body" } else { &path }, fault)
    })
}

/// What serde says of a field, for the one who sent it: what it must be. Serde also repeats the value, which may be a
/// secret in the wrong place, names our own types, and counts lines, which the field's path says better.
fn explained(fault: &str) -> String {
    if fault.starts_with("unknown field") {
        return "is not a known field".to_owned();
    }
    let fault = fault.rsplit_once(" at line ").map_or(fault, |(fault, _)| fault);
    match fault.rsplit_once(", expected ").map(|(_, expected)| expected) {
        Some("a sequence") => "must be a list".to_owned(),
        Some("u32" | "u64") => "must be a whole number, not negative".to_owned(),
        Some(expected) => format!("must be {expected}"),
        None => fault.to_owned(),
    }
}

/// Reads a member that is an object, or absent: `#[serde(default, deserialize_with = "optional_object")]`. Serde by
/// itself takes an array of the values, in their order, for an object.
///
/// # Errors
/// Where it is neither an object nor null.
pub fn optional_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(OptionalObject(PhantomData))
}

struct OptionalObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OptionalObject<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// Reads a member that is a whole number, not negative, or absent, in any of JSON's spellings: `1.0` is one too (JSON
/// Schema, Validation §6.1.1), and serde by itself refuses it.
///
/// # Errors
/// Where it is neither such a number nor null.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    /// Above it, not every whole number is a double.
    const MOST: f64 = 9_007_199_254_740_992.0;

    let given = Option::<serde_json::Value>::deserialize(deserializer)?;
    let Some(given) = given else { return Ok(None) };
    let whole = given.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=MOST).contains(number));
    // Within these bounds the digits are exact.
    let spelt = whole.map(|number| format!("{:.0}", number.abs())).and_then(|digits| digits.parse().ok());
    let read = given.as_u64().or(spelt).filter(|_| given.is_number());
    read.map(Some).ok_or_else(|| de::Error::custom("must be a whole number, not negative"))
}

/// An answer in JSON with its status.
pub struct Answer<T>(pub StatusCode, pub T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.1) {
            Ok(body) => {
                let mut response = (self.0, body).into_response();
                let value = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, value);
                response
            }
            Err(error) => Problem::from(shared::error::Error::Internal(error.to_string())).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[derive(Deserialize)]
    struct Given {
        #[serde(default, deserialize_with = "whole_number")]
        seconds: Option<u64>,
    }

    fn read(json: &str) -> Result<Option<u64>, Problem> {
        parse::<Given>(json.as_bytes()).map(|given| given.seconds)
    }

    #[test]
    fn a_whole_number_may_be_spelt_in_any_way() {
        for (text, number) in
            [("0", 0), ("-0", 0), ("60", 60), ("60.0", 60), ("6e1", 60), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(read(&format!("{{\"seconds\": {text}}}")).unwrap(), Some(number), "{text}");
        }
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read("{\"seconds\": null}").unwrap(), None);
        for text in ["-1", "1.5", "1e30", "\"1\"", "[1]", "true", "{}"] {
            let problem = read(&format!("{{\"seconds\": {text}}}")).unwrap_err();
            assert_eq!(problem.fields["seconds"], "must be a whole number, not negative", "{text}");
        }
    }
}
