//! JSON Schemas of the domain's texts: their rules, for callers' tools. The types with fields derive theirs.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::dead_letter::Origin;
use crate::event::catalogue::EventType;
use crate::event::id::EventId;
use crate::tenant::{EmailAddress, OrgId, OrgName};
use crate::time::Timestamp;
use crate::webhook::authentication::{AuthToken, HeaderName};
use crate::webhook::filter::EventFilter;
use crate::webhook::id::WebhookId;
use crate::webhook::signing::SigningSecret;
use crate::webhook::url::{MAX_URL_LENGTH, WebhookUrl};

/// Gives a type that travels as a text its schema.
macro_rules! text {
    ($type:ident, $object:expr) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object(Object::from($object)))
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($type))
            }
        }
    };
}

fn described(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn bounded(description: &str, shortest: usize, longest: usize, pattern: &str) -> ObjectBuilder {
    described(description).min_length(Some(shortest)).max_length(Some(longest)).pattern(Some(pattern))
}

/// Every character but control and bidirectional ones, within a class; see [`OrgName::parse`].
const NOT_REDIRECTING: &str =
    r"^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff";

/// Characters that show nothing, within a class; see `text::is_visible`. The few beyond U+FFFF are left out.
const INVISIBLE: &str = r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufffb";

text!(EventId, bounded("The envelope's `id`: neither `.` nor `..`.", 1, 128, "^[!-~]+$"));
text!(WebhookId, described("A webhook's id.").format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))));
text!(
    OrgId,
    bounded(
        "The organization's ID: a-z, 0-9 and -, starting and ending with a letter or digit.",
        3,
        63,
        "^[a-z0-9][a-z0-9-]*[a-z0-9]$",
    )
);
text!(
    OrgName,
    bounded(
        "The organization's name: at least one visible character, and no control or bidirectional ones.",
        1,
        120,
        &format!(r"^[{NOT_REDIRECTING}]*[{NOT_REDIRECTING}\s{INVISIBLE}][{NOT_REDIRECTING}]*$"),
    )
);
text!(
    EmailAddress,
    bounded(
        // No `format`: that of JSON Schema is stricter with the local part.
        "An e-mail address in printable ASCII.",
        3,
        254,
        r"^[!-?A-~]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$",
    )
);
text!(
    Timestamp,
    described(
        "ISO 8601, from 1970 to 9999. Answers are in UTC with milliseconds; requests may have any offset."
    )
    .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
    .pattern(Some("^(19[7-9]|[2-9][0-9]{2})[0-9]-"))
);
text!(EventType, described("An EventBridge `detail-type`.").min_length(Some(1)).max_length(Some(128)));
text!(
    WebhookUrl,
    described(
        "https (http in dev and local), a public host name, port 443 or 1024 and above, no user info, no fragment. \
         Loopback, private hosts and IP addresses in local only.",
    )
    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uri)))
    .min_length(Some(1))
    .max_length(Some(MAX_URL_LENGTH))
    .pattern(Some(r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\\#@]+$"))
);
text!(
    SigningSecret,
    described("A Standard Webhooks signing secret: whsec_ and the base64 of 24 to 64 bytes.").pattern(Some(
        "^whsec_([A-Za-z0-9+/]{4}){8,20}(([A-Za-z0-9+/]{4})?[A-Za-z0-9+/][AQgw]==\
         |[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/]{4})?$"
    ))
);
text!(
    HeaderName,
    bounded(
        "A header of the partner's choice that ends in Key, Token, Secret, Password or Auth, such as X-Api-Key or \
         X-Webhook-Token. Not one that HTTP, this service, or a proxy or sign-in front before an application gives a \
         meaning: Webhook-*, X-Forwarded-*, *-User-*, and such. Authorization is the type bearerToken.",
        1,
        64,
        "^[A-Za-z0-9!#$%&'*+.^_`|~-]*([Kk][Ee][Yy]|[Tt][Oo][Kk][Ee][Nn]|[Ss][Ee][Cc][Rr][Ee][Tt]\
         |[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]|[Aa][Uu][Tt][Hh])$",
    )
);
text!(AuthToken, bounded("A static token: visible ASCII. Never the signing secret.", 16, 512, "^[!-~]+$"));
text!(Origin, described("A queue.").enum_values(Some(["webhook-events", "webhook-retries"])));

impl PartialSchema for EventFilter {
    fn schema() -> RefOr<Schema> {
        Vec::<String>::schema()
    }
}

impl ToSchema for EventFilter {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("EventFilter")
    }
}
