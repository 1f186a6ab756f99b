//! Errors in one shape (spec: Admin API, Errors), and the one table from domain errors to status and code.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use shared::code::ErrorCode;
use shared::error::{Error, FieldFaults};
use shared::text::printable_json;

/// The seconds that a caller who asked too often is told to wait: the period over which requests are counted.
pub const RETRY_AFTER: &str = "60";

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable code for programs.
    pub code: ErrorCode,
    /// A sentence that tells a person what to do.
    pub message: String,
    /// What is wrong with each field.
    pub fields: FieldFaults,
    /// More about the cause, for the log only.
    pub detail: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    success: bool,
    error: ErrorCode,
    message: &'a str,
    #[serde(rename = "requestId")]
    request_id: &'a str,
    #[serde(skip_serializing_if = "FieldFaults::is_empty")]
    fields: &'a FieldFaults,
}

impl Problem {
    /// A problem without fields.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), fields: FieldFaults::new(), detail: None }
    }

    /// Missing or wrong credentials: one body for every cause.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, "Credentials are missing or not valid.")
    }

    /// The request itself is malformed.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, message)
    }

    /// One field is wrong.
    pub fn invalid_field(name: &str, fault: impl ToString) -> Self {
        Error::field(name, fault).into()
    }

    /// There is nothing at this path.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            "There is nothing at this path; see GET /openapi.json.",
        )
    }

    /// The path takes other methods only.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::MethodNotAllowed,
            "This path does not take this method.",
        )
    }

    /// The body is over the limit.
    pub fn payload_too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {} KiB.", limit / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::PayloadTooLarge, message)
    }

    /// The body is not plain JSON.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType, message)
    }

    /// The caller asked too often. The answer says when to ask again.
    pub fn too_many_requests() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TooManyRequests,
            "That was asked too often; wait a minute, then try again.",
        )
    }

    /// Something that the answer needs does not answer; a later try may succeed. The detail goes to the log.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let message = "The service is not available at the moment; try again shortly.";
        Self {
            detail: Some(detail.into()),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message)
        }
    }

    /// Settings or bindings are wrong. The detail goes to the log.
    pub fn misconfigured(detail: Option<String>) -> Self {
        let message = "The service is not configured; its operators have been told in the log.";
        Self { detail, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Misconfigured, message) }
    }

    /// The body of the answer to the request with this id. The names of fields are the caller's: each character shows.
    pub fn render(&self, request_id: &str) -> String {
        let body = Body {
            success: false,
            error: self.code,
            message: &self.message,
            request_id,
            fields: &self.fields,
        };
        printable_json(serde_json::to_string(&body).unwrap_or_default())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::Invalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest),
            Error::TenantNotRegistered => (StatusCode::NOT_FOUND, ErrorCode::TenantNotRegistered),
            Error::TenantAlreadyRegistered => (StatusCode::CONFLICT, ErrorCode::TenantAlreadyRegistered),
            Error::OrgIdReserved => (StatusCode::CONFLICT, ErrorCode::OrgIdReserved),
            Error::ActiveKeyExists => (StatusCode::CONFLICT, ErrorCode::ActiveKeyExists),
            Error::NoActiveKey => (StatusCode::NOT_FOUND, ErrorCode::NoActiveKey),
            Error::MemberNotFound => (StatusCode::NOT_FOUND, ErrorCode::MemberNotFound),
            Error::MemberIsOwner => (StatusCode::CONFLICT, ErrorCode::MemberIsOwner),
            Error::MemberLimitReached => (StatusCode::CONFLICT, ErrorCode::MemberLimitReached),
            Error::WebhookNotFound => (StatusCode::NOT_FOUND, ErrorCode::WebhookNotFound),
            Error::WebhookLimitReached => (StatusCode::CONFLICT, ErrorCode::WebhookLimitReached),
            Error::IdempotencyKeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::IdempotencyKeyReused)
            }
            Error::TooManySecrets => (StatusCode::CONFLICT, ErrorCode::TooManySecrets),
            Error::WebhookDisabled => (StatusCode::CONFLICT, ErrorCode::WebhookDisabled),
            Error::WebhookNotDisabled => (StatusCode::CONFLICT, ErrorCode::WebhookNotDisabled),
            Error::DeadLetterNotFound => (StatusCode::NOT_FOUND, ErrorCode::DeadLetterNotFound),
            Error::DeliveryNotFound => (StatusCode::NOT_FOUND, ErrorCode::DeliveryNotFound),
            Error::DeliveryPending => (StatusCode::CONFLICT, ErrorCode::DeliveryPending),
            Error::BodyNotKept => (StatusCode::CONFLICT, ErrorCode::BodyNotKept),
            Error::EventTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::PayloadTooLarge),
            Error::Unavailable(detail) => return Self::unavailable(detail.clone()),
            Error::Misconfigured(detail) => return Self::misconfigured(Some(detail.clone())),
            Error::Internal(detail) => {
                let message = "Something went wrong on our side; the request id helps us find it.";
                let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message);
                return Self { detail: Some(detail.clone()), ..problem };
            }
        };
        let mut problem = Self::new(status, code, sentence(&error.to_string()));
        if let Error::Invalid(fields) = error {
            problem.message =
                fields.iter().map(|(name, fault)| format!("{name} {fault}")).collect::<Vec<_>>().join("; ");
            problem.fields = fields;
        }
        problem
    }
}

/// Makes a sentence of an error's text. `Tenant not registered` has no full stop, as the specification has it.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return String::new() };
    if first.is_ascii_uppercase() {
        text.to_owned()
    } else {
        format!("{}{}.", first.to_ascii_uppercase(), characters.as_str())
    }
}

impl IntoResponse for Problem {
    /// The body is rendered where the request id is known: see [`crate::serve`].
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response.extensions_mut().insert(self);
        response
    }
}
