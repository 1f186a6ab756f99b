//! E-mail, by Cloudflare's `send_email` binding.

use async_trait::async_trait;
use shared::mail::Mail;
use shared::ports::{MailError, Mailer};

use crate::bindings::{Bound, Env};
use crate::glue::{self, Call};

/// The binding.
pub struct MailService(Bound);

impl MailService {
    /// The service bound as `name`. `None` if there is no such binding.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        env.bound(name, "send").map(Self)
    }
}

#[async_trait]
impl Mailer for MailService {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let Mail { from, to, subject, text } = mail;
        let sent = Call::make(|call| glue::mail(call, self.0.place(), from, to, subject, text));
        sent.await.or_thrown().map(drop).map_err(MailError)
    }
}
