//! E-mail, by Cloudflare's `send_email` binding.

use async_trait::async_trait;
use shared::mail::Mail;
use shared::ports::{MailError, Mailer};
use worker::send::SendFuture;
use worker::{Env, SendEmail, SendEmailBuilder};

/// The binding.
pub struct MailService(SendEmail);

impl MailService {
    /// The service bound as `name`.
    ///
    /// # Errors
    /// If there is no such binding.
    pub fn bound(env: &Env, name: &str) -> worker::Result<Self> {
        env.get_binding(name).map(Self)
    }
}

#[async_trait]
impl Mailer for MailService {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = SendEmailBuilder::builder(&mail.from, &mail.to, &mail.subject).text(&mail.text).build();
        let sent = SendFuture::new(self.0.send_with_builder(&message)).await;
        sent.map(drop).map_err(|error| MailError(crate::fetch::describe(&error)))
    }
}
