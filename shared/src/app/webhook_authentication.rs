//! The static token on top of the signature: made, sealed, shown once.

use super::App;
use crate::error::Error;
use crate::store::webhooks::StoredAuthentication;
use crate::webhook::authentication::{AuthToken, Authentication, token_context};
use crate::webhook::id::WebhookId;

/// A static token as a caller asks for it.
#[derive(Clone, Debug)]
pub struct RequestedAuthentication {
    /// The kind and the header.
    pub authentication: Authentication,
    /// The token; generated where absent.
    pub token: Option<AuthToken>,
}

/// What the response shows, once.
#[derive(Clone, Debug)]
pub struct ShownAuthentication {
    /// The kind and the header.
    pub authentication: Authentication,
    /// The token; absent for kind `none`.
    pub token: Option<AuthToken>,
}

impl App {
    /// Seals the token, drawing one where none was given.
    pub(super) async fn seal_authentication(
        &self,
        webhook_id: &WebhookId,
        requested: &RequestedAuthentication,
    ) -> Result<(StoredAuthentication, ShownAuthentication), Error> {
        let authentication = requested.authentication.clone();
        if !authentication.needs_token() {
            let stored = StoredAuthentication { authentication: authentication.clone(), sealed_token: None };
            return Ok((stored, ShownAuthentication { authentication, token: None }));
        }
        let token = requested.token.clone().unwrap_or_else(|| AuthToken::generate(self.random_bytes()));
        let sealed = self.sealer.seal(&token_context(webhook_id), token.expose()).await?;
        let stored =
            StoredAuthentication { authentication: authentication.clone(), sealed_token: Some(sealed) };
        Ok((stored, ShownAuthentication { authentication, token: Some(token) }))
    }
}
