//! Tokens that another library made: PyJWT, by `foreign/make.py`, which says of each why it is good or not.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::is_refused;
use crate::support::TestApp;

#[derive(Deserialize)]
struct ForeignToken {
    status: u16,
    why: String,
    token: String,
}

#[tokio::test]
async fn tokens_of_another_library_get_the_answers_that_they_must() {
    let tokens: Vec<ForeignToken> = serde_json::from_str(include_str!("foreign/tokens.json")).unwrap();
    let mut counts = BTreeMap::new();
    for ForeignToken { status, why, token } in &tokens {
        // Each at an isolate that knows nothing of the tokens before.
        let app = TestApp::default();
        let answer = app.bearer(token).get("/tenants").await;
        assert_eq!(answer.status.as_u16(), *status, "{why}: {answer:?}");
        match status {
            200 => {}
            401 => is_refused(&app, why, token).await,
            _ => {
                answer.is_problem(403, "email_domain_not_allowed");
            }
        }
        // The issuer's keys are the one document that a token can have fetched.
        let keys = "https://issuer.smartphonekey.test/.well-known/jwks.json";
        assert!(app.issuer.take_fetches().iter().all(|url| url == keys), "{why}");
        *counts.entry(*status).or_insert(0) += 1;
    }
    assert!(tokens.len() >= 80 && counts.len() == 3, "{counts:?}");
}
