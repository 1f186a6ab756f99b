//! What a person typed into a form that the portal could not take before another sign-in. The browser keeps the text in an
//! encrypted cookie, and the form's page shows the text again.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use shared::sealer::Sealer;
use shared::time::Timestamp;

use crate::cookies;
use crate::oidc::TRANSACTION_LIFE;

/// Tells a draft from other values that the same key encrypts.
const CONTEXT: &str = "form draft";
/// A draft waits as long as the sign-in may take, and a little for the page after that.
const LIFE: Duration = TRANSACTION_LIFE.saturating_add(Duration::from_secs(60));

/// The fields of a form.
#[derive(Serialize, Deserialize)]
pub struct Draft {
    /// The path of the page with the form.
    page: String,
    fields: BTreeMap<String, String>,
    expires_at: Timestamp,
}

impl Draft {
    /// Takes the fields of a form, without the token that ties the form to its session: the only secret in any form.
    pub fn new(page: &str, fields: &BTreeMap<String, String>, now: Timestamp) -> Self {
        let mut fields = fields.clone();
        fields.remove(crate::visit::CSRF_FIELD);
        Self { page: page.to_owned(), fields, expires_at: now.plus(LIFE) }
    }

    /// Returns the cookie that keeps the draft; `None` if a browser would not keep as long a cookie.
    pub async fn cookie(&self, sealer: &Sealer) -> Option<HeaderValue> {
        let sealed = sealer.seal(CONTEXT, &serde_json::to_string(self).ok()?).await.ok()?;
        cookies::set(cookies::DRAFT, &sealed, LIFE)
    }

    /// Returns the draft that this browser keeps for the form on `page`, if there is one.
    pub async fn read(headers: &HeaderMap, page: &str, sealer: &Sealer, now: Timestamp) -> Option<Self> {
        let text = sealer.open(CONTEXT, cookies::read(headers, cookies::DRAFT)?).await.ok()?;
        let draft: Self = serde_json::from_str(text.expose_secret()).ok()?;
        (draft.page == page && now < draft.expires_at).then_some(draft)
    }

    /// Returns the text in a field, if the form has the field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Returns the header that clears the cookie.
    pub fn clear() -> Option<HeaderValue> {
        cookies::clear(cookies::DRAFT)
    }
}
