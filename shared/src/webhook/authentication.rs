//! How a webhook's requests prove themselves beside the signature: not at all, or by a static token in a
//! header.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

pub use super::header_name::{HeaderName, HeaderNameFault};
use super::id::WebhookId;
use super::signing::SigningSecret;

/// A token's length in characters.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 16..=512;

/// The kind of authentication, without its token, as the API shows it:
/// `{"type": "apiKeyHeader", "headerName": "X-Api-Key"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", try_from = "Form")]
pub enum Authentication {
    /// Only the signature.
    #[default]
    None,
    /// The token alone is the value of a header that the partner names.
    ApiKeyHeader {
        /// That header.
        #[cfg_attr(feature = "schemas", schema(rename = "headerName"))]
        header_name: HeaderName,
    },
    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    BearerToken,
}

/// The `type` alone, as it stands in a request beside `headerName` and `token`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthenticationType {
    /// Only the signature.
    #[default]
    None,
    /// The token in a header that the partner names.
    ApiKeyHeader,
    /// The token as `Authorization: Bearer`.
    BearerToken,
}

/// Type and header name do not belong together. `Display` is the message for the field `headerName`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationFault {
    /// The type `apiKeyHeader` without a header name.
    #[error("must be given with the type apiKeyHeader")]
    HeaderNameMissing,
    /// Another type with a header name.
    #[error("must be given with the type apiKeyHeader only")]
    HeaderNameUnexpected,
}

/// What is read before type and header name are known to belong together. (An enum would be read more laxly:
/// serde lets unknown fields through beside a tag without content.)
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form {
    r#type: AuthenticationType,
    header_name: Option<HeaderName>,
}

impl TryFrom<Form> for Authentication {
    type Error = AuthenticationFault;

    fn try_from(form: Form) -> Result<Self, Self::Error> {
        Self::new(form.r#type, form.header_name)
    }
}

impl Authentication {
    /// Puts type and header name together.
    ///
    /// # Errors
    ///
    /// [`AuthenticationFault`] where one is without the other.
    pub fn new(
        r#type: AuthenticationType,
        header_name: Option<HeaderName>,
    ) -> Result<Self, AuthenticationFault> {
        match (r#type, header_name) {
            (AuthenticationType::None, None) => Ok(Self::None),
            (AuthenticationType::BearerToken, None) => Ok(Self::BearerToken),
            (AuthenticationType::ApiKeyHeader, Some(header_name)) => Ok(Self::ApiKeyHeader { header_name }),
            (AuthenticationType::ApiKeyHeader, None) => Err(AuthenticationFault::HeaderNameMissing),
            (AuthenticationType::None | AuthenticationType::BearerToken, Some(_)) => {
                Err(AuthenticationFault::HeaderNameUnexpected)
            }
        }
    }

    /// Whether a token belongs to it.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        self != &Self::None
    }

    /// The header to send, name and value; none where no token belongs to it.
    #[must_use]
    pub fn header(&self, token: &AuthToken) -> Option<(&str, SecretString)> {
        match self {
            Self::None => None,
            Self::ApiKeyHeader { header_name } => Some((header_name.as_str(), token.0.clone())),
            Self::BearerToken => Some(("authorization", format!("Bearer {}", token.expose()).into())),
        }
    }
}

/// A static token: 16 to 512 visible ASCII characters (0x21 to 0x7e), so that it is a header value as it is.
/// Never printed, never serialised by itself.
#[derive(Debug, Clone)]
pub struct AuthToken(SecretString);

/// Why a token is refused. It does not say what the token was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthTokenFault {
    /// Anything but 16 to 512 visible ASCII characters.
    #[error("must be 16 to 512 visible ASCII characters, without spaces")]
    NotVisibleAscii,
    /// It would give the signing secret to whoever reads a request.
    #[error("must not be the signing secret")]
    SameAsSecret,
}

impl AuthToken {
    /// Checks a token that somebody brings, or one read back from the database.
    ///
    /// # Errors
    ///
    /// [`AuthTokenFault::NotVisibleAscii`].
    pub fn parse(text: &str) -> Result<Self, AuthTokenFault> {
        let is_token = TOKEN_LENGTH.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_token { Ok(Self(text.into())) } else { Err(AuthTokenFault::NotVisibleAscii) }
    }

    /// Makes a new token of 32 random bytes: 43 characters of URL-safe base64.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random).into())
    }

    /// The token itself, for the one response that shows it, for encryption and for the request.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Checks that the token does not give away the signing secret.
    ///
    /// # Errors
    ///
    /// [`AuthTokenFault::SameAsSecret`].
    pub fn check_differs_from(&self, secret: &SigningSecret) -> Result<(), AuthTokenFault> {
        // No comparison in constant time: both are in the hands of the one who asks.
        if secret.is_within(self.expose()) { Err(AuthTokenFault::SameAsSecret) } else { Ok(()) }
    }
}

