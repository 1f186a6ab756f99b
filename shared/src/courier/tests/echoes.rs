//! Endpoints that write back what they were sent, and words that would do harm where they are shown.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::{message, row};
use crate::delivery::outcome::AttemptResult;
use crate::ports::{HttpClient, OutboundRequest};
use crate::tenant::OrgId;
use crate::testing::Fixture;

const URL: &str = "https://hooks.example.com/in";

/// Echoes a secret beside a failure, or fails to connect with these words.
struct Echo(String);
struct NoConnection(String);

#[async_trait::async_trait]
impl HttpClient for NoConnection {
    async fn post(&self, _request: OutboundRequest) -> AttemptResult {
        AttemptResult::ConnectionFailed(self.0.clone())
    }
}

#[async_trait::async_trait]
impl HttpClient for Echo {
    async fn post(&self, _request: OutboundRequest) -> AttemptResult {
        AttemptResult::Response { status: 500, retry_after: None, excerpt: self.0.clone() }
    }
}

#[tokio::test]
async fn a_secret_that_an_endpoint_echoes_is_not_stored() {
    let mut fixture = Fixture::default();
    let acme = OrgId::clone(&fixture.tenant("acme-corp").await);
    let created = fixture.webhook(&acme, URL, &[]).await;
    let secret = created.secret.expose().expose_secret().trim_start_matches("whsec_").to_owned();
    fixture.courier.http = Arc::new(Echo(format!("secret whsec_{secret}, and cut off: {}", &secret[..20])));

    fixture.deliver_events(&[message("e-0", "KeyAdded", "acme-corp")]).await;

    let row = row(&fixture, &created.webhook_id, "e-0");
    assert!(
        row["attempts"].as_str().unwrap().contains("secret whsec_[secret], and cut off: [secret]"),
        "{row}"
    );
}

#[tokio::test]
async fn words_of_the_transport_and_the_endpoint_are_kept_printable_and_without_secrets() {
    let mut fixture = Fixture::default();
    let acme = OrgId::clone(&fixture.tenant("acme-corp").await);
    let created = fixture.webhook(&acme, URL, &[]).await;
    let secret = created.secret.expose().expose_secret().to_owned();
    fixture.courier.http =
        Arc::new(NoConnection(format!("Invalid header value: {secret}\n\u{1b}[2J\u{202e}")));

    fixture.deliver_events(&[message("e-0", "KeyAdded", "acme-corp")]).await;

    let row = row(&fixture, &created.webhook_id, "e-0");
    let kept = "connection failed: Invalid header value: whsec_[secret] \u{fffd}[2J\u{fffd}";
    assert!(row["attempts"].as_str().unwrap().contains(kept), "{row}");
}
