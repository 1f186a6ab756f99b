//! Tenants: a partner's organization, and the isolation boundary of everything else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::api_key::ApiKeySummary;
use crate::text::{is_visible, redirects};
use crate::time::Timestamp;

/// A value broke a rule; the text is what the caller is told beside the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub &'static str);

/// The organization's ID: 3–63 characters of `a-z`, `0-9` and `-`, starting and ending with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrgId(String);

impl OrgId {
    /// What is said where an ID breaks the rule.
    pub const RULE: Fault =
        Fault("must be 3 to 63 characters of a-z, 0-9 and -, starting and ending with a letter or digit");

    /// Checks the rule; nothing is trimmed or lowered.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let bytes = text.as_bytes();
        let good = (3..=63).contains(&bytes.len())
            && bytes.iter().copied().all(allowed)
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-');
        if good { Ok(Self(text.to_owned())) } else { Err(Self::RULE) }
    }

    /// Whether only admins may register this ID: who has it seems to be us.
    pub fn is_reserved(&self) -> bool {
        const RESERVED: [&str; 5] = ["admin", "api", "www", "smartphonekey", "spk"];
        RESERVED.contains(&self.as_str())
            || self.0.starts_with("spk-")
            || self.0.starts_with("smartphonekey-")
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OrgId {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        Self::parse(&text)
    }
}

impl From<OrgId> for String {
    fn from(org_id: OrgId) -> Self {
        org_id.0
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The organization's name: 1–120 characters, one of them visible, without control or bidirectional characters, stored as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OrgName(String);

impl OrgName {
    /// Checks the rule. Markup and quotes are welcome: pages escape them.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if !text.chars().any(is_visible) {
            return Err(Fault("must have at least one visible character"));
        }
        if text.chars().count() > 120 {
            return Err(Fault("must have at most 120 characters"));
        }
        if text.chars().any(redirects) {
            return Err(Fault("must not contain control or bidirectional characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address: printable ASCII, exactly one `@`, a local part and a domain, at most 254 characters (RFC 5321).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Checks the rule; nothing is trimmed.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        const RULE: Fault = Fault("must be an e-mail address, such as owner@example.com");
        let (local, domain) = text.split_once('@').ok_or(RULE)?;
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        let labels_filled = domain.split('.').all(|label| !label.is_empty());
        let good = text.len() <= 254
            && !local.is_empty()
            && local.len() <= 64
            && printable
            && !domain.contains('@')
            && labels_filled
            && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        if good { Ok(Self(text.to_owned())) } else { Err(RULE) }
    }

    /// Whether the domain is exactly this one, ignoring ASCII case: no subdomains, no suffixes.
    pub fn is_at(&self, domain: &str) -> bool {
        self.0.split_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tenant as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// The organization's ID.
    #[cfg_attr(feature = "schemas", schema(value_type = OrgId))]
    pub org_id: String,
    /// Its name.
    #[cfg_attr(feature = "schemas", schema(value_type = OrgName))]
    pub org_name: String,
    /// The e-mail address that owns it at the portal.
    #[cfg_attr(feature = "schemas", schema(value_type = EmailAddress))]
    pub owner_email: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// The active key, masked; an expired one counts as none.
    pub api_key: Option<ApiKeySummary>,
    /// How many webhooks it has.
    pub webhook_count: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_id_is_a_plain_lowercase_label() {
        for good in ["abc", "acme-corp", "0a1", "a--b", &"a".repeat(63)] {
            assert!(OrgId::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "-abc",
            "abc-",
            "Acme",
            "acme_corp",
            "acme corp",
            "acmé",
            " abc",
            "abc\n",
            "a/b",
            &"a".repeat(64),
        ] {
            assert_eq!(OrgId::parse(bad), Err(OrgId::RULE), "{bad}");
        }
    }

    #[test]
    fn an_org_name_may_hold_markup_but_nothing_that_redirects_text() {
        for good in ["A", "<script>alert(\"ä\")</script>", "O'Neil & Söhne", "会社", &"ß".repeat(120)] {
            assert!(OrgName::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", " ", "a\u{202E}b", "a\u{2066}b", "a\nb", "a\0b", "a\u{85}b", "a\u{200F}b", &"a".repeat(121)]
        {
            assert!(OrgName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_org_name_shows_something() {
        for invisible in [
            "\u{AD}",
            "\u{34F}",
            "\u{115F}",
            "\u{180E}",
            "\u{200B}",
            "\u{200D}",
            "\u{2060}",
            "\u{2800}",
            "\u{3000}",
            "\u{3164}",
            "\u{FE0F}",
            "\u{FFA0}",
            "\u{FFFB}",
            "\u{E0041}",
            "\u{A0}",
            "\u{2003}",
        ] {
            for text in [invisible.to_owned(), invisible.repeat(3), format!(" {invisible}\u{200B} ")] {
                assert!(OrgName::parse(&text).is_err(), "{text:?}");
                assert!(OrgName::parse(&format!("{text}A")).is_ok(), "{text:?}");
            }
        }
    }

    #[test]
    fn what_seems_to_be_us_is_reserved() {
        for reserved in ["admin", "api", "www", "spk", "smartphonekey", "spk-1", "smartphonekey-support"] {
            assert!(OrgId::parse(reserved).unwrap().is_reserved(), "{reserved}");
        }
        for free in ["admins", "api-1", "spk1", "my-smartphonekey", "www2"] {
            assert!(!OrgId::parse(free).unwrap().is_reserved(), "{free}");
        }
    }

    #[test]
    fn an_admin_is_at_exactly_one_domain() {
        for good in ["a@smartphonekey.com", "a.b+c@SmartphoneKey.COM"] {
            assert!(EmailAddress::parse(good).unwrap().is_at("smartphonekey.com"), "{good}");
        }
        for bad in [
            "a@smartphonekey.com.evil.org",
            "a@notsmartphonekey.com",
            "a@sub.smartphonekey.com",
            "a@smartphonekey.co",
        ] {
            assert!(!EmailAddress::parse(bad).unwrap().is_at("smartphonekey.com"), "{bad}");
        }
        for bad in [
            "@smartphonekey.com",
            "a@@smartphonekey.com",
            "a@b@smartphonekey.com",
            "a@smartphonekey.com.",
            "a@smartphonekey.com ",
            " a@smartphonekey.com",
            "a@smartphonekey.com\0",
            "a@ѕmartphonekey.com",
            "a",
            "",
            "ä@smartphonekey.com",
            "a@",
            "a@smartphonekey..com",
        ] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }
}