/// The context that a webhook's static token is sealed with: see [`crate::sealer::Sealer::seal`].
pub fn token_context(webhook_id: &WebhookId) -> String {
    format!("webhook-token:{webhook_id}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "s3cr3t-token-of-a-partner";

    fn token() -> AuthToken {
        AuthToken::parse(TOKEN).unwrap()
    }

    fn api_key_header(name: &str) -> Authentication {
        Authentication::ApiKeyHeader { header_name: HeaderName::parse(name).unwrap() }
    }

    #[test]
    fn each_type_has_its_form_in_json() {
        for (authentication, json) in [
            (Authentication::None, r#"{"type":"none"}"#),
            (api_key_header("X-Api-Key"), r#"{"type":"apiKeyHeader","headerName":"X-Api-Key"}"#),
            (Authentication::BearerToken, r#"{"type":"bearerToken"}"#),
        ] {
            assert_eq!(serde_json::to_string(&authentication).unwrap(), json);
            assert_eq!(serde_json::from_str::<Authentication>(json).unwrap(), authentication);
        }
    }

    #[test]
    fn json_of_another_form_is_refused() {
        for json in [
            "{}",
            r#"{"type":"basic"}"#,
            r#"{"type":"apiKeyHeader"}"#,
            r#"{"type":"apiKeyHeader","headerName":"Host"}"#,
            r#"{"type":"apiKeyHeader","header_name":"X-Api-Key"}"#,
            r#"{"type":"bearerToken","headerName":"X-Api-Key"}"#,
            r#"{"type":"none","token":"x"}"#,
        ] {
            assert!(serde_json::from_str::<Authentication>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_token_goes_where_the_type_says() {
        let header = |authentication: &Authentication| {
            let token = token();
            authentication.header(&token).map(|(name, value)| format!("{name}: {}", value.expose_secret()))
        };
        assert_eq!(header(&Authentication::None), None);
        assert_eq!(header(&api_key_header("X-Api-Key")), Some(format!("X-Api-Key: {TOKEN}")));
        assert_eq!(header(&Authentication::BearerToken), Some(format!("authorization: Bearer {TOKEN}")));
    }

    #[test]
    fn only_a_type_other_than_none_needs_a_token() {
        assert!(!Authentication::default().needs_token());
        assert!(Authentication::BearerToken.needs_token());
        assert!(api_key_header("X-Api-Key").needs_token());
    }

    #[test]
    fn a_token_has_16_to_512_characters() {
        for (length, is_accepted) in [(0, false), (15, false), (16, true), (512, true), (513, false)] {
            assert_eq!(AuthToken::parse(&"x".repeat(length)).is_ok(), is_accepted, "{length}");
        }
    }

    #[test]
    fn only_visible_ascii_is_accepted() {
        let is_accepted = |character: char| AuthToken::parse(&format!("{TOKEN}{character}")).is_ok();
        for character in ('\0'..='\u{ff}').chain(['\u{2003}', '\u{ff21}', '😀']) {
            assert_eq!(is_accepted(character), ('\u{21}'..='\u{7e}').contains(&character), "{character:?}");
        }
    }

    #[test]
    fn a_generated_token_is_a_valid_one() {
        let token = AuthToken::generate([0xfb; 32]);
        assert_eq!(token.expose().len(), 43);
        assert_eq!(AuthToken::parse(token.expose()).unwrap().expose(), token.expose());
    }

    #[test]
    fn a_token_that_gives_away_the_signing_secret_is_refused() {
        let secret = SigningSecret::generate([9; 32]);
        let text = secret.expose();
        let text = text.expose_secret();
        for given in [text, &text[6..], text.trim_end_matches('='), &format!("x{text}x")] {
            let token = AuthToken::parse(given).unwrap();
            assert_eq!(token.check_differs_from(&secret), Err(AuthTokenFault::SameAsSecret), "{given}");
        }
        for (key, given) in [([b'k'; 32], "k".repeat(32)), ([0xfb; 32], URL_SAFE_NO_PAD.encode([0xfb; 32]))] {
            let token = AuthToken::parse(&given).unwrap();
            let gives_away = token.check_differs_from(&SigningSecret::generate(key));
            assert_eq!(gives_away, Err(AuthTokenFault::SameAsSecret), "{given}");
        }
        assert_eq!(token().check_differs_from(&secret), Ok(()));
    }

    #[test]
    fn debug_does_not_show_the_token() {
        let debug = format!("{:?} {:?}", token(), AuthToken::parse("hunter2"));
        assert!(
            !debug.contains("s3cr3t") && !debug.contains("hunter2") && debug.contains("REDACTED"),
            "{debug}"
        );
    }

    proptest! {
        #[test]
        fn a_token_of_visible_ascii_is_kept_as_it_is(text in "[!-~]{16,512}") {
            let token = AuthToken::parse(&text).unwrap();
            prop_assert_eq!(token.expose(), text);
        }

        #[test]
        fn any_other_text_is_refused(text in "[!-~]{8}[^!-~][!-~]{8}") {
            prop_assert!(AuthToken::parse(&text).is_err());
        }
    }
}
